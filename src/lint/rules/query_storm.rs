//! `L-QUERY-STORM`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-QUERY-STORM",
    severity: Severity::Note,
    class: Class::Endpoint,
    cites: "D-038",
    says: "Nobody asks one neighbour for the list more than ten times in ten seconds.",
    cause: "an unknown author that talks fast, or answers that never hold it",
    known: "every version (B-18)",
    needs: &[],
    looks_at: DIRECT,
    check: Check::Sent(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    let Some(part) = at.my_part().filter(|_| at.packet.is(Kind::PeerQuery)) else { return };
    if let Some(first) = part.asked.front().filter(|_| part.asked.len() >= 10)
        && at.now().nanos_since(first.at) < 10 * SECOND
    {
        let message = format!("asks {} for the list, eleven times in 10 s", at.friends_name());
        found.say(message, &[*first]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let query = it.first(Kind::PeerQuery);
            for _ in 0..10 {
                it.repeat(query, MS);
            }
        }),
        silent("talk", |it| {
            let query = it.first(Kind::PeerQuery);
            for _ in 0..5 {
                it.repeat(query, MS);
            }
        }),
    ]
}
