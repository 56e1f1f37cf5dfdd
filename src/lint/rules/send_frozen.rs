//! `L-SEND-FROZEN`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-SEND-FROZEN",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-143, R-146",
    says: "Nothing is sent to a peer of whom nothing was heard for a minute, unless it says Online.",
    cause: "a slot that is kept when its peer freezes",
    known: "c-toxcore 0.2.8 to 0.2.10 (2677a53ee)",
    needs: &[Need::Awake, Need::Whole],
    looks_at: ADDRESSED,
    check: Check::Sent(check),
};

const FROZEN: i64 = 65 * SECOND;

fn check(at: &At<'_>, found: &mut Found) {
    let Some(group) = at.group().filter(|_| at.packet.is_addressed()) else { return };
    let Some(peer) = group.numbers.get(&at.friend).and_then(|it| at.peer(*it)) else { return };
    let Some(active) = peer.active else { return };
    let silent = at.now().nanos_since(active);
    let since = |spot: Option<Spot>| spot.is_some_and(|it| it.at.nanos_since(active) > 0);
    let asked = at
        .their_part()
        .is_some_and(|it| since(it.online) || since(it.rejoined) || since(it.accepted));
    // Said once.
    let before = at.my_part().and_then(|part| part.spoke).map(|spot| spot.at.nanos_since(active));
    if silent > FROZEN && !asked && before.is_none_or(|before| before <= FROZEN) {
        let (who, seconds) = (at.friends_name(), silent / SECOND);
        let message = format!("goes on sending to {who}, of whom it heard nothing for {seconds} s");
        found.say(message, &[]);
    }
}

/// Bob says something to cas, who fell asleep 13 s after the beginning, so many seconds after that.
#[cfg(test)]
fn speak(it: &mut crate::lint::testing::Traffic, seconds: i64) {
    let text = it.saying(b"she sleeps");
    let rejoin = it.last(Kind::Rejoin);
    let (bob, cas) = (it.packets[text].from, it.packets[rejoin].from);
    let last = it.last_message(bob, cas, 60 * SECOND);
    let wait = seconds * SECOND - it.since_start(it.packets[last].at);
    it.repeat(last, wait);
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![fires("rejoin", |it| speak(it, 75)), silent("rejoin", |it| speak(it, 60))]
}
