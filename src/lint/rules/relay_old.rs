//! `L-RELAY-OLD`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-RELAY-OLD",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-114",
    says: "A message older than eight newer ones of its author is not passed on.",
    cause: "numbers that are remembered too long or not in order",
    known: "",
    needs: &[],
    looks_at: MESSAGES,
    check: Check::Sent(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    let Some(message) = at.packet.message().filter(|_| at.is_of_others()) else { return };
    if at.copies.is_none_or(|copies| copies.heard.is_empty() || !copies.sent.is_empty()) {
        return;
    }
    let Some(peer) = at.peer(message.peer_number) else { return };
    let number = message.message_number;
    if peer.relayed.len() >= REMEMBERED && peer.relayed.iter().all(|it| newer(it.0, number)) {
        let oldest = peer.relayed.last().map_or(number, |it| it.0);
        let message = format!(
            "message {number} of peer {} is passed on behind eight newer ones, {oldest} the oldest",
            message.peer_number,
        );
        found.say(message, &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let relayed = it.relayed(it.saying(b"I'm late"));
            let bytes = it.bytes(relayed).clone();
            let (from, to) = (it.packets[relayed].from, it.packets[relayed].to);
            it.remove_all(|p| p.from == from && p.bytes == bytes);
            let kill = it.packets[it.first(Kind::KillPeer)].at;
            let last = it.last_message(from, to, it.since_start(kill));
            it.say(last, MS, bytes);
        }),
        silent("talk", |it| {
            let relayed = it.relayed(it.saying(b"I'm late"));
            let bytes = it.bytes(relayed).clone();
            let from = it.packets[relayed].from;
            let first = it.remove(relayed);
            it.remove_all(|p| p.from == from && p.bytes == bytes);
            let before = it.last_message(from, first.to, it.since_start(first.at));
            it.say(before, MS, bytes);
        }),
    ]
}
