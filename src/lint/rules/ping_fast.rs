//! `L-PING-FAST`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-PING-FAST",
    severity: Severity::Note,
    class: Class::Endpoint,
    cites: "R-141, R-142",
    says: "Pings are 20 s apart, unless a connection goes online in between.",
    cause: "a timer that other events start again",
    known: "",
    needs: &[],
    looks_at: MESSAGES,
    check: Check::Sent(check),
};

const LEAST: i64 = 19 * SECOND;

fn check(at: &At<'_>, found: &mut Found) {
    let is_first = at.copies.is_none_or(|it| it.sent.is_empty() && it.heard.is_empty());
    if !at.packet.is(Kind::Ping) || !is_first || !at.is_own() {
        return;
    }
    let Some(before) = at.group().and_then(|group| group.pinged) else { return };
    let apart = at.now().nanos_since(before.at);
    let online = at.sessions().any(|(_, _, _, theirs)| {
        let part = at.conference.and_then(|it| theirs.part(&it));
        part.and_then(|part| part.online).is_some_and(|online| online.at >= before.at)
    });
    if (0..LEAST).contains(&apart) && !online {
        let message = format!(
            "pings {}.{} s after the last one, in {}",
            apart / SECOND,
            apart % SECOND / (SECOND / 10),
            frame(at.packet, before),
        );
        found.say(message, &[before]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| {
            let after = it.saying(b"she sleeps");
            let bytes = own_message(it, after, 0, &[]);
            it.say(after, MS, bytes);
        }),
        silent("talk", |it| {
            let ping = it.first(Kind::Ping);
            it.repeat(ping, MS);
        }),
        silent("rejoin", |it| {
            // By a clock that was set back.
            let after = it.saying(b"she sleeps");
            let bytes = own_message(it, after, 0, &[]);
            let ping = it.say(after, MS, bytes);
            it.packets[ping].at = it.packets[0].at;
        }),
    ]
}
