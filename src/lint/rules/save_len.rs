//! `L-SAVE-LEN`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-SAVE-LEN",
    severity: Severity::Error,
    class: Class::Save,
    cites: "packets §12.2",
    says: "Saved titles and names have at most 128 bytes.",
    cause: "a length that was not checked; c-toxcore refuses the whole profile",
    known: "c-toxcore before 0.2.11 (8ed83c3d4, 3d21e66a8)",
    needs: &[],
    looks_at: ANY,
    check: Check::Save(check),
};

fn check(save: &SaveFile<'_>, found: &mut Found) {
    save.damage(found, |_, kind| matches!(kind, DamageKind::TooLong(_)));
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        save_fires("two.cas.tox", |file| {
            let peer = first_peer(file);
            file[peer + 74] = 129;
        }),
        save_silent("two.cas.tox", |file| {
            let peer = first_peer(file);
            file[peer + 66] ^= 1;
        }),
    ]
}
