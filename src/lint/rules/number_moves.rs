//! `L-NUMBER-MOVES`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-NUMBER-MOVES",
    severity: Severity::Warning,
    class: Class::Connection,
    cites: "R-002",
    says: "A conference keeps its number for as long as a session lasts.",
    cause: "the conference was deleted and joined again, or the number is made up anew",
    known: "",
    needs: &[],
    looks_at: NAMING,
    check: Check::Link(check),
};

fn check(on: &OnLink<'_>, found: &mut Found) {
    let Some(read) = on.packet.read().filter(|read| read.conference().is_some()) else { return };
    let (Some(part), Some(number)) = (on.part(), read.group_number()) else { return };
    if let Some((before, spot)) = part.number
        && before != number
        && part.killed.is_none()
    {
        let message = format!(
            "announces number {number} for a conference that had number {before} in {}",
            frame(on.packet, spot)
        );
        found.say(message, &[spot]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let online = it.first(Kind::Online);
            let mut other = it.bytes(online).clone();
            other[2] += 1;
            it.say(online, MS, other);
        }),
        silent("talk", |it| {
            let online = it.first(Kind::Online);
            it.repeat(online, MS);
        }),
    ]
}
