//! `L-NUM-REUSE`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-NUM-REUSE",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-111",
    says: "A member never gives the same number to two different messages, not even after a \
           restart.",
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
    let (Some(message), Some(copies)) = (at.packet.message(), at.copies) else { return };
    if at.group().is_some_and(|group| group.back.is_some()) {
        return;
    }
    let mine = at.packet.content();
    let Some(before) = copies.sent.iter().find(|copy| copy.content != mine) else { return };
    if copies.sent.iter().any(|copy| copy.content == mine) {
        return;
    }
    let anew = at.me.restarted.is_some_and(|restart| restart > before.spot.at)
        || at.link.started > before.spot.at;
    let restart = if anew { ", before it started again from an old save" } else { "" };
    let message = format!(
        "number {} was used for another message in {}{restart}: others drop this one, and those that follow, \
         as repeats; start it from a newer save, or leave and be invited anew",
        message.message_number,
        frame(at.packet, before.spot),
    );
    found.say(message, &[before.spot]);
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            // Two texts by the same author get one number.
            let before = it.saying(b"I'm late");
            let number = it.bytes(before)[5..9].to_vec();
            let later = it.saying(b"'/c calc'!A0");
            it.change(later, |bytes| bytes[5..9].copy_from_slice(&number));
        }),
        silent("talk", |it| {
            let chat = it.first(Kind::Chat);
            it.repeat(chat, MS);
        }),
    ]
}
