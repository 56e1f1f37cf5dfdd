//! `L-NEWPEER-DHT`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-NEWPEER-DHT",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-178",
    says: "A neighbour is announced with the DHT key that it has now.",
    cause: "the key of a list instead of the connection's; others look for it in vain",
    known: "",
    needs: &[Need::Whole],
    looks_at: MESSAGES,
    check: Check::Sent(check),
};

/// Nanoseconds within which both ends of a session send something (about every second).
const ALIVE: i64 = 3 * SECOND;

fn check(at: &At<'_>, found: &mut Found) {
    let Some(MessageBody::NewPeer(new)) = at.packet.body().filter(|_| at.is_own()) else { return };
    if at.copies.is_some_and(|copies| !copies.sent.is_empty()) {
        return;
    }
    let Some(started) = at
        .sessions()
        .find(|(friend, _, _, theirs)| {
            // One that is silent may have been followed by one that the capture does not show.
            let lately = theirs.sent.is_some_and(|sent| at.now().nanos_since(sent) < ALIVE);
            *friend == new.real_key && lately
        })
        .and_then(|(_, session, ..)| (at.links)(session))
        .map(|link| link.started)
    else {
        return;
    };
    // It made another one before the session began, or was announced with another one during it.
    let outdated = at.people.get(&new.real_key).and_then(|neighbour| {
        let changed = neighbour.restarted.filter(|it| *it < started)?;
        let known = neighbour.before.contains(&new.dht_key).then_some(neighbour.dht_key).flatten();
        known.map(|key| (key, Spot { at: changed, ..at.packet.spot }))
    });
    let announced = || {
        let peer = at.group()?.peers.get(&new.new_peer_number)?;
        peer.announced.filter(|(key, spot)| *key != new.dht_key && spot.at > started)
    };
    let Some((dht_key, spot)) = outdated.or_else(announced) else { return };
    let message = format!(
        "announces {} with the DHT key {}, but the one of their session is {}",
        at.who(&new.real_key),
        short(&new.dht_key),
        short(&dht_key),
    );
    found.say(message, &[spot]);
}

fn short(key: &PublicKey) -> wire::Hex<'_> {
    wire::Hex(key.0.get(..4).unwrap_or_default())
}

/// Bob, who took cas back and announced it, does so again, with the last byte of the DHT key changed so.
#[cfg(test)]
fn announce_again(it: &mut crate::lint::testing::Traffic, change: u8) {
    let rejoin = it.last(Kind::Rejoin);
    let (bob, cas) = (it.packets[rejoin].to, it.packets[rejoin].from.unwrap());
    let own = it.find_from(rejoin, |p| {
        p.kind() == Some(Kind::NewPeer) && p.from == bob && p.bytes[12..44] == cas.0
    });
    let mut body = it.bytes(own)[10..].to_vec();
    let end = body.len() - 1;
    body[end] ^= change;
    let bytes = own_message(it, own, 0x10, &body);
    it.say(own, 100 * MS, bytes);
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![fires("rejoin", |it| announce_again(it, 1)), silent("rejoin", |it| announce_again(it, 0))]
}
