//! `L-FREEZE-RELAY`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-FREEZE-RELAY",
    severity: Severity::Note,
    class: Class::Endpoint,
    cites: "R-188",
    says: "A Freeze of somebody who is frozen already goes no further.",
    cause: "relaying before looking at the lists",
    known: "",
    needs: &[],
    looks_at: MESSAGES,
    check: Check::Sent(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    let Some(message) = at.packet.message().filter(|_| at.packet.is(Kind::FreezePeer)) else {
        return;
    };
    let Some(heard) = at.copies.and_then(|copies| copies.heard.first()) else { return };
    let Some(peer) = at.peer(message.peer_number).filter(|_| at.is_of_others()) else { return };
    if let Some(froze) = peer.froze.filter(|froze| froze.at < heard.spot.at) {
        let message = format!(
            "passes on a Freeze of peer {}, who is frozen since {}",
            message.peer_number,
            frame(at.packet, froze),
        );
        found.say(message, &[froze]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("restart", |it| {
            let freeze = it.first(Kind::FreezePeer);
            let relayed = it.relayed(freeze);
            let via = it.packets[relayed].from;
            let bytes = it.bytes(freeze).clone();
            let freeze = it.find(|p| p.to == via && p.bytes == bytes);
            let mut again = bytes;
            again[6] ^= 1;
            it.say(freeze, 5 * MS, again.clone());
            it.say(relayed, 50 * MS, again);
        }),
        silent("restart", |it| {
            let relayed = it.relayed(it.first(Kind::FreezePeer));
            it.repeat(relayed, 0);
        }),
    ]
}
