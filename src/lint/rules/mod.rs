//! The rules, one file each: what is guarded, why it breaks, how to see it, and a recording of real
//! clients that is edited so that the rule is broken, beside one that comes near.

mod accept_echo;
mod accept_ignored;
mod accept_no_query;
mod accept_number;
mod conference_type;
mod conn_limit;
mod early_direct;
mod freeze_early;
mod freeze_relay;
mod half_open;
mod introduce_missing;
mod introduced_connecting;
mod introduced_early;
mod invite_early;
mod join_no_name;
mod kill_foreign;
mod kill_not_applied;
mod kill_talk;
mod killed_listed;
mod kind;
mod len;
mod lossy_dup;
mod lossy_echo;
mod lossy_fanout;
mod lossy_own;
mod lossy_textgroup;
mod member_ignored;
mod name_len;
mod newpeer_conflict;
mod newpeer_dht;
mod no_first_query;
mod num_back;
mod num_jump;
mod num_remote;
mod num_reuse;
mod num_zero;
mod number_clash;
mod number_moves;
mod online_missing;
mod online_spam;
mod online_unanswered;
mod padding;
mod ping_fast;
mod query_futile;
mod query_storm;
mod query_unanswered;
mod quit_silent;
mod rejoin_active;
mod rejoin_missing;
mod rejoin_missing_freeze;
mod rejoin_no_name;
mod rejoin_no_newpeer;
mod rejoin_no_online;
mod rejoin_no_query;
mod rejoin_unknown;
mod relay_echo;
mod relay_invalid;
mod relay_missing;
mod relay_modified;
mod relay_noecho;
mod relay_old;
mod relay_stale_name;
mod relay_twice;
mod relay_unknown;
mod resp_dupkey;
mod resp_dupnumber;
mod resp_frozen;
mod resp_noself;
mod resp_omits;
mod resp_partial;
mod resp_split;
mod resp_unsolicited;
mod save_count;
mod save_dup;
mod save_len;
mod save_order;
mod save_own_key;
mod save_own_number;
mod save_tail;
mod save_trunc;
mod self_renumbered;
mod send_frozen;
mod spoof_self;
mod state_while_joining;
mod text_empty;
mod thaw_no_name;
mod title_ignored;
mod title_len;
mod title_resp;
mod trailing;
mod unknown_no_query;
mod utf8;
mod wrap;
mod wrong_number;

// What rules are written with.
use super::at::{At, OnLink, frame};
use super::finding::{Found, Spot};
use super::guard::Level;
use super::promise::{Promise, Promises, Proof};
use super::rule::{Check, Class, Expectation, Need, Rule, Severity};
use super::save::SaveFile;
#[cfg(test)]
use super::testing::{
    Case, MS, fires, first_peer, owner, save_fires, save_silent, saved, section, silent,
};
use super::view::{End, Handed, Packet, Peer, REMEMBERED, SECOND, newer};
use crate::conference::DamageKind;
use crate::printable::printable;
use crate::time::Timestamp;
use crate::wire::{self, ConferenceType, DataId, Kind, MessageBody, PeerNumber, PublicKey, Reason};

// What packets carry that rules look at.
const ANY: &[DataId] = &[];
const INVITES: &[DataId] = &[DataId::CONFERENCE_INVITE];
const ONLINES: &[DataId] = &[DataId::CONFERENCE_ONLINE];
const DIRECT: &[DataId] = &[DataId::CONFERENCE_DIRECT];
const MESSAGES: &[DataId] = &[DataId::CONFERENCE_MESSAGE];
const REJOINS: &[DataId] = &[DataId::CONFERENCE_REJOIN];
const LOSSY: &[DataId] = &[DataId::CONFERENCE_LOSSY];
/// Packets that say which conference they are about.
const NAMING: &[DataId] =
    &[DataId::CONFERENCE_INVITE, DataId::CONFERENCE_ONLINE, DataId::CONFERENCE_REJOIN];
/// Packets with names and titles.
const TOLD: &[DataId] = &[DataId::CONFERENCE_DIRECT, DataId::CONFERENCE_MESSAGE];
/// Packets that address a conference by its number.
const ADDRESSED: &[DataId] =
    &[DataId::CONFERENCE_DIRECT, DataId::CONFERENCE_MESSAGE, DataId::CONFERENCE_LOSSY];

macro_rules! rules {
    ($($module:ident,)*) => {
        /// Every rule, in the order of the catalogue.
        pub static RULES: &[&Rule] = &[$(&$module::RULE,)*];

        /// The edited recordings of every rule.
        #[cfg(test)]
        pub(super) fn cases() -> Vec<(&'static Rule, Vec<Case>)> {
            vec![$((&$module::RULE, $module::cases()),)*]
        }
    };
}

rules! {
    len,
    trailing,
    kind,
    conference_type,
    name_len,
    title_len,
    text_empty,
    resp_partial,
    resp_split,
    utf8,
    padding,
    lossy_textgroup,
    early_direct,
    wrong_number,
    number_clash,
    number_moves,
    online_missing,
    online_unanswered,
    online_spam,
    half_open,
    no_first_query,
    introduce_missing,
    newpeer_dht,
    invite_early,
    accept_echo,
    accept_no_query,
    accept_ignored,
    accept_number,
    member_ignored,
    newpeer_conflict,
    resp_dupkey,
    resp_dupnumber,
    resp_noself,
    self_renumbered,
    resp_frozen,
    resp_omits,
    resp_unsolicited,
    query_unanswered,
    title_resp,
    unknown_no_query,
    query_futile,
    query_storm,
    killed_listed,
    join_no_name,
    state_while_joining,
    num_reuse,
    num_back,
    num_zero,
    num_jump,
    num_remote,
    wrap,
    spoof_self,
    relay_modified,
    relay_missing,
    relay_twice,
    relay_echo,
    relay_noecho,
    relay_old,
    relay_stale_name,
    relay_invalid,
    relay_unknown,
    ping_fast,
    send_frozen,
    rejoin_missing,
    rejoin_missing_freeze,
    rejoin_no_online,
    rejoin_no_newpeer,
    rejoin_no_name,
    rejoin_no_query,
    rejoin_active,
    rejoin_unknown,
    thaw_no_name,
    freeze_early,
    kill_foreign,
    kill_talk,
    kill_not_applied,
    quit_silent,
    freeze_relay,
    conn_limit,
    introduced_early,
    introduced_connecting,
    title_ignored,
    lossy_dup,
    lossy_echo,
    lossy_fanout,
    lossy_own,
    save_trunc,
    save_count,
    save_own_number,
    save_own_key,
    save_dup,
    save_len,
    save_tail,
    save_order,
}

/// Which relays a rule waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Relays {
    /// Of messages to those behind.
    Numbers,
    /// The same, of the first message after the wrap of the numbers.
    Wraps,
    /// Of messages back to their author.
    Author,
}

/// A new message has to be passed on. Only the newest of an author counts, of whom something was passed
/// on before; so it is clear that the endpoint takes it. Not so a Name or a Title: a newer one that comes
/// another way first ends it.
fn relays(at: &At<'_>, rule: &'static Rule, which: Relays, promises: &mut Promises) {
    let Some(message) = at.packet.message().filter(|_| !at.sent) else { return };
    let seen = at.copies.is_some_and(|it| !it.heard.is_empty() || !it.sent.is_empty());
    let body = &message.body;
    if seen
        || matches!(
            body,
            MessageBody::Unknown(_)
                | MessageBody::KillPeer(_)
                | MessageBody::FreezePeer(_)
                | MessageBody::Name(_)
                | MessageBody::Title(_)
        )
        || !at.is_of_others()
    {
        return;
    }
    let (author, number) = (message.peer_number, message.message_number);
    let Some(peer) = at.peer(author).filter(|peer| peer.froze.is_none()) else { return };
    let Some(newest) = peer.heard.filter(|newest| newer(number, *newest)) else { return };
    if peer.relayed.is_empty() {
        return;
    }
    let mut add = |friend: PublicKey, session: u32| {
        let promise = at.promise(rule, Proof::Slot);
        let message = Some((author, number));
        promises.add(promise.map(|it| Promise { friend, session, message, ..it }));
    };
    if which == Relays::Author {
        let online = at.my_part().is_some_and(|part| part.messaged.is_some());
        if peer.key == at.friend && online {
            add(at.friend, at.packet.session);
        }
    } else if (number.0 < newest.0) == (which == Relays::Wraps) {
        for (friend, session, _) in at.slots().filter(|slot| slot.0 != at.friend) {
            add(friend, session);
        }
    }
}

/// A new peer is announced for the first time under a number that, as the endpoint knows, somebody else has
/// who is so; `what` is said of who has it.
fn announces_taken(at: &At<'_>, found: &mut Found, is_so: fn(&At<'_>, &Peer) -> bool, what: &str) {
    let Some(MessageBody::NewPeer(new)) = at.packet.body() else { return };
    let is_first = at.copies.is_none_or(|it| it.sent.is_empty() && it.heard.is_empty());
    if !is_first || !at.is_own() {
        return;
    }
    let Some(peer) = at.peer(new.new_peer_number) else { return };
    if peer.key != new.real_key && at.handled(peer) && is_so(at, peer) {
        let message = format!(
            "announces {} under number {}, which {what}{} has",
            at.who(&new.real_key),
            new.new_peer_number,
            at.who(&peer.key),
        );
        found.say(message, &[peer.since]);
    }
}

/// Another message of the sender of this one, with a number far ahead.
#[cfg(test)]
fn own_message(it: &super::testing::Traffic, of: usize, id: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = it.packets[of].bytes[..10].to_vec();
    bytes[6] = 1;
    bytes[9] = id;
    [&bytes, body].concat()
}

/// The first entry of the first Peer Response once more at its end, without its name and changed.
#[cfg(test)]
fn list_again(it: &mut super::testing::Traffic, change: fn(&mut [u8])) {
    let response = it.first(Kind::PeerResponse);
    let bytes = it.bytes(response);
    let mut again = bytes[4..4 + 67].to_vec();
    again[66] = 0;
    change(&mut again);
    bytes.extend(again);
}

/// Leaves an entry of a Peer Response out.
#[cfg(test)]
fn drop_entry(bytes: &mut Vec<u8>, entry: usize) {
    let mut place = 4;
    for _ in 0..entry {
        place += 67 + usize::from(bytes[place + 66]);
    }
    bytes.drain(place..place + 67 + usize::from(bytes[place + 66]));
}

/// All sessions go on for a while: with what was said last, twice, 10 s apart.
#[cfg(test)]
fn go_on(it: &mut super::testing::Traffic) {
    let mut ways = std::collections::BTreeMap::new();
    let end = it.packets.last().unwrap().at;
    for (place, packet) in it.packets.iter().enumerate() {
        let is_message = packet.id() == DataId::CONFERENCE_MESSAGE;
        let way = (packet.session, packet.direction);
        if is_message || !ways.contains_key(&way) {
            ways.insert(way, (place, is_message));
        }
    }
    for seconds in [10, 20] {
        for (place, is_message) in ways.values() {
            let bytes = if *is_message { it.packets[*place].bytes.clone() } else { vec![0x10] };
            let wait = end.nanos_since(it.packets[*place].at);
            let at = it.say(*place, wait + seconds * SECOND, bytes);
            it.packets[at].ack = 1 << 30;
        }
    }
}

/// Who takes back and who comes back, at the end of `rejoin`, and when; all goes on for a while.
#[cfg(test)]
fn come_back(
    it: &mut super::testing::Traffic,
) -> (Option<PublicKey>, Option<PublicKey>, Timestamp) {
    let rejoin = it.last(Kind::Rejoin);
    let (from, to, at) = (it.packets[rejoin].from, it.packets[rejoin].to, it.packets[rejoin].at);
    go_on(it);
    (to, from, at)
}

/// The same, and nothing was heard of who comes back since it fell asleep.
#[cfg(test)]
fn come_back_from_afar(
    it: &mut super::testing::Traffic,
) -> (Option<PublicKey>, Option<PublicKey>, Timestamp) {
    let rejoin = it.last(Kind::Rejoin);
    let (cas, session) = (it.packets[rejoin].from, it.packets[rejoin].session);
    let asleep = Timestamp::from_nanos(it.packets[0].at.as_nanos() + 20 * SECOND);
    it.remove_all(|p| p.from == cas && p.session != session && p.at > asleep);
    come_back(it)
}

/// What is wrong with a malformed packet of these kinds, if that is what is wrong.
fn fault<'a>(packet: &Packet<'a>, kinds: &[Kind]) -> Option<(Kind, wire::Fault)> {
    let Some(Err(malformed)) = &packet.conference else { return None };
    let kind = malformed.intended();
    kinds.contains(&kind).then_some((kind, malformed.error))
}
