//! `L-RESP-FROZEN`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-RESP-FROZEN",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-081, R-146",
    says: "Peers of whom nothing was heard for a minute are not listed.",
    cause: "frozen peers that are not left out",
    known: "",
    needs: &[Need::Awake, Need::Opened],
    looks_at: DIRECT,
    check: Check::Sent(check),
};

const FROZEN: i64 = 65 * SECOND;

fn check(at: &At<'_>, found: &mut Found) {
    let Some(wire::Packet::PeerResponse(response)) = at.packet.read() else { return };
    for entry in response.peers().filter(|entry| entry.real_key != at.me.key) {
        let Some(peer) = at.peer(entry.peer_number).filter(|it| it.key == entry.real_key) else {
            continue;
        };
        let silent = peer.active.map_or(0, |active| at.now().nanos_since(active));
        if silent > FROZEN {
            let (who, seconds) = (at.who(&peer.key), silent / SECOND);
            found.say(format!("lists {who}, of whom it heard nothing for {seconds} s"), &[]);
        }
    }
}

/// So many seconds into the recording, bob lists everybody to ann; cas fell asleep at 13 s.
#[cfg(test)]
fn list_everybody(it: &mut crate::lint::testing::Traffic, seconds: i64) {
    let text = it.saying(b"she sleeps");
    let (bob, ann) = (it.packets[text].from, it.packets[text].to);
    let list = it.find(|p| p.kind() == Some(Kind::PeerResponse) && p.from == bob);
    let bytes = it.bytes(list).clone();
    let at = it.last_message(bob, ann, seconds * SECOND);
    it.say(at, MS, bytes);
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| list_everybody(it, 90)),
        silent("rejoin", |it| list_everybody(it, 50)),
    ]
}
