//! `L-LOSSY-TEXTGROUP`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-LOSSY-TEXTGROUP",
    severity: Severity::Warning,
    class: Class::Connection,
    cites: "R-006",
    says: "Lossy messages are sent in audio conferences only.",
    cause: "audio switched on in a text conference; receivers since 0.2.10 drop it",
    known: "",
    needs: &[],
    looks_at: LOSSY,
    check: Check::Link(check),
};

fn check(on: &OnLink<'_>, found: &mut Found) {
    if on.packet.is(Kind::Lossy) && on.conference.is_some_and(|it| it.kind == ConferenceType::TEXT)
    {
        found.say("audio in a text conference".to_owned(), &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let chat = it.first(Kind::Chat);
            let mut lossy = it.bytes(chat)[..5].to_vec();
            lossy[0] = 0xc7;
            lossy.extend([0, 0, 0xc0, 0, 0, 1]);
            it.say(chat, 0, lossy);
        }),
        silent("audio", |it| {
            let lossy = it.first(Kind::Lossy);
            it.repeat(lossy, MS);
        }),
    ]
}
