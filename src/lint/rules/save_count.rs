//! `L-SAVE-COUNT`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-SAVE-COUNT",
    severity: Severity::Error,
    class: Class::Save,
    cites: "packets §12.2",
    says: "A record says how many peers follow.",
    cause: "a count that includes the owner, or not all peers",
    known: "development before 0.2.9 (e5561ad2b)",
    needs: &[],
    looks_at: ANY,
    check: Check::Save(check),
};

fn check(save: &SaveFile<'_>, found: &mut Found) {
    save.damage(found, |_, kind| matches!(kind, DamageKind::Overlaps | DamageKind::Skipped(_)));
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        save_fires("two.cas.tox", |file| {
            let count = saved(file) + 41;
            file[count] += 1;
        }),
        save_silent("two.cas.tox", |file| {
            let id = saved(file) + 33;
            file[id] ^= 1;
        }),
    ]
}
