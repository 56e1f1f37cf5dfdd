//! `L-ACCEPT-IGNORED`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-ACCEPT-IGNORED",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-014",
    says: "Whoever accepts an invitation is announced by the inviter.",
    cause: "an acceptance that is not matched with its invitation; the new member stays unknown",
    known: "",
    needs: &[],
    looks_at: INVITES,
    check: Check::Promise(Expectation { begins, keeps, anywhere: true, tells }),
};

fn begins(at: &At<'_>, promises: &mut Promises) {
    let invited = at.my_part().is_some_and(|part| part.invited.is_some());
    let member = at.group().is_some_and(|group| group.left.is_none() && !group.joining);
    if !at.sent && at.packet.is(Kind::InviteAccepted) && invited && member {
        promises.add(at.promise(&RULE, Proof::Link));
    }
}

fn keeps(at: &At<'_>, promise: &Promise) -> bool {
    at.conference == Some(promise.conference)
        && matches!(at.packet.body(), Some(MessageBody::NewPeer(it)) if it.real_key == promise.friend)
}

fn tells(promise: &Promise, who: &dyn Fn(&PublicKey) -> String) -> String {
    format!("{} accepted the invitation and was not announced", who(&promise.friend))
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            it.remove_all(|p| p.kind() == Some(Kind::NewPeer));
            go_on(it);
        }),
        silent("talk", |it| {
            it.remove_all(|p| {
                p.kind() == Some(Kind::NewPeer) || p.kind() == Some(Kind::InviteAccepted)
            });
            go_on(it);
        }),
    ]
}
