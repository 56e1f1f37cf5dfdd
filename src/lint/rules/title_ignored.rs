//! `L-TITLE-IGNORED`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-TITLE-IGNORED",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-093",
    says: "Whoever joins and has no title takes over the one that it is told.",
    cause: "Title Responses that are not read; members see different titles",
    known: "",
    needs: &[Need::Birth, Need::Whole],
    looks_at: ADDRESSED,
    check: Check::Sent(check),
};

/// Columns of a title in a message.
const TITLE: usize = 40;
/// An answer ends with the title after so long at the most.
const ANSWER: i64 = 5 * SECOND;

fn check(at: &At<'_>, found: &mut Found) {
    let Some(group) = at.group().filter(|group| !group.titled) else { return };
    let Some((first, spot)) = group.told.first() else { return };
    let instead = match at.packet.read() {
        Some(wire::Packet::TitleResponse(response)) => {
            let was_told = group.told.iter().any(|(title, _)| title == response.title);
            (!was_told).then(|| printable(response.title).quoted().cut(TITLE).to_string())
        }
        _ => ended_without(at, *spot).then(|| "none".to_owned()),
    };
    if let Some(instead) = instead.filter(|_| at.had_neighbour_since(spot.at, None)) {
        let message = format!(
            "has the title {instead}, but joined without one and was told {} in {}",
            printable(first).quoted().cut(TITLE),
            frame(at.packet, *spot),
        );
        found.say(message, &[*spot]);
    }
}

/// Whether an answer that the endpoint gave on this connection, having been told the title, ended without
/// one. That is said once, as the time is over.
fn ended_without(at: &At<'_>, told: Spot) -> bool {
    let Some(part) = at.my_part().filter(|_| at.packet.is_addressed()) else { return false };
    let Some((answer, _)) = part.responded else { return false };
    let over = |spot: Option<Spot>| spot.is_some_and(|it| it.at.nanos_since(answer.at) > ANSWER);
    let after = |spot: Option<Spot>| spot.is_some_and(|it| it.at >= answer.at);
    answer.at.nanos_since(told.at) > ANSWER
        && over(Some(at.packet.spot))
        && !over(part.spoke)
        && !after(part.titled)
}

/// Whoever joins first is told a title, and tells this one a while later, or none.
#[cfg(test)]
fn tell(it: &mut crate::lint::testing::Traffic, title: Option<&[u8]>) {
    let list = it.first(Kind::PeerResponse);
    let ping = it.bytes(list).clone();
    let told = it.say(list, 100 * MS, [&ping[..3], b"\x0atea"].concat());
    match title {
        Some(title) => {
            it.reply(told, 300 * MS, [&[0x62, 0, 0, 0x0a], title].concat());
        }
        None => {
            it.remove_all(|p| p.kind() == Some(Kind::Title));
            let answer = it.reply(told, 6_000 * MS, [&[0x62, 0, 0], &ping[3..]].concat());
            it.say(answer, 6_000 * MS, vec![0x62, 0, 0, 8]);
        }
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| tell(it, Some(b"coffee"))),
        fires("rejoin", |it| tell(it, None)),
        silent("rejoin", |it| tell(it, Some(b"tea"))),
    ]
}
