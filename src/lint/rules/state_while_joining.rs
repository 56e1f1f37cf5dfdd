//! `L-STATE-WHILE-JOINING`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-STATE-WHILE-JOINING",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-021",
    says: "Nobody says anything of its own before it knows its number.",
    cause: "a number that was not set: everybody takes the message for one of the founder, who \
           has number 0",
    known: "",
    needs: &[Need::Whole],
    looks_at: MESSAGES,
    check: Check::Sent(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    let joining = at.group().is_some_and(|group| group.joining);
    let heard = at.copies.is_some_and(|copies| !copies.heard.is_empty());
    if let Some(message) = at.packet.message().filter(|_| joining && !heard) {
        let message =
            format!("speaks as peer {} before it was told its number", message.peer_number);
        found.say(message, &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let accepted = it.first(Kind::InviteAccepted);
            let ping = it.first(Kind::Ping);
            let mut bytes = it.bytes(ping).clone();
            bytes[5] = 1;
            it.say(accepted, 0, bytes);
        }),
        silent("talk", |it| {
            let ping = it.first(Kind::Ping);
            it.repeat(ping, 0);
        }),
    ]
}
