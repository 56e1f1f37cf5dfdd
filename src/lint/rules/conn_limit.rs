//! `L-CONN-LIMIT`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-CONN-LIMIT",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-050",
    says: "A conference has at most 16 slots at each endpoint.",
    cause: "a table without a limit",
    known: "",
    needs: &[],
    looks_at: MESSAGES,
    check: Check::Sent(check),
};

const SLOTS: usize = 16;

fn check(at: &At<'_>, found: &mut Found) {
    let Some(copies) = at.copies.filter(|_| at.is_own()) else { return };
    let lately = |copy: &&Handed| at.now().nanos_since(copy.spot.at) < SECOND;
    let mut friends: Vec<_> = copies.sent.iter().filter(lately).map(|copy| copy.friend).collect();
    friends.push(at.friend);
    friends.sort();
    friends.dedup();
    if friends.len() == SLOTS + 1 {
        let message = format!("one message goes to {} neighbours at once", friends.len());
        found.say(message, &copies.sent.iter().map(|copy| copy.spot).collect::<Vec<_>>());
    }
}

/// So many more neighbours get a message, all of them made up.
#[cfg(test)]
pub(super) fn neighbours(it: &mut crate::lint::testing::Traffic, count: u8) {
    let text = it.saying(b"I'm late");
    let online = it.packets[it.first(Kind::Online)].bytes.clone();
    for number in 0..count {
        let mut copy = it.packets[text].clone();
        copy.to = Some(PublicKey([number; 32]));
        copy.session = 900 + u32::from(number);
        copy.ack = 0;
        let mut announced = copy.clone();
        std::mem::swap(&mut announced.from, &mut announced.to);
        announced.direction ^= 1;
        announced.bytes.clone_from(&online);
        it.packets.splice(text + 1..text + 1, [announced, copy]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![fires("talk", |it| neighbours(it, 17)), silent("talk", |it| neighbours(it, 14))]
}
