//! `L-RESP-SPLIT`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-RESP-SPLIT",
    severity: Severity::Note,
    class: Class::Connection,
    cites: "packets §8.3",
    says: "A Peer Response is filled before another one is begun.",
    cause: "an unusual way to split; legal",
    known: "",
    needs: &[],
    looks_at: DIRECT,
    check: Check::Link(check),
};

/// Bytes that the entries of one packet can have.
const ROOM: usize = 1369;

fn check(on: &OnLink<'_>, found: &mut Found) {
    let Some(wire::Packet::PeerResponse(response)) = on.packet.read() else { return };
    let Some(part) = on.part() else { return };
    let (Some(first), Some((before, size))) = (response.peers().next(), part.responded) else {
        return;
    };
    // Two queries have two answers.
    let queried = on.receivers_part().map_or(0, |part| part.queries);
    if part.answers >= queried && size + first.size() <= ROOM {
        let message = format!(
            "the Peer Response in {} had room for the first entry of this one",
            frame(on.packet, before)
        );
        found.say(message, &[before]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            // The second of two entries, in a packet of its own.
            let response =
                it.find(|p| p.kind() == Some(Kind::PeerResponse) && p.bytes.len() > 4 + 2 * 67);
            let bytes = it.bytes(response);
            let size = 67 + usize::from(bytes[4 + 66]);
            let rest = [&bytes[..4], &bytes[4 + size..]].concat();
            bytes.truncate(4 + size);
            it.say(response, 0, rest);
        }),
        silent("talk", |it| {
            let response = it.first(Kind::PeerResponse);
            it.bytes(response).truncate(4);
        }),
    ]
}
