//! `L-ACCEPT-ECHO`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-ACCEPT-ECHO",
    severity: Severity::Error,
    class: Class::Connection,
    cites: "R-014, R-015",
    says: "An acceptance repeats number, type and id of an invitation to its sender.",
    cause: "fields in the wrong order: the sender's own number comes first",
    known: "",
    needs: &[],
    looks_at: INVITES,
    check: Check::Link(check),
};

fn check(on: &OnLink<'_>, found: &mut Found) {
    let (number, conference) = match on.packet.read() {
        Some(wire::Packet::InviteAccepted(it)) => (it.receiver_group_number, it.conference),
        Some(wire::Packet::InviteMember(it)) => (it.receiver_group_number, it.conference),
        _ => return,
    };
    if on.invited.contains(&(conference, number)) {
        return;
    }
    for (invited, as_number) in on.invited {
        if *invited == conference {
            let message = format!("repeats number {number}; the invitation had {as_number}");
            return found.say(message, &[]);
        }
        if *as_number == number {
            let message = format!("number {number} was invited to as another conference");
            return found.say(message, &[]);
        }
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let accepted = it.first(Kind::InviteAccepted);
            it.bytes(accepted)[5] = 3;
        }),
        silent("talk", |it| {
            // An invitation before the recording.
            let invite = it.first(Kind::Invite);
            it.remove(invite);
        }),
    ]
}
