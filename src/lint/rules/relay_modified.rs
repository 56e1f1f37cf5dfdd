//! `L-RELAY-MODIFIED`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-RELAY-MODIFIED",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-118",
    says: "A message is passed on unchanged but for the group number.",
    cause: "an implementation that writes messages anew; others take whichever form comes first",
    known: "",
    needs: &[],
    looks_at: MESSAGES,
    check: Check::Sent(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    let Some(copies) = at.copies.filter(|copies| !copies.heard.is_empty()) else { return };
    let Some(message) = at.packet.message().filter(|_| at.is_of_others()) else { return };
    let mine = at.packet.content();
    let said = copies.sent.iter().any(|copy| copy.content == mine);
    if !said && copies.heard.iter().all(|copy| copy.content != mine) {
        let heard: Vec<_> = copies.heard.iter().map(|copy| copy.spot).collect();
        let message = format!(
            "message {} of peer {} goes on in another form than it came in {}",
            message.message_number,
            message.peer_number,
            heard.first().map_or(String::new(), |spot| frame(at.packet, *spot)),
        );
        found.say(message, &heard);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let relayed = it.relayed(it.saying(b"I'm late"));
            it.bytes(relayed)[10] ^= 1;
        }),
        silent("talk", |it| {
            let text = it.saying(b"I'm late");
            it.change(text, |bytes| bytes[10] ^= 1);
        }),
    ]
}
