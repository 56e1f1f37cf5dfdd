//! `L-NUM-JUMP`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-NUM-JUMP",
    severity: Severity::Note,
    class: Class::Connection,
    cites: "R-203",
    says: "An author numbers its messages one after another; after a start from a save they go \
           on 65536 ahead.",
    cause: "the author started again (a jump of about 65536), or its traffic went elsewhere",
    known: "",
    needs: &[],
    looks_at: MESSAGES,
    check: Check::Link(check),
};

const FAR: u32 = 1000;

fn check(on: &OnLink<'_>, found: &mut Found) {
    let (Some(message), Some(part)) = (on.packet.message(), on.part()) else { return };
    let Some((before, spot)) = part.newest.get(&message.peer_number) else { return };
    let jump = message.message_number.0.wrapping_sub(before.0);
    if (FAR..1 << 31).contains(&jump) {
        let message = format!(
            "message numbers of peer {} jump from {before} to {}, by {jump}",
            message.peer_number, message.message_number
        );
        found.say(message, &[*spot]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let chat = it.last(Kind::Chat);
            it.bytes(chat)[6] = 1;
        }),
        silent("talk", |it| {
            let chat = it.last(Kind::Chat);
            it.bytes(chat)[7] = 1;
        }),
    ]
}
