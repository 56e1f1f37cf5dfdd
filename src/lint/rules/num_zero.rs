//! `L-NUM-ZERO`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-NUM-ZERO",
    severity: Severity::Error,
    class: Class::Packet,
    cites: "R-110",
    says: "The first message of a member has number 1, and 0 is skipped when the numbers wrap.",
    cause: "a counter that does not begin at 1, or does not skip 0",
    known: "",
    needs: &[],
    looks_at: MESSAGES,
    check: Check::Packet(check),
};

fn check(packet: &Packet<'_>, found: &mut Found) {
    if let Some(message) = packet.message()
        && message.message_number.0 == 0
    {
        let author = message.peer_number;
        found.say(format!("a message of peer {author} has number 0, which is never used"), &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let chat = it.first(Kind::Chat);
            it.bytes(chat)[5..9].fill(0);
        }),
        silent("talk", |it| {
            let chat = it.first(Kind::Chat);
            it.bytes(chat)[5..9].fill(0xff);
        }),
    ]
}
