//! What holds for a conference as a whole (G-).

use super::super::{Watch, random::Split};
use crate::conference::Profile;

/// How many random worlds are made for each profile: `TOXSCOPE_WORLDS`, or a few.
fn worlds() -> u64 {
    let wanted = std::env::var("TOXSCOPE_WORLDS").ok();
    wanted.map_or(8, |number| number.parse().expect("TOXSCOPE_WORLDS is a number"))
}

/// G-001, G-002, G-004, G-007.
#[test]
fn random_worlds_heal_after_a_split() {
    for profile in ["seed", "hardened", "ctoxcore", "ctoxcore:0.2.8"] {
        for seed in 0..worlds() {
            let profile: Profile = profile.parse().unwrap();
            let most = if worlds() > 100 { 40 } else { 12 };
            let world = Split { seed, profile: profile.clone(), most };
            if let Err(unhealed) = world.run(Watch::swiftly()) {
                panic!("seed {seed}, profile {profile}, at most {most} members: {unhealed}");
            }
        }
    }
}
