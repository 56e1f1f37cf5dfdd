//! `L-SAVE-DUP`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-SAVE-DUP",
    severity: Severity::Error,
    class: Class::Save,
    cites: "R-031",
    says: "No two saved peers share a number or a key.",
    cause: "members found by number only, and saved twice",
    known: "c-toxcore before 0.2.9 (e5561ad2b)",
    needs: &[],
    looks_at: ANY,
    check: Check::Save(check),
};

fn check(save: &SaveFile<'_>, found: &mut Found) {
    save.damage(found, |_, kind| {
        matches!(kind, DamageKind::DuplicateNumber(_) | DamageKind::DuplicateKey)
    });
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        save_fires("two.cas.tox", |file| {
            // The second conference has two peers.
            let first = saved(file) + 130 + 46 + "kitchen".len();
            let second = first + 75 + "ann".len();
            file.copy_within(first..first + 32, second);
        }),
        save_silent("two.cas.tox", |file| {
            let peer = first_peer(file);
            file[peer] ^= 1;
        }),
    ]
}
