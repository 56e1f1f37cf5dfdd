//! `L-INVITE-EARLY`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-INVITE-EARLY",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-010",
    says: "Nobody invites to a conference before it is a member itself.",
    cause: "a missing look at the state; who accepts gets no answer",
    known: "c-toxcore before 0.2.5 (aa63c1330)",
    needs: &[Need::Whole],
    looks_at: INVITES,
    check: Check::Sent(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    if at.packet.is(Kind::Invite) && at.group().is_some_and(|group| group.joining) {
        let who = at.friends_name();
        found.say(format!("invites {who} before it was told its own number"), &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let accepted = it.first(Kind::InviteAccepted);
            let invite = it.first(Kind::Invite);
            let bytes = it.bytes(invite).clone();
            it.say(accepted, 0, bytes);
        }),
        silent("talk", |it| {
            let response = it.first(Kind::PeerResponse);
            let invite = it.first(Kind::Invite);
            let bytes = it.bytes(invite).clone();
            it.reply(response, MS, bytes);
        }),
    ]
}
