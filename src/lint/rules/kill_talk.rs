//! `L-KILL-TALK`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-KILL-TALK",
    severity: Severity::Error,
    class: Class::Connection,
    cites: "R-185",
    says: "Whoever has said Kill says nothing more under that number.",
    cause: "a forged Kill, or a number that was given away too early",
    known: "",
    needs: &[],
    looks_at: MESSAGES,
    check: Check::Link(check),
};

fn check(on: &OnLink<'_>, found: &mut Found) {
    let (Some(message), Some(part)) = (on.packet.message(), on.part()) else { return };
    let author = message.peer_number;
    let named = on.receivers_part().and_then(|it| it.renamed.get(&author));
    let invited_again = named.is_some_and(|named| part.killed.is_some_and(|it| named.at > it.at));
    // On the author's own connection; elsewhere late copies may come.
    if let Some(spot) = part.killed
        && part.killed_number == Some(author)
        && !invited_again
        && part.killed_message.is_some_and(|kill| newer(message.message_number, kill))
    {
        let message = format!(
            "peer {author} goes on with message {} after its Kill in {}",
            message.message_number,
            frame(on.packet, spot)
        );
        found.say(message, &[spot]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let kill = it.first(Kind::KillPeer);
            let mut ping = it.bytes(kill)[..10].to_vec();
            ping[9] = 0;
            ping[8] += 1;
            it.say(kill, MS, ping);
        }),
        silent("talk", |it| {
            // A late copy of an older message.
            let kill = it.first(Kind::KillPeer);
            let mut ping = it.bytes(kill)[..10].to_vec();
            ping[9] = 0;
            ping[8] -= 1;
            it.say(kill, MS, ping);
        }),
    ]
}
