//! `L-LOSSY-ECHO`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-LOSSY-ECHO",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-133",
    says: "A lossy message does not go back to the connection it came from.",
    cause: "the second neighbour is chosen wrongly, so that it is whoever has the first slot",
    known: "every version since 0.2.11 (B-04, 52655b0c1)",
    needs: &[],
    looks_at: LOSSY,
    check: Check::Sent(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    let Some((author, number)) = at.lossy_of_others() else { return };
    let Some([source, others @ ..]) = at.copies.map(|copies| copies.heard.as_slice()) else {
        return;
    };
    // From elsewhere it may have come first.
    if source.friend == at.friend && others.iter().all(|copy| copy.friend == at.friend) {
        let message = format!(
            "lossy message {number} of peer {author} goes back to {}, who sent it in {}",
            at.friends_name(),
            frame(at.packet, source.spot),
        );
        found.say(message, &[source.spot]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("audio", |it| {
            let original = it.first(Kind::Lossy);
            it.change(original, |bytes| bytes[5] = 0x77);
            let bytes = it.bytes(original).clone();
            it.reply(original, 0, bytes);
        }),
        silent("audio", |it| {
            let original = it.first(Kind::Lossy);
            it.repeat(original, 0);
        }),
    ]
}
