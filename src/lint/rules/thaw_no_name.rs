//! `L-THAW-NO-NAME`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-THAW-NO-NAME",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-101, R-150",
    says: "Whoever hears of a frozen peer again says its own name.",
    cause: "a name that was scheduled and forgotten; the one who came back sees an old name",
    known: "every version since 0.2.8 (B-11)",
    needs: &[Need::Awake, Need::Whole],
    looks_at: MESSAGES,
    check: Check::Promise(Expectation { begins, keeps, anywhere: true, tells }),
};

fn begins(at: &At<'_>, promises: &mut Promises) {
    let Some(message) = at.packet.message().filter(|_| !at.sent) else { return };
    let online = at.my_part().is_some_and(|it| it.messaged.is_some() && it.killed.is_none());
    if !online || at.me.was_asleep(at.now()) || at.packet.is(Kind::FreezePeer) {
        return;
    }
    let Some(peer) = at.group().and_then(|group| group.peers.get(&message.peer_number)) else {
        return;
    };
    if peer.level == Level::Known && peer.is_silent(at.now()) && peer.key != at.friend {
        let about = Some(peer.key);
        promises.add(at.promise(&RULE, Proof::Slot).map(|it| Promise { about, ..it }));
    }
}

fn keeps(at: &At<'_>, promise: &Promise) -> bool {
    at.conference == Some(promise.conference) && at.packet.is(Kind::Name) && !at.is_of_others()
}

fn tells(promise: &Promise, who: &dyn Fn(&PublicKey) -> String) -> String {
    let about = promise.about.as_ref().map_or_else(|| "somebody".to_owned(), who);
    format!("{about} was frozen and came back, but no name was said to it")
}

/// Bob passes a message of cas on to ann, so many seconds after the beginning; cas has slept since 13 s.
#[cfg(test)]
fn hear_again(it: &mut crate::lint::testing::Traffic, seconds: i64) {
    let text = it.saying(b"she sleeps");
    let rejoin = it.last(Kind::Rejoin);
    let (bob, ann, cas) = (it.packets[text].from, it.packets[text].to, it.packets[rejoin].from);
    let is_of_cas = |p: &crate::lint::testing::Opened| {
        p.id() == DataId::CONFERENCE_MESSAGE && p.from == cas && p.to == bob
    };
    let said = it.find(is_of_cas);
    let mut bytes = it.bytes(said).clone();
    bytes[6] = 1;
    let last = it.last_message(bob, ann, seconds * SECOND);
    let number = it.bytes(last)[1..3].to_vec();
    bytes[1..3].copy_from_slice(&number);
    let later = seconds * SECOND - it.since_start(it.packets[last].at);
    it.say(last, later, bytes);
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![fires("rejoin", |it| hear_again(it, 75)), silent("rejoin", |it| hear_again(it, 40))]
}
