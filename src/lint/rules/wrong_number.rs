//! `L-WRONG-NUMBER`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-WRONG-NUMBER",
    severity: Severity::Error,
    class: Class::Connection,
    cites: "R-059, R-068",
    says: "A conference is addressed by the number that the other side announced last.",
    cause: "a number from before the other side started again; the other side drops the packet \
           or takes it for another conference",
    known: "c-toxcore up to 0.2.8 (86935beb2)",
    needs: &[Need::Whole],
    looks_at: ADDRESSED,
    check: Check::Link(check),
};

fn check(on: &OnLink<'_>, found: &mut Found) {
    let Some(number) = on.packet.addressed() else { return };
    let receiver = on.receiver();
    if !receiver.announced_any() {
        return;
    }
    let Some(conference) = receiver.announced(number) else {
        let message =
            format!("sent to conference {number} of the other side, which it never announced");
        return found.say(message, &[]);
    };
    // The sender had handled the newer announcement.
    let Some(part) = receiver.part(&conference) else { return };
    if let Some((newest, spot)) = part.number
        && newest != number
        && on.packet.ack.wrapping_sub(part.announced_by).wrapping_sub(1) <= u32::MAX / 2
    {
        let message = format!(
            "sent to number {number} of the other side, which announced {newest} since, in {}",
            frame(on.packet, spot)
        );
        found.say(message, &[spot]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let chat = it.first(Kind::Chat);
            it.bytes(chat)[1..3].copy_from_slice(&[0, 9]);
        }),
        silent("two", |it| {
            // The other conference of the same two members has a number of its own.
            let chat = it.first(Kind::Chat);
            it.repeat(chat, 0);
        }),
    ]
}
