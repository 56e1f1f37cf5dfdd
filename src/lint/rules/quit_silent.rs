//! `L-QUIT-SILENT`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-QUIT-SILENT",
    severity: Severity::Note,
    class: Class::Connection,
    cites: "R-186",
    says: "Whoever ends a session on purpose says Freeze or Kill in its conferences before.",
    cause: "a client that ends without telling; others wait 60 s before they freeze it",
    known: "c-toxcore before 0.2.9 says Kill instead; a crash says nothing",
    needs: &[],
    looks_at: &[DataId::KILL_SESSION],
    check: Check::Link(check),
};

fn check(on: &OnLink<'_>, found: &mut Found) {
    if on.packet.id != DataId::KILL_SESSION {
        return;
    }
    let told = |part: &crate::lint::Part| part.killed.is_some() || part.froze.is_some();
    // Of an introducing connection, or one to who is not closest any more, nothing is said.
    let lately = |part: &crate::lint::Part| {
        part.messaged.is_some_and(|spot| on.packet.spot.at.nanos_since(spot.at) < SECOND)
    };
    let silent = on.sender().parts().filter(|(_, part)| !told(part) && lately(part)).count();
    if silent > 0 && on.sender().friendly {
        found.say(format!("the session ends in the midst of {silent} conferences"), &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let ping = it.find(|p| p.kind() == Some(Kind::Chat));
            it.say(ping, MS, vec![2]);
        }),
        silent("talk", |it| {
            let kill = it.first(Kind::KillPeer);
            it.say(kill, MS, vec![2]);
        }),
    ]
}
