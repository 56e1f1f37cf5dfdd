//! `L-RELAY-TWICE`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-RELAY-TWICE",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-114, R-118",
    says: "A message of somebody else is passed on once on each connection.",
    cause: "numbers that are not remembered; messages go around for ever",
    known: "",
    needs: &[],
    looks_at: MESSAGES,
    check: Check::Sent(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    let (Some(copies), Some(group)) = (at.copies, at.group()) else { return };
    let Some(message) = at.packet.message().filter(|_| at.is_of_others()) else { return };
    let same = |copy: &&Handed| copy.session == at.packet.session;
    if let Some(before) = copies.sent.iter().find(same) {
        // Somebody who left and came back is known anew.
        if group.killed.values().any(|(number, _)| *number == message.peer_number) {
            at.uses(Level::Assumed);
        }
        let message = format!(
            "message {} of peer {} went to {} before, in {}",
            message.message_number,
            message.peer_number,
            at.friends_name(),
            frame(at.packet, before.spot),
        );
        found.say(message, &[before.spot]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let relayed = it.relayed(it.saying(b"I'm late"));
            it.repeat(relayed, MS);
        }),
        silent("talk", |it| {
            let original = it.saying(b"I'm late");
            it.repeat(original, MS);
        }),
    ]
}
