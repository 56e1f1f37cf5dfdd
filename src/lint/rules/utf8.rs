//! `L-UTF8`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-UTF8",
    severity: Severity::Note,
    class: Class::Packet,
    cites: "D-080",
    says: "Names, titles and texts are UTF-8.",
    cause: "a client with another encoding; members built on tox-rs drop the packet",
    known: "",
    needs: &[],
    looks_at: TOLD,
    check: Check::Packet(check),
};

fn check(packet: &Packet<'_>, found: &mut Found) {
    let mut look = |what: &str, text: &[u8]| {
        if str::from_utf8(text).is_err() {
            found.say(format!("the {what} is not UTF-8"), &[]);
        }
    };
    match packet.read() {
        Some(wire::Packet::TitleResponse(response)) => look("title", response.title),
        Some(wire::Packet::PeerResponse(response)) => {
            response.peers().for_each(|peer| look("name of a peer", peer.name));
        }
        Some(wire::Packet::Message(message)) => match message.body {
            MessageBody::Name(name) => look("name", name.name),
            MessageBody::Title(title) => look("title", title.title),
            MessageBody::Chat(chat) => look("text", chat.text),
            MessageBody::Action(action) => look("text", action.text),
            _ => {}
        },
        _ => {}
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("two", |it| {
            let chat = it.first(Kind::Chat);
            it.bytes(chat)[10] = 0xff;
        }),
        silent("two", |it| {
            let chat = it.first(Kind::Chat);
            it.bytes(chat).splice(10.., "Grüße".bytes());
        }),
    ]
}
