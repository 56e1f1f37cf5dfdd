//! `L-TEXT-EMPTY`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-TEXT-EMPTY",
    severity: Severity::Error,
    class: Class::Packet,
    cites: "R-121",
    says: "Text messages and actions are not empty.",
    cause: "a client that sends what its user did not type; receivers drop the message",
    known: "",
    needs: &[],
    looks_at: MESSAGES,
    check: Check::Packet(check),
};

fn check(packet: &Packet<'_>, found: &mut Found) {
    if let Some((kind, _)) = fault(packet, &[Kind::Chat, Kind::Action])
        && packet.bytes.len() == 10
    {
        found.say(format!("{kind} without text"), &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let chat = it.first(Kind::Chat);
            it.bytes(chat).truncate(10);
        }),
        silent("talk", |it| {
            let chat = it.first(Kind::Chat);
            it.bytes(chat).truncate(11);
        }),
    ]
}
