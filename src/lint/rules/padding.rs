//! `L-PADDING`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-PADDING",
    severity: Severity::Note,
    class: Class::Packet,
    cites: "packets §5.3",
    says: "Crypto data packets are padded to a multiple of 8 bytes.",
    cause: "a sender other than c-toxcore and tox-rs; the exact length of what is said leaks",
    known: "",
    needs: &[],
    looks_at: ANY,
    check: Check::Packet(check),
};

fn check(packet: &Packet<'_>, found: &mut Found) {
    if !packet.sealed_size.is_multiple_of(8) {
        found.say(format!("the packet has {} bytes, no multiple of 8", packet.sealed_size), &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("two", |it| {
            let chat = it.first(Kind::Chat);
            it.packets[chat].sealed_size += 1;
        }),
        silent("two", |it| {
            let chat = it.first(Kind::Chat);
            it.packets[chat].sealed_size += 8;
        }),
    ]
}
