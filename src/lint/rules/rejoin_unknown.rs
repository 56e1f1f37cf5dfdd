//! `L-REJOIN-UNKNOWN`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-REJOIN-UNKNOWN",
    severity: Severity::Note,
    class: Class::Endpoint,
    cites: "R-162",
    says: "A Rejoin comes from somebody who is known.",
    cause: "the sender was forgotten or has left; silence is the right answer",
    known: "after a list of offline members became limited (#1306)",
    needs: &[Need::Birth],
    looks_at: REJOINS,
    check: Check::Heard(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    let Some(group) = at.group().filter(|_| at.packet.is(Kind::Rejoin)) else { return };
    if group.left.is_some() || !group.numbers.contains_key(&at.friend) {
        let who = at.friends_name();
        found.say(format!("a Rejoin of {who}, who is in no list: nobody will answer"), &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let text = it.saying(b"I'm late");
            let online = it.first(Kind::Online);
            let bytes = [&[0x64], &it.bytes(online)[3..]].concat();
            let at = it.say(text, 0, bytes);
            it.packets[at].from = Some(PublicKey([7; 32]));
            it.packets[at].session = 900;
        }),
        silent("talk", |it| {
            let text = it.saying(b"I'm late");
            let online = it.first(Kind::Online);
            let bytes = [&[0x64], &it.bytes(online)[3..]].concat();
            it.say(text, 0, bytes);
        }),
    ]
}
