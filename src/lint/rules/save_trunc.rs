//! `L-SAVE-TRUNC`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-SAVE-TRUNC",
    severity: Severity::Error,
    class: Class::Save,
    cites: "packets §12.2",
    says: "Every record of a save file ends inside its section.",
    cause: "a file that was cut, or a length that is wrong; c-toxcore refuses the whole profile",
    known: "",
    needs: &[],
    looks_at: ANY,
    check: Check::Save(check),
};

fn check(save: &SaveFile<'_>, found: &mut Found) {
    save.damage(found, |_, kind| {
        matches!(kind, DamageKind::PastTheEnd { .. } | DamageKind::WrongSize { .. })
    });
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        save_fires("two.cas.tox", |file| {
            let inside = saved(file) + 300;
            file.truncate(inside);
        }),
        save_silent("two.cas.tox", |file| {
            let id = saved(file) + 33;
            file[id] ^= 1;
        }),
    ]
}
