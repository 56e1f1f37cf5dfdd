//! `L-ACCEPT-NO-QUERY`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-ACCEPT-NO-QUERY",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-012, R-017",
    says: "Whoever accepts an invitation asks the inviter for the list of members at once.",
    cause: "an implementation that waits to be told; it learns neither its own number nor the \
           others",
    known: "",
    needs: &[],
    looks_at: INVITES,
    check: Check::Promise(Expectation { begins, keeps, anywhere: false, tells }),
};

fn begins(at: &At<'_>, promises: &mut Promises) {
    if at.sent && (at.packet.is(Kind::InviteAccepted) || at.packet.is(Kind::InviteMember)) {
        promises.add(at.promise(&RULE, Proof::Link));
    }
}

fn keeps(at: &At<'_>, promise: &Promise) -> bool {
    at.packet.is(Kind::PeerQuery) && at.is_about(promise)
}

fn tells(promise: &Promise, who: &dyn Fn(&PublicKey) -> String) -> String {
    format!("accepted the invitation of {} but asked for no list", who(&promise.friend))
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let accepted = it.first(Kind::InviteAccepted);
            let from = it.packets[accepted].from;
            it.remove_all(|p| p.kind() == Some(Kind::PeerQuery) && p.from == from);
        }),
        silent("talk", |it| {
            // The session ends first.
            let accepted = it.first(Kind::InviteAccepted);
            let (from, session, at) =
                (it.packets[accepted].from, it.packets[accepted].session, it.packets[accepted].at);
            it.remove_all(|p| p.kind() == Some(Kind::PeerQuery) && p.from == from);
            it.remove_all(|p| p.session == session && p.at.nanos_since(at) > 4_000 * MS);
        }),
    ]
}
