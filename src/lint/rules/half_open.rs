//! `L-HALF-OPEN`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-HALF-OPEN",
    severity: Severity::Warning,
    class: Class::Connection,
    cites: "R-070",
    says: "Whoever takes part in a conference on a connection answers an Online there.",
    cause: "one side dropped its slot and took it again, while the other still holds it for \
           online and ignores the Online",
    known: "every version (B-09)",
    needs: &[],
    looks_at: MESSAGES,
    check: Check::Link(check),
};

const PATIENCE: i64 = 30 * SECOND;

fn check(on: &OnLink<'_>, found: &mut Found) {
    if on.packet.id != DataId::CONFERENCE_MESSAGE {
        return;
    }
    let (Some(mine), Some(theirs)) = (on.part(), on.receivers_part()) else { return };
    let Some(asked) = theirs.online else { return };
    let after = |spot: Option<Spot>| spot.is_some_and(|spot| spot.at >= asked.at);
    let waited = on.packet.spot.at.nanos_since(asked.at);
    // Said once, as the patience ends.
    let before = mine.messaged.map_or(0, |spot| spot.at.nanos_since(asked.at));
    if waited > PATIENCE
        && before <= PATIENCE
        && !after(mine.online)
        && mine.online.is_none_or(|spot| asked.at.nanos_since(spot.at) > PATIENCE)
        && !after(theirs.messaged)
    {
        let message = format!(
            "the Online in {} stays unanswered, though its receiver goes on sending here: the other side \
             hears this one but never speaks to it until the connection is made anew",
            frame(on.packet, asked)
        );
        found.say(message, &[asked]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            // Long after both sides were online, one says Online again and nothing more.
            let online = it.first(Kind::Online);
            let (session, way) = (it.packets[online].session, it.packets[online].direction);
            let ping = it.find(|p| {
                p.id() == DataId::CONFERENCE_MESSAGE && p.session == session && p.direction != way
            });
            it.packets.truncate(ping + 1);
            let bytes = it.bytes(online).clone();
            it.say(online, 40_000 * MS, bytes);
            let bytes = it.bytes(ping).clone();
            for later in 8..16 {
                it.say(ping, later * 5_000 * MS, bytes.clone());
            }
        }),
        silent("talk", |it| {
            let online = it.first(Kind::Online);
            it.repeat(online, MS);
        }),
    ]
}
