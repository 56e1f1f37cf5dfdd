//! `L-MEMBER-IGNORED`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-MEMBER-IGNORED",
    severity: Severity::Note,
    class: Class::Endpoint,
    cites: "D-010",
    says: "A member that is invited again says that it is one.",
    cause: "c-toxcore up to 0.2.10, or an implementation of the specification alone",
    known: "c-toxcore up to 0.2.10",
    needs: &[],
    looks_at: INVITES,
    check: Check::Promise(Expectation { begins, keeps, anywhere: false, tells }),
};

fn begins(at: &At<'_>, promises: &mut Promises) {
    let member = at.group().is_some_and(|group| group.left.is_none() && !group.joining);
    if !at.sent && at.packet.is(Kind::Invite) && member && at.own().is_some() {
        promises.add(at.promise(&RULE, Proof::Link));
    }
}

fn keeps(at: &At<'_>, promise: &Promise) -> bool {
    at.packet.is(Kind::InviteMember) && at.is_about(promise)
}

fn tells(promise: &Promise, who: &dyn Fn(&PublicKey) -> String) -> String {
    format!("the invitation of {} was ignored by a member", who(&promise.friend))
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("two", |it| {
            it.remove_all(|p| p.kind() == Some(Kind::InviteMember));
            go_on(it);
        }),
        silent("two", |it| {
            let member = it.first(Kind::InviteMember);
            it.repeat(member, MS);
            go_on(it);
        }),
    ]
}
