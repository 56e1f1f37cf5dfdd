//! `L-INTRODUCED-EARLY`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-INTRODUCED-EARLY",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-056",
    says: "An introducer is released by members that have more than four neighbours.",
    cause: "a threshold of at least four",
    known: "c-toxcore 0.2.5 to 0.2.7 (1b2322284)",
    needs: &[Need::Whole],
    looks_at: DIRECT,
    check: Check::Sent(check),
};

const FEW: usize = 4;

fn check(at: &At<'_>, found: &mut Found) {
    if !at.packet.is(Kind::PeerIntroduced) {
        return;
    }
    // All that may be online.
    let neighbours = at.sessions().filter(|(_, _, mine, theirs)| {
        let Some(conference) = at.conference else { return false };
        mine.part(&conference).is_some() && theirs.part(&conference).is_some()
    });
    let count = neighbours.count();
    if count <= FEW {
        let who = at.friends_name();
        found.say(format!("releases {who} with {count} neighbours at most"), &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let text = it.saying(b"I'm late");
            it.say(text, MS, vec![0x62, 0, 0, 1]);
        }),
        silent("talk", |it| {
            conn_limit::neighbours(it, 5);
            let text = it.saying(b"I'm late");
            it.say(text, MS, vec![0x62, 0, 0, 1]);
        }),
    ]
}
