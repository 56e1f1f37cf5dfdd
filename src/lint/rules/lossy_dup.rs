//! `L-LOSSY-DUP`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-LOSSY-DUP",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-131",
    says: "A lossy message of somebody else is passed on once on each connection.",
    cause: "numbers that are not remembered; audio is heard twice, and goes around for ever",
    known: "",
    needs: &[],
    looks_at: LOSSY,
    check: Check::Sent(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    let Some((author, number)) = at.lossy_of_others() else { return };
    let Some(copies) = at.copies else { return };
    let same = |copy: &&Handed| copy.session == at.packet.session;
    if let Some(before) = copies.sent.iter().find(same) {
        let message = format!(
            "lossy message {number} of peer {author} went to {} before, in {}",
            at.friends_name(),
            frame(at.packet, before.spot),
        );
        found.say(message, &[before.spot]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("audio", |it| {
            let relayed = it.relayed(it.first(Kind::Lossy));
            it.repeat(relayed, 0);
        }),
        silent("audio", |it| {
            let original = it.first(Kind::Lossy);
            it.repeat(original, 0);
        }),
    ]
}
