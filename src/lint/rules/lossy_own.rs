//! `L-LOSSY-OWN`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-LOSSY-OWN",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-132",
    says: "Own lossy messages that come back are not passed on.",
    cause: "an author that is not compared with oneself",
    known: "",
    needs: &[],
    looks_at: LOSSY,
    check: Check::Sent(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    let Some((author, number)) = at.lossy() else { return };
    let Some(copies) = at.copies.filter(|_| at.own() == Some(author)) else { return };
    let same = copies.sent.iter().find(|copy| copy.session == at.packet.session);
    let (Some(before), Some(back)) = (same, copies.heard.first()) else { return };
    if back.spot.at >= before.spot.at {
        let message = format!(
            "its own lossy message {number} goes out again, after it came back in {}",
            frame(at.packet, back.spot)
        );
        found.say(message, &[before.spot, back.spot]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("audio", |it| {
            let original = it.first(Kind::Lossy);
            let bytes = it.bytes(original).clone();
            let back = it.reply(original, 0, bytes.clone());
            it.reply(back, 0, bytes);
        }),
        silent("audio", |it| {
            let original = it.first(Kind::Lossy);
            it.repeat(original, 0);
        }),
    ]
}
