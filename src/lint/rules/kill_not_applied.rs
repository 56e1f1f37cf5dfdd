//! `L-KILL-NOT-APPLIED`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-KILL-NOT-APPLIED",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-187",
    says: "Whoever has left is not listed any more.",
    cause: "a Kill that was not taken",
    known: "",
    needs: &[],
    looks_at: DIRECT,
    check: Check::Sent(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    let Some(wire::Packet::PeerResponse(response)) = at.packet.read() else { return };
    let Some(group) = at.group().filter(|group| group.left.is_none()) else { return };
    for entry in response.peers() {
        let Some((number, kill)) = group.killed.get(&entry.real_key) else { continue };
        if at.now().nanos_since(kill.at) > SECOND
            && group.killed_by.get(&entry.real_key).is_some_and(|by| at.acknowledged(*by))
        {
            let message = format!(
                "lists {}, peer {number}, who left in {}",
                at.who(&entry.real_key),
                frame(at.packet, *kill),
            );
            found.say(message, &[*kill]);
        }
    }
}

/// After somebody left, a member lists everybody, by the list of another one at first if `told`.
#[cfg(test)]
pub(super) fn list_after_leaving(it: &mut crate::lint::testing::Traffic, told: bool) {
    let kill = it.first(Kind::KillPeer);
    let (gone, me) = (it.packets[kill].from, it.packets[kill].to);
    let gone_key = gone.unwrap().0;
    let list = it.find(|p| {
        p.kind() == Some(Kind::PeerResponse) && p.bytes.windows(32).any(|key| key == gone_key)
    });
    let bytes = it.bytes(list).clone();
    it.reply(kill, MS, vec![0x10]);
    let at = it.find(|p| p.from == me && p.to != gone && p.id() == DataId::CONFERENCE_MESSAGE);
    let wait = it.packets[kill].at.nanos_since(it.packets[at].at);
    if told {
        let back = it.reply(at, wait + SECOND, bytes.clone());
        it.reply(back, SECOND, bytes);
    } else {
        it.say(at, wait + 2 * SECOND, bytes);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| list_after_leaving(it, false)),
        silent("talk", |it| list_after_leaving(it, true)),
    ]
}
