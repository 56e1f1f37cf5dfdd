//! `L-ONLINE-SPAM`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-ONLINE-SPAM",
    severity: Severity::Note,
    class: Class::Connection,
    cites: "R-046, R-067",
    says: "Each side says Online at most twice in a session: as the connection comes up, and as \
           an answer.",
    cause: "an announcement at every recalculation of the closest peers",
    known: "c-toxcore up to 0.2.10 (2677a53ee)",
    needs: &[],
    looks_at: ONLINES,
    check: Check::Link(check),
};

fn check(on: &OnLink<'_>, found: &mut Found) {
    if !on.packet.is(Kind::Online) {
        return;
    }
    let Some(part) = on.part() else { return };
    let rejoined = |part: Option<&crate::lint::Part>| part.is_some_and(|it| it.rejoined.is_some());
    if part.onlines >= 2 && !rejoined(on.part()) && !rejoined(on.receivers_part()) {
        found.say(format!("Online for the {}th time in this session", part.onlines + 1), &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let online = it.first(Kind::Online);
            it.repeat(online, MS);
            it.repeat(online, 2 * MS);
        }),
        silent("rejoin", |it| {
            // Behind a Rejoin.
            let mut rejoined = std::collections::BTreeSet::new();
            let online = it.packets.iter().position(|p| match p.kind() {
                Some(Kind::Rejoin) => {
                    rejoined.insert(p.session);
                    false
                }
                Some(Kind::Online) => rejoined.contains(&p.session),
                _ => false,
            });
            let online = online.expect("an Online behind a Rejoin");
            it.repeat(online, MS);
            it.repeat(online, 2 * MS);
        }),
    ]
}
