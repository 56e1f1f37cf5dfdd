//! Makes a failing case shorter, step by step.

use toxscope::conference::Profile;

use crate::original::Original;
use crate::script::Case;

/// Leaves out steps as long as the case still fails; first many at once, then single ones.
#[must_use]
pub fn minimise(original: &mut Original, profile: &Profile, case: &Case) -> Case {
    let mut best = case.clone();
    if let Err((at, _)) = best.run(original, profile) {
        best.steps.truncate(at + 1);
    }
    let mut size = best.steps.len().div_ceil(2).max(1);
    loop {
        let mut start = 0;
        let mut shorter = false;
        while start < best.steps.len() {
            let mut tried = best.clone();
            tried.steps.drain(start..(start + size).min(best.steps.len()));
            if let Err((at, _)) = tried.run(original, profile) {
                tried.steps.truncate(at + 1);
                best = tried;
                shorter = true;
            } else {
                start += size;
            }
        }
        match size {
            1 if shorter => {}
            1 => return best,
            _ => size = size.div_ceil(2),
        }
    }
}
