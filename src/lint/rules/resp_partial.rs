//! `L-RESP-PARTIAL`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-RESP-PARTIAL",
    severity: Severity::Error,
    class: Class::Connection,
    cites: "R-084",
    says: "A Peer Response ends where an entry ends.",
    cause: "a long list that is split at the wrong places; receivers drop what is left over",
    known: "",
    needs: &[],
    looks_at: DIRECT,
    check: Check::Link(check),
};

fn check(on: &OnLink<'_>, found: &mut Found) {
    if let Some(wire::Packet::PeerResponse(response)) = on.packet.read()
        && let Some(error) = response.fault()
        && !matches!(error.reason, Reason::TooLong { .. })
    {
        found.say(error.to_string(), &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let response = it.first(Kind::PeerResponse);
            let _ = it.bytes(response).pop();
        }),
        silent("talk", |it| {
            let response = it.first(Kind::PeerResponse);
            it.bytes(response).truncate(4);
        }),
    ]
}
