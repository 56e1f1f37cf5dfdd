//! `L-QUERY-FUTILE`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-QUERY-FUTILE",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-084, R-035",
    says: "An answer to a Peer Query makes the author known that was asked for.",
    cause: "an answer without the author, or one that is not read to its end: the author stays mute",
    known: "every version since 0.2.8 (B-02), since 0.2.9 (B-05)",
    needs: &[Need::Birth, Need::Whole],
    looks_at: DIRECT,
    check: Check::Sent(check),
};

/// A message of an unknown author is answered with a query so soon.
const SOON: i64 = 2 * SECOND;
const TIMES: usize = 3;

fn check(at: &At<'_>, found: &mut Found) {
    let Some(group) = at.group().filter(|_| at.packet.is(Kind::PeerQuery)) else { return };
    let (Some(mine), Some(theirs)) = (at.my_part(), at.their_part()) else { return };
    let unknown = |author: &PeerNumber| {
        group.own.is_none_or(|(own, _)| own != *author)
            && group.peers.get(author).is_none_or(|peer| peer.level != Level::Known)
    };
    let Some((author, _)) = theirs
        .said
        .iter()
        .rfind(|(author, spot)| unknown(author) && at.now().nanos_since(spot.at) < SOON)
    else {
        return;
    };
    let before = |query: Timestamp| {
        theirs
            .said
            .iter()
            .any(|(by, spot)| by == author && spot.at < query && query.nanos_since(spot.at) < SOON)
    };
    let queries: Vec<Timestamp> = mine.asked.iter().map(|spot| spot.at).collect();
    let mut last = at.now();
    let mut times = 1;
    // Each query before this one was for the same author, and was answered before the next.
    for query in queries.into_iter().rev() {
        let answered = theirs.answered.iter().any(|it| query < it.at && it.at < last);
        if !answered || !before(query) {
            break;
        }
        (last, times) = (query, times + 1);
    }
    if times == TIMES {
        let message = format!(
            "asks {} for the list the third time in a row because of peer {author}, whom the answers \
             did not make known: nothing that it says is heard here",
            at.friends_name()
        );
        found.say(message, &mine.asked.iter().rev().take(TIMES - 1).copied().collect::<Vec<_>>());
    }
}

/// Somebody unknown speaks so often, and is asked for in vain.
#[cfg(test)]
fn ask_for_a_stranger(it: &mut crate::lint::testing::Traffic, times: i64) {
    let at = it.saying(b"she sleeps");
    let bob = it.packets[at].from;
    let list = it.find(|p| p.kind() == Some(Kind::PeerResponse) && p.from == bob);
    let list = it.bytes(list).clone();
    let mut bytes = it.bytes(at).clone();
    bytes[3] ^= 0x55;
    for time in 0..times {
        bytes[8] += 1;
        let unknown = it.say(at, time * 300 * MS + MS, bytes.clone());
        let query = it.reply(unknown, MS, vec![0x62, 0, 0, 8]);
        it.reply(query, MS, list.clone());
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| ask_for_a_stranger(it, 3)),
        silent("rejoin", |it| ask_for_a_stranger(it, 2)),
    ]
}
