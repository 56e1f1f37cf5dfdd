//! `L-NUM-REMOTE`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-NUM-REMOTE",
    severity: Severity::Warning,
    class: Class::Endpoint,
    cites: "R-113",
    says: "What an author says comes with rising numbers, give or take eight.",
    cause: "the author started again from an old save: others drop what it says until its \
           numbers are new again",
    known: "",
    needs: &[],
    looks_at: MESSAGES,
    check: Check::Heard(check),
};

const FAR: u32 = 8;

fn check(at: &At<'_>, found: &mut Found) {
    let Some(message) = at.packet.message() else { return };
    if at.copies.is_some_and(|copies| !copies.heard.is_empty() || !copies.sent.is_empty()) {
        return;
    }
    let Some(peer) = at.peer(message.peer_number) else { return };
    let Some(newest) = peer.heard else { return };
    let back = newest.0.wrapping_sub(message.message_number.0);
    if (FAR + 1..1 << 31).contains(&back) {
        let message = format!(
            "message {} of {} comes {back} behind its message {newest}: others drop it as a repeat; \
             it seems to go on from an old save",
            message.message_number,
            at.who(&peer.key),
        );
        found.say(message, &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let chat = it.first(Kind::Chat);
            it.bytes(chat)[5..9].copy_from_slice(&[0xff, 0xff, 0xff, 0]);
        }),
        silent("talk", |it| {
            let chat = it.last(Kind::Chat);
            it.bytes(chat)[8] -= 1;
        }),
    ]
}
