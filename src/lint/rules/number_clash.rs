//! `L-NUMBER-CLASH`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-NUMBER-CLASH",
    severity: Severity::Error,
    class: Class::Connection,
    cites: "R-002",
    says: "A number that was announced for one conference is announced for another one only \
           after the first was left.",
    cause: "an index that is used again while its conference lives",
    known: "",
    needs: &[],
    looks_at: ADDRESSED,
    check: Check::Link(check),
};

fn check(on: &OnLink<'_>, found: &mut Found) {
    // What the sender still says in a conference shows that it did not leave it.
    let Some(conference) = on.conference.filter(|_| on.packet.is_addressed()) else { return };
    let Some(part) = on.part() else { return };
    let Some((number, spot)) = part.number else { return };
    if let Some(other) = on.sender().announced(number).filter(|other| *other != conference)
        && let Some((_, clash)) = on.sender().part(&other).and_then(|part| part.number)
        && part.killed.is_none()
    {
        let message = format!(
            "the sender announced number {number} for this conference in {} and for another one in {}, \
             and still takes part in this one",
            frame(on.packet, spot),
            frame(on.packet, clash)
        );
        found.say(message, &[spot, clash]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let online = it.last(Kind::Online);
            let mut other = it.bytes(online).clone();
            other[5] ^= 1;
            it.say(online, MS, other);
        }),
        silent("talk", |it| {
            let online = it.first(Kind::Online);
            it.repeat(online, MS);
        }),
    ]
}
