//! `L-KIND`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-KIND",
    severity: Severity::Warning,
    class: Class::Packet,
    cites: "packets §8",
    says: "Every id and kind inside a conference packet is one that the specification has.",
    cause: "a private extension, or corruption; for a short time in 2018 a correction had the id \
           0x42",
    known: "",
    needs: &[],
    looks_at: ANY,
    check: Check::Packet(check),
};

fn check(packet: &Packet<'_>, found: &mut Found) {
    let unknown = match packet.read() {
        Some(wire::Packet::InviteUnknown(it)) => ("invite kind", it.kind),
        Some(wire::Packet::DirectUnknown(it)) => ("direct kind", it.kind),
        Some(wire::Packet::Message(wire::GroupMessage {
            body: MessageBody::Unknown(it), ..
        })) => ("message id", it.id),
        Some(wire::Packet::Lossy(wire::Lossy {
            body: wire::LossyBody::Unknown { id, .. },
            ..
        })) => ("lossy message id", *id),
        _ => return,
    };
    found.say(format!("{} 0x{:02x} is unknown: receivers drop it", unknown.0, unknown.1), &[]);
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let chat = it.first(Kind::Chat);
            it.bytes(chat)[9] = 0x42;
        }),
        fires("audio", |it| {
            let lossy = it.first(Kind::Lossy);
            it.bytes(lossy)[7] = 0xc1;
        }),
        silent("talk", |it| {
            let chat = it.first(Kind::Chat);
            it.bytes(chat)[9] = 0x41;
        }),
    ]
}
