//! `L-NUM-BACK`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-NUM-BACK",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-110, R-111",
    says: "New messages of a member have rising numbers, restarts included.",
    cause: "a restart from an old save whose counter was not set ahead: others take the new \
           messages for repeats and drop them",
    known: "c-toxcore 0.2.9 and 0.2.10 (#961, 886b9a701)",
    needs: &[],
    looks_at: MESSAGES,
    check: Check::Sent(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    if !at.is_own() {
        return;
    }
    let (Some(message), Some(group)) = (at.packet.message(), at.group()) else { return };
    let Some((newest, spot)) = group.newest.filter(|_| group.back.is_none()) else { return };
    let mine = at.packet.content();
    let known = |copies: &[Handed]| copies.iter().any(|copy| copy.content == mine);
    // One's own message that came back is passed on once more.
    if at.copies.is_some_and(|copies| known(&copies.sent) || known(&copies.heard)) {
        return;
    }
    // What is sent to several goes out in order to each, but not to all: a copy may have been lost on its
    // way to the tap, and come again later.
    let here = at.my_part().and_then(|part| part.newest.get(&message.peer_number));
    let behind_here = here.is_some_and(|(newest, _)| !newer(message.message_number, *newest));
    let before = spot.at < at.link.started;
    if (behind_here || before) && !newer(message.message_number, newest) {
        let message = format!(
            "numbers its messages from {} on again, after {newest} in {}: it runs from an old save, and \
             others drop what it says until it is past {newest}; start it from a newer save, or leave and \
             be invited anew",
            message.message_number,
            frame(at.packet, spot),
        );
        found.say(message, &[spot]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let chat = it.last(Kind::Chat);
            let author = it.bytes(chat)[3..5].to_vec();
            let old = it.bytes(chat)[5..9].to_vec();
            for p in &mut it.packets {
                if p.kind() == Some(Kind::Chat) && p.bytes[3..5] == author && p.bytes[5..9] == old {
                    p.bytes[5..9].copy_from_slice(&[0xff, 0xff, 0xff, 0]);
                }
            }
        }),
        silent("talk", |it| {
            let chat = it.first(Kind::Chat);
            it.repeat(chat, MS);
        }),
    ]
}
