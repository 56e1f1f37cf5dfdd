//! `L-NAME-LEN`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-NAME-LEN",
    severity: Severity::Error,
    class: Class::Packet,
    cites: "R-084, R-104",
    says: "Names have at most 128 bytes.",
    cause: "a client without a limit; receivers drop the message, or the rest of the list",
    known: "",
    needs: &[],
    looks_at: TOLD,
    check: Check::Packet(check),
};

fn check(packet: &Packet<'_>, found: &mut Found) {
    let error = match packet.read() {
        Some(wire::Packet::PeerResponse(response)) => response.fault(),
        _ => fault(packet, &[Kind::Name]).map(|(_, error)| error),
    };
    if let Some(error @ wire::Fault { reason: Reason::TooLong { .. }, .. }) = error {
        found.say(error.to_string(), &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let name = it.first(Kind::Name);
            it.bytes(name).resize(10 + 129, b'x');
        }),
        fires("talk", |it| {
            let response = it.first(Kind::PeerResponse);
            it.bytes(response)[4 + 66] = 129;
        }),
        silent("talk", |it| {
            let name = it.first(Kind::Name);
            it.bytes(name).resize(10 + 128, b'x');
        }),
    ]
}
