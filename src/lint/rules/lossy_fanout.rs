//! `L-LOSSY-FANOUT`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-LOSSY-FANOUT",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-133",
    says: "A lossy message goes to two neighbours on the ring, and to each once.",
    cause: "the second neighbour is chosen wrongly; audio takes more of the line than it should",
    known: "every version since 0.2.11 (B-04)",
    needs: &[],
    looks_at: LOSSY,
    check: Check::Sent(check),
};

/// Copies of one message are sent at once.
const AT_ONCE: i64 = SECOND;
/// Neighbours on the ring that get one.
const NEIGHBOURS: usize = 2;

fn check(at: &At<'_>, found: &mut Found) {
    let Some(((author, number), copies)) = at.lossy().zip(at.copies) else { return };
    let Some(group) = at.group() else { return };
    let lately = |copy: &&Handed| at.now().nanos_since(copy.spot.at) < AT_ONCE;
    let sent: Vec<&Handed> = copies.sent.iter().filter(lately).collect();
    // A message of somebody else that goes out twice is another finding.
    let is_own = at.own() == Some(author);
    if is_own && let Some(before) = sent.iter().find(|copy| copy.session == at.packet.session) {
        let message = format!(
            "lossy message {number} goes to {} twice, the first time in {}",
            at.friends_name(),
            frame(at.packet, before.spot)
        );
        found.say(message, &[before.spot]);
        return;
    }
    let mut friends: Vec<PublicKey> = sent.iter().map(|copy| copy.friend).collect();
    friends.push(at.friend);
    // Who was introduced here gets a copy, ring or not.
    friends.retain(|friend| !group.introduced.contains(friend));
    friends.sort();
    friends.dedup();
    if friends.len() == NEIGHBOURS + 1 && !group.introduced.contains(&at.friend) {
        at.uses(group.birth);
        let message =
            format!("lossy message {number} goes to three that are neighbours on the ring only");
        found.say(message, &sent.iter().map(|copy| copy.spot).collect::<Vec<_>>());
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("audio", |it| {
            let own = it.first(Kind::Lossy);
            it.repeat(own, MS);
        }),
        silent("audio", |it| {
            let own = it.first(Kind::Lossy);
            it.repeat(own, 2 * SECOND);
        }),
    ]
}
