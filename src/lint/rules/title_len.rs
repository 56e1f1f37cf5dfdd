//! `L-TITLE-LEN`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-TITLE-LEN",
    severity: Severity::Error,
    class: Class::Packet,
    cites: "R-092, R-093",
    says: "Titles have 1 to 128 bytes.",
    cause: "a client that narrows a length; c-toxcore takes a title of 257 to 384 bytes as its \
           first 1 to 128 (B-03), so that members end with different titles",
    known: "",
    needs: &[],
    looks_at: TOLD,
    check: Check::Packet(check),
};

fn check(packet: &Packet<'_>, found: &mut Found) {
    if let Some((kind, error)) = fault(packet, &[Kind::Title, Kind::TitleResponse])
        && error.field.ends_with("title")
    {
        found.say(format!("{kind}: {error}"), &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let title = it.first(Kind::Title);
            it.bytes(title).truncate(10);
        }),
        fires("talk", |it| {
            let title = it.first(Kind::TitleResponse);
            it.bytes(title).resize(4 + 257, b'x');
        }),
        silent("talk", |it| {
            let title = it.first(Kind::Title);
            it.bytes(title).resize(10 + 128, b'x');
        }),
    ]
}
