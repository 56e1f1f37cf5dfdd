//! `L-TITLE-RESP`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-TITLE-RESP",
    severity: Severity::Warning,
    class: Class::Endpoint,
    cites: "R-081",
    says: "An answer to a Peer Query ends with the title, if there is one.",
    cause: "an implementation without Title Responses; new members see no title",
    known: "",
    needs: &[],
    looks_at: DIRECT,
    check: Check::Promise(Expectation { begins, keeps, anywhere: false, tells }),
};

fn begins(at: &At<'_>, promises: &mut Promises) {
    let titled = at.group().and_then(|group| group.title.as_ref()).is_some_and(|it| !it.is_empty());
    if at.sent && at.packet.is(Kind::PeerResponse) && titled {
        promises.add(at.promise(&RULE, Proof::Slot));
    }
}

fn keeps(at: &At<'_>, promise: &Promise) -> bool {
    at.packet.is(Kind::TitleResponse) && at.is_about(promise)
}

fn tells(promise: &Promise, who: &dyn Fn(&PublicKey) -> String) -> String {
    format!("answers {} without the title that the conference has", who(&promise.friend))
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            it.remove_all(|p| p.kind() == Some(Kind::TitleResponse));
            go_on(it);
        }),
        silent("talk", |it| {
            it.remove_all(|p| {
                p.kind() == Some(Kind::TitleResponse) || p.kind() == Some(Kind::PeerResponse)
            });
        }),
    ]
}
