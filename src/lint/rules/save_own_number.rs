//! `L-SAVE-OWN-NUMBER`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-SAVE-OWN-NUMBER",
    severity: Severity::Error,
    class: Class::Save,
    cites: "R-205",
    says: "No saved peer has the number of the owner.",
    cause: "the owner's entry was removed by somebody else's message, and its number given away \
           (B-05); c-toxcore refuses the whole profile (B-06)",
    known: "every version since 0.2.9 (B-06)",
    needs: &[],
    looks_at: ANY,
    check: Check::Save(check),
};

fn check(save: &SaveFile<'_>, found: &mut Found) {
    save.damage(found, |_, kind| matches!(kind, DamageKind::OwnNumber(_)));
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        save_fires("two.cas.tox", |file| {
            let (own, peer) = (saved(file) + 39, first_peer(file) + 64);
            file.copy_within(own..own + 2, peer);
        }),
        save_silent("two.cas.tox", |file| {
            let peer = first_peer(file) + 64;
            file[peer] ^= 1;
        }),
    ]
}
