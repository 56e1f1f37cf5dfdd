//! `L-NO-FIRST-QUERY`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-NO-FIRST-QUERY",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-066",
    says: "The first neighbour of a conference, and one that takes somebody back, is asked for the list \
           of members.",
    cause: "an implementation that waits for messages of unknown authors instead",
    known: "",
    needs: &[Need::Whole],
    looks_at: ONLINES,
    check: Check::Promise(Expectation { begins, keeps, anywhere: false, tells }),
};

fn begins(at: &At<'_>, promises: &mut Promises) {
    let crossed = crossed(at);
    let Some(conference) = at.conference.filter(|_| at.goes_online() || crossed.is_some()) else {
        return;
    };
    let is_online = |(friend, _, mine, theirs): (PublicKey, u32, &End, &End)| {
        let said = |end: &End| {
            end.part(&conference).is_some_and(|it| it.online.is_some() || it.accepted.is_some())
        };
        friend != at.friend && (said(mine) || said(theirs))
    };
    let introduced = at.my_part().is_some_and(|it| it.rejoined.is_some());
    let alone = || {
        let all_known = at.group().is_some_and(|group| group.birth == Level::Known);
        all_known && at.me.closed.is_none() && !at.sessions().any(is_online)
    };
    if introduced || alone() {
        let promise = at.promise(&RULE, Proof::Slot);
        let after = crossed.map(|number| (at.packet.session, number));
        promises.add(promise.map(|it| Promise { after: it.after.or(after), ..it }));
    }
}

/// The number of an Online of the friend that came, but was not handled before the endpoint says its own:
/// so there is a slot when it is.
fn crossed(at: &At<'_>) -> Option<u32> {
    let mine = at.my_part().is_some_and(|it| it.online.is_some() || it.accepted.is_some());
    let theirs = at.their_part().filter(|it| it.online.is_some() && it.accepted.is_none())?;
    let number = theirs.announced_by;
    let handled = at.packet.ack.wrapping_sub(number).wrapping_sub(1) <= u32::MAX / 2;
    (at.sent && at.packet.is(Kind::Online) && !mine && !handled).then_some(number)
}

fn keeps(at: &At<'_>, promise: &Promise) -> bool {
    at.packet.is(Kind::PeerQuery) && at.is_about(promise)
}

fn tells(promise: &Promise, who: &dyn Fn(&PublicKey) -> String) -> String {
    format!("reached {} and did not ask who is there", who(&promise.friend))
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| {
            let (bob, cas, at) = come_back(it);
            it.remove_all(|p| {
                p.kind() == Some(Kind::PeerQuery) && p.from == cas && p.to == bob && p.at > at
            });
        }),
        silent("rejoin", |it| {
            let _ = come_back(it);
        }),
    ]
}
