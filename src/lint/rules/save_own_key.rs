//! `L-SAVE-OWN-KEY`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-SAVE-OWN-KEY",
    severity: Severity::Error,
    class: Class::Save,
    cites: "packets §12.2",
    says: "The owner is not among the saved peers.",
    cause: "a list that was saved without leaving the owner out",
    known: "",
    needs: &[],
    looks_at: ANY,
    check: Check::Save(check),
};

fn check(save: &SaveFile<'_>, found: &mut Found) {
    save.damage(found, |_, kind| matches!(kind, DamageKind::OwnKey));
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        save_fires("two.cas.tox", |file| {
            let (own, peer) = (owner(file), first_peer(file));
            file.copy_within(own..own + 32, peer);
        }),
        save_silent("two.cas.tox", |file| {
            let peer = first_peer(file);
            file[peer] ^= 1;
        }),
    ]
}
