//! `L-RELAY-ECHO`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-RELAY-ECHO",
    severity: Severity::Warning,
    class: Class::Endpoint,
    cites: "R-118",
    says: "A message does not go back to the connection it came from, unless that is its \
           author's.",
    cause: "relaying to all connections; every message makes the way twice",
    known: "c-toxcore up to 0.2.10 (2677a53ee)",
    needs: &[Need::Whole],
    looks_at: MESSAGES,
    check: Check::Sent(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    let Some(copies) = at.copies else { return };
    let Some(message) = at.packet.message().filter(|_| at.is_of_others()) else { return };
    let [source, others @ ..] = copies.heard.as_slice() else { return };
    let is_authors = at.peer(message.peer_number).is_none_or(|peer| peer.key == at.friend);
    let handled = source.session == at.packet.session && at.packet.ack > source.number;
    if !is_authors
        && handled
        && source.friend == at.friend
        && others.iter().all(|copy| copy.friend == at.friend)
    {
        let message = format!(
            "message {} of peer {} goes back to {}, who sent it in {}",
            message.message_number,
            message.peer_number,
            at.friends_name(),
            frame(at.packet, source.spot),
        );
        found.say(message, &[source.spot]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            // Cas hears it from one neighbour only, and sends it back there.
            let original = it.saying(b"tea at five");
            let relayed = it.relayed(original);
            let bytes = it.bytes(relayed).clone();
            let (via, to) = (it.packets[relayed].from, it.packets[relayed].to);
            for from in [it.packets[original].from, to] {
                it.drop_copies(&bytes, from, to);
                it.drop_copies(&bytes, to, from);
            }
            it.drop_copies(&bytes, to, via);
            let relayed = it.find(|p| p.from == via && p.to == to && p.bytes == bytes);
            it.reply(relayed, MS, bytes);
        }),
        silent("talk", |it| {
            let original = it.saying(b"I'm late");
            let bytes = it.bytes(original).clone();
            it.reply(original, MS, bytes);
        }),
    ]
}
