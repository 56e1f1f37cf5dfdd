//! Follows everybody's cookies, handshakes and sessions, and opens what the keys at hand open
//! (packets §4, §5, §11.2).
//!
//! A session is named by its key, not by addresses: several may use one pair of addresses, one after
//! another or at once, and one may move to other addresses. Each packet is tried, in this order, with
//! the sessions that used its pair of addresses, with the handshakes seen between them, with sessions
//! and handshakes seen elsewhere, and with the keys that have `NONCE` lines. The last two are searches
//! whose work is bounded.

use std::net::SocketAddr;

use super::address::{Direction, Endpoint, Pair};
use super::budget::Budget;
use super::cipher::sha512;
use super::cookies::{Cookie, Cookies, Issued, orient};
use super::halves::{Half, HalfId, Halves};
use super::keylog::Purpose;
use super::keyring::{KeyId, KeyRing};
use super::link::{Attached, Link, to_front};
use super::relays::{Keys, Route};
use super::seal::{Seal, seal_data};
use super::sealed::Sealed;
use super::session::{Found, SessionTable, Whose, open_near};
use crate::recent::Recent;
use crate::wire::dht::{DhtPacket, DhtRequest};
use crate::wire::net_crypto::{
    CookieRequest, CookieRequestPlain, CookieResponse, CookieResponsePlain, CryptoData,
    CryptoPlain, Handshake, HandshakePlain,
};
use crate::wire::{DataClass, Nonce, PublicKey, ToxKind};

/// How many pairs of addresses, and addresses, are remembered. The one used least recently is forgotten
/// first, and counted ([`Sessions::forgotten`]).
const LINKS: usize = 1 << 17;
const HOSTS: usize = 1 << 16;

/// How many of the sessions, and of the handshakes, seen elsewhere are tried for a packet.
const ELSEWHERE: usize = 256;

/// How many keys of cookie requests seen elsewhere are tried for a cookie response.
const REQUESTS_ELSEWHERE: usize = 16;

/// For how many packets of one link, one after another, that nothing nearer opens, a key is searched, and
/// a handshake awaited.
pub(crate) const SEARCHES: u32 = 8;
const WAITS: u32 = 256;

/// What one datagram turned out to be.
pub struct Opened<'a> {
    /// The sender's long-term public key, if a handshake proves it; of a cookie request, what it claims.
    pub from: Option<PublicKey>,
    /// The receiver's long-term public key, if a handshake proves it; of a cookie response, what the
    /// request claimed.
    pub to: Option<PublicKey>,
    /// What it is.
    pub seen: Seen<'a>,
    /// Whether it is a data packet that stays closed, but may open after a handshake that is still to
    /// come: it is worth while to look ahead.
    pub may_open_later: bool,
}

/// What one datagram turned out to be, apart from whose it is.
#[derive(Clone, Copy)]
pub enum Seen<'a> {
    /// A cookie request.
    CookieRequest(Result<CookieRequestPlain, Sealed>),
    /// A cookie response.
    CookieResponse(Result<CookieResponsePlain<'a>, Sealed>),
    /// A handshake.
    Handshake(Result<OpenHandshake<'a>, Sealed>),
    /// A data packet.
    Data(Result<Data<'a>, Sealed>),
    /// Anything that is no business of net_crypto; not opened.
    Other,
}

/// A handshake that was opened.
#[derive(Clone, Copy, Debug)]
pub struct OpenHandshake<'a> {
    /// What it says.
    pub plain: HandshakePlain<'a>,
    /// Whether it begins another attempt; otherwise the same one is sent again.
    pub is_new: bool,
    /// Whether its hash is that of the cookie outside (packets §4.4).
    pub cookie_hash_fits: bool,
}

/// A data packet that was opened.
#[derive(Clone, Copy)]
pub struct Data<'a> {
    /// Number of the session, from 1, in the order in which sessions first had a packet opened.
    pub session: u32,
    /// Which of the session's two directions, 0 or 1.
    pub direction: u8,
    /// Whether this sender's handshake was seen: its first lossless packet is number 0.
    pub from_the_start: bool,
    /// Whether the same was opened before: the same lossless packet, by its number, or the same lossy one, by
    /// its nonce.
    pub resend: bool,
    /// Whether the very same packet was opened before, by its nonce: captured twice, or on the other half of
    /// its way through a relay.
    pub copy: bool,
    /// What it says.
    pub plain: CryptoPlain<'a>,
}

/// Everybody's sessions, and the keys to open them.
pub struct Sessions {
    links: Recent<Pair, Link>,
    hosts: Recent<Endpoint, Host>,
    opener: Opener,
    foreseeing: bool,
    /// What opened packets were sealed with, if somebody wants to know.
    seals: Option<Vec<Seal>>,
}

/// Who may be behind an address, going by the packets that came from it last: anybody can send from any
/// address, so this says which keys to try, and no more.
#[derive(Clone, Copy, Default)]
pub(super) struct Host {
    pub(super) dht_key: Option<PublicKey>,
    real_key: Option<PublicKey>,
}

/// All that opening packets of any link needs.
struct Opener {
    ring: KeyRing,
    sessions: SessionTable,
    cookies: Cookies,
    /// Opened handshakes of all links.
    halves: Halves,
    /// Keys that opened handshakes.
    long_term: Vec<KeyId>,
    budget: Budget,
    candidates: Vec<KeyId>,
    plain: Vec<u8>,
    /// Whether to look ahead for the handshake of the last data packet, which stays closed.
    may_open_later: bool,
}

impl Sessions {
    /// Nothing seen yet, and the keys to begin with.
    #[must_use]
    pub fn new(ring: KeyRing) -> Self {
        Self {
            links: Recent::new(LINKS),
            hosts: Recent::new(HOSTS),
            opener: Opener {
                ring,
                sessions: SessionTable::new(),
                cookies: Cookies::new(),
                halves: Halves::new(),
                long_term: Vec::new(),
                budget: Budget::default(),
                candidates: Vec::new(),
                plain: Vec::new(),
                may_open_later: false,
            },
            foreseeing: false,
            seals: None,
        }
    }

    /// The keys.
    #[must_use]
    pub const fn ring(&self) -> &KeyRing {
        &self.opener.ring
    }

    /// The keys, to add more while packets come in.
    pub const fn ring_mut(&mut self) -> &mut KeyRing {
        &mut self.opener.ring
    }

    /// From now on, keeps what data packets were sealed with, 64 bytes for each.
    pub fn keep_seals(&mut self) {
        self.seals.get_or_insert_default();
    }

    /// What the data packets that were opened since [`Self::keep_seals`] were sealed with, in the order in
    /// which they were opened.
    pub fn take_seals(&mut self) -> Vec<Seal> {
        self.seals.take().unwrap_or_default()
    }

    /// Appends the data packet that seals `plain` under the session key of `seal` and its nonce.
    pub fn seal(&self, seal: &Seal, plain: &CryptoPlain<'_>, out: &mut Vec<u8>) {
        seal_data(self.opener.ring.key(seal.key), &seal.nonce, plain, out);
    }

    /// What following connections to relays needs.
    pub(super) fn keys(&mut self) -> Keys<'_> {
        let Opener { ring, budget, candidates, plain, .. } = &mut self.opener;
        Keys { ring, budget, candidates, plain, hosts: &mut self.hosts }
    }

    /// How many pairs of addresses, addresses, cookies, handshakes and sessions were forgotten for want
    /// of room.
    #[must_use]
    pub const fn forgotten(&self) -> u64 {
        let Opener { sessions, halves, cookies, .. } = &self.opener;
        let addresses = self.links.forgotten() + self.hosts.forgotten();
        addresses + cookies.forgotten() + halves.forgotten() + sessions.forgotten()
    }

    /// How often the search for a key was cut short because its work was not earned.
    #[must_use]
    pub const fn searches_cut_short(&self) -> u64 {
        self.opener.budget.refused()
    }

    /// Looks at a datagram ahead of its turn, which comes soon: packets that overtook the handshake
    /// of their session can then be opened.
    pub fn foresee(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8], truncated: bool) {
        if is_foreseen(payload) {
            self.foreseeing = true;
            self.datagram(from, to, payload, truncated);
            self.foreseeing = false;
        }
    }

    /// The same for a packet that a relay passes on.
    pub fn foresee_relayed(&mut self, route: &Route, payload: &[u8]) {
        if is_foreseen(payload) {
            self.foreseeing = true;
            self.relayed(route, payload);
            self.foreseeing = false;
        }
    }

    /// Takes the next datagram, in the order of the capture.
    ///
    /// `truncated` says that `payload` is only its beginning.
    #[inline]
    pub fn datagram(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        payload: &[u8],
        truncated: bool,
    ) -> Opened<'_> {
        self.packet(Endpoint::from(from), Endpoint::from(to), payload, truncated)
    }

    /// Takes the next packet that a relay passes on, in the order of the capture.
    pub fn relayed(&mut self, route: &Route, payload: &[u8]) -> Opened<'_> {
        let [from, to] = route.ends();
        for end in [from, to] {
            if let Some(dht_key) = end.dht_key {
                self.learn(end.endpoint, |host| host.dht_key = Some(dht_key));
            }
        }
        self.packet(from.endpoint, to.endpoint, payload, false)
    }

    fn packet(
        &mut self,
        from: Endpoint,
        to: Endpoint,
        payload: &[u8],
        truncated: bool,
    ) -> Opened<'_> {
        let kind = ToxKind::of(payload);
        let is_net_crypto = kind.is_some_and(ToxKind::is_net_crypto);
        if self.opener.ring.is_empty() || (truncated && is_net_crypto) {
            let why = Sealed::without_keys(truncated);
            let seen = kind.map_or(Seen::Other, |kind| closed(kind, why));
            return self.opened([None, None], seen);
        }
        match kind {
            Some(kind) if is_net_crypto => {
                self.opener.budget.earn();
                self.net_crypto(kind, from, to, payload)
            }
            _ => {
                if let Some(dht_key) = visible_dht_key(payload) {
                    self.learn(from, |host| host.dht_key = Some(dht_key));
                }
                self.opened([None, None], Seen::Other)
            }
        }
    }

    fn net_crypto(
        &mut self,
        kind: ToxKind,
        from: Endpoint,
        to: Endpoint,
        payload: &[u8],
    ) -> Opened<'_> {
        let (pair, direction) = Pair::of(from, to);
        let link = self.links.get_or_insert(pair, Link::default);
        match kind {
            ToxKind::CRYPTO_DATA => {
                let found = match CryptoData::parse(payload) {
                    Ok(packet) => self.opener.find_session(link, direction, &packet),
                    Err(_) => {
                        self.opener.may_open_later = false;
                        Err(Sealed::BadLength)
                    }
                };
                self.data(found)
            }
            ToxKind::CRYPTO_HANDSHAKE => {
                let known = [self.host(from).real_key, self.host(to).real_key];
                let link = self.links.get_or_insert(pair, Link::default);
                link.sides.of_mut(direction).handshake_seen |= !self.foreseeing;
                match Handshake::parse(payload) {
                    Ok(packet) => {
                        let issued = self.opener.cookies.issued(packet.cookie);
                        let opened = self.opener.open_handshake(link, known, issued, &packet);
                        self.handshake(from, to, pair, direction, packet.cookie, opened)
                    }
                    Err(_) => self.unknown(Seen::Handshake(Err(Sealed::BadLength))),
                }
            }
            ToxKind::COOKIE_REQUEST => {
                let their_dht_key = self.host(to).dht_key;
                let link = self.links.get_or_insert(pair, Link::default);
                let opened = match CookieRequest::parse(payload) {
                    Ok(packet) => self
                        .opener
                        .open_request(link, direction, their_dht_key, &packet)
                        .map(|plain| (packet.dht_key, plain)),
                    Err(_) => Err(Sealed::BadLength),
                };
                if let Ok((dht_key, plain)) = opened
                    && !self.foreseeing
                {
                    self.learn(from, |host| {
                        *host = Host { dht_key: Some(dht_key), real_key: Some(plain.real_key) };
                    });
                }
                let opened = opened.map(|(_, plain)| plain);
                let claimed = opened.as_ref().ok().map(|plain| plain.real_key);
                self.opened([claimed, None], Seen::CookieRequest(opened))
            }
            _ => {
                let known = [self.host(from).dht_key, self.host(to).dht_key];
                let link = self.links.get_or_insert(pair, Link::default);
                let opened = match CookieResponse::parse(payload) {
                    Ok(packet) => self.opener.open_response(link, direction, known, &packet),
                    Err(_) => Err(Sealed::BadLength),
                };
                let Opener { cookies, plain, .. } = &mut self.opener;
                let opened = opened.and_then(|key| {
                    let plain = CookieResponsePlain::parse(plain).map_err(|_| Sealed::BadLength)?;
                    Ok((cookies.response(key, &plain), plain))
                });
                let (claimed, opened) = match opened {
                    Ok((claimed, plain)) => (claimed, Ok(plain)),
                    Err(why) => (None, Err(why)),
                };
                let seen = Seen::CookieResponse(opened);
                Opened { from: None, to: claimed, seen, may_open_later: false }
            }
        }
    }

    fn data(&mut self, found: Result<Found, Sealed>) -> Opened<'_> {
        let found = match found {
            Ok(found) => found,
            Err(why) => {
                let may_open_later = self.opener.may_open_later;
                return Opened { may_open_later, ..self.unknown(Seen::Data(Err(why))) };
            }
        };
        let key = self.opener.ring.key(found.key);
        let session = self.opener.sessions.note(&found, key);
        let to = session.parties.of(found.direction.reversed()).real_key;
        let sender = session.parties.of_mut(found.direction);
        let from = sender.real_key;
        let attempt = sender.attempt_mut(&found.nonce).expect("the packet was noted above");
        let room = attempt.room();
        let opened = match CryptoPlain::parse(&self.opener.plain) {
            Ok(plain) => match plain.id.map(|id| id.class()) {
                None => Err(Sealed::Empty),
                Some(class) => {
                    let copy = attempt.seen_nonces.note(found.nonce.low32());
                    let is_lossless = class == DataClass::Lossless;
                    let resend = if is_lossless { attempt.seen.note(plain.number) } else { copy };
                    if let Some(seals) = &mut self.seals {
                        let direction = found.direction as u8;
                        seals.push(Seal { key: found.key, direction, nonce: found.nonce });
                    }
                    Ok(Data {
                        session: attempt.id,
                        direction: found.direction as u8,
                        from_the_start: attempt.from_the_start,
                        resend,
                        copy,
                        plain,
                    })
                }
            },
            Err(_) => Err(Sealed::BadLength),
        };
        let took = attempt.room().saturating_sub(room);
        self.opener.sessions.took(took);
        Opened { from, to, seen: Seen::Data(opened), may_open_later: false }
    }

    /// Notes a handshake that presents that cookie.
    fn handshake(
        &mut self,
        from: Endpoint,
        to: Endpoint,
        pair: Pair,
        direction: Direction,
        cookie: &Cookie,
        opened: Result<KeyId, Sealed>,
    ) -> Opened<'_> {
        let Opener { ring, cookies, halves, plain, .. } = &mut self.opener;
        let parsed = opened.and_then(|people| {
            Ok((people, HandshakePlain::parse(plain).map_err(|_| Sealed::BadLength)?))
        });
        let (people, plain) = match parsed {
            Ok(parsed) => parsed,
            Err(why) => return self.unknown(Seen::Handshake(Err(why))),
        };
        let HandshakePlain { session_key, base_nonce, .. } = plain;
        let cookie_hash_fits = *plain.cookie_hash == sha512(cookie);
        let issued = cookies.issued(cookie).filter(|_| cookie_hash_fits);
        let is_theirs = || ring.is_theirs(&session_key);
        let [sender, receiver] = orient(ring.parties(people), issued, is_theirs);
        let given_out = !self.foreseeing;
        let half = Half { session_key, base_nonce, people, from: sender, to: receiver, given_out };
        let (id, before) = halves.note(half, |key| ring.knows_session(key));
        let [sender, receiver] = halves.get(id).map_or([None, None], |half| [half.from, half.to]);
        if sender.is_some() || receiver.is_some() {
            cookies.issue(plain.other_cookie, Issued { presenter: receiver, issuer: sender });
        }
        let link = self.links.get_or_insert(pair, Link::default);
        link.add_half(direction, id, |id| halves.is_promising(id));
        for (endpoint, real_key) in [(from, sender), (to, receiver)] {
            if real_key.is_some() && !self.foreseeing {
                self.learn(endpoint, |host| host.real_key = real_key);
            }
        }
        let is_new = !before.is_some_and(|before| before.given_out);
        let opened = HandshakePlain::parse(&self.opener.plain).map_err(|_| Sealed::BadLength);
        let opened = opened.map(|plain| OpenHandshake { plain, is_new, cookie_hash_fits });
        self.opened([sender, receiver], Seen::Handshake(opened))
    }

    /// What says nothing of whose it is.
    fn unknown<'a>(&'a self, seen: Seen<'a>) -> Opened<'a> {
        self.opened([None, None], seen)
    }

    fn opened<'a>(&'a self, [from, to]: [Option<PublicKey>; 2], seen: Seen<'a>) -> Opened<'a> {
        Opened { from, to, seen, may_open_later: false }
    }

    fn host(&self, endpoint: Endpoint) -> Host {
        self.hosts.peek(&endpoint).copied().unwrap_or_default()
    }

    fn learn(&mut self, endpoint: Endpoint, learn: impl FnOnce(&mut Host)) {
        learn(self.hosts.get_or_insert(endpoint, Host::default));
    }
}

impl Opener {
    /// Opens a data packet into `self.plain`.
    fn find_session(
        &mut self,
        link: &mut Link,
        direction: Direction,
        packet: &CryptoData<'_>,
    ) -> Result<Found, Sealed> {
        let near = self
            .open_attached(link, direction, packet)
            .or_else(|| self.open_begun(link, direction, packet))
            .or_else(|| self.open_logged(link, direction, packet));
        let found = near.or_else(|| {
            if !link.data_search.begin(self.ring.generation(), SEARCHES) {
                return None;
            }
            self.budget.search();
            self.open_moved(packet)
                .or_else(|| self.open_of_people(link, packet))
                .or_else(|| self.open_begun_elsewhere(packet))
                .or_else(|| self.open_running(link, packet))
        });
        match found {
            Some(found) => {
                self.ring.mark_used(found.key);
                link.data_search.end();
                link.data_wait.end();
                let swapped = found.direction != direction;
                link.attach(Attached { key: found.key, swapped });
                Ok(found)
            }
            None => {
                self.may_open_later = link.data_wait.begin(self.ring.generation(), WAITS);
                Err(if self.budget.has_refused() {
                    Sealed::Budget
                } else {
                    self.why_sealed(link, direction)
                })
            }
        }
    }

    fn why_sealed(&self, link: &Link, direction: Direction) -> Sealed {
        let nonce_known = |attached: &Attached| {
            let session = self.sessions.peek(attached.key)?;
            let sender = session.parties.of(direction.swapped_if(attached.swapped));
            Some(sender.nonces().next().is_some())
        };
        let side = link.sides.of(direction);
        let nonces_known: Vec<bool> = link.sessions.iter().filter_map(nonce_known).collect();
        if nonces_known.contains(&true) {
            Sealed::BadTag
        } else if !nonces_known.is_empty() {
            Sealed::NoNonce
        } else if !side.halves.is_empty() {
            Sealed::NoSessionKey
        } else if side.handshake_seen {
            Sealed::NoKey
        } else {
            Sealed::NoHandshake
        }
    }

    /// With the sessions that used this link.
    fn open_attached(
        &mut self,
        link: &Link,
        direction: Direction,
        packet: &CryptoData<'_>,
    ) -> Option<Found> {
        for &Attached { key, swapped } in &link.sessions {
            let direction = direction.swapped_if(swapped);
            let Some(session) = self.sessions.peek(key) else { continue };
            // Its own way first; but anybody can send a packet again with its addresses swapped.
            for way in [direction, direction.reversed()] {
                for attempt in session.parties.of(way).attempts() {
                    let box_key = self.ring.key(key);
                    if let Some(nonce) =
                        attempt.open(box_key, packet, &mut self.budget, &mut self.plain)
                    {
                        let whose = Whose::default();
                        return Some(Found { key, direction: way, nonce, whose });
                    }
                }
            }
        }
        None
    }

    /// With the handshakes seen on this link: the first packet of a session, or of one direction.
    fn open_begun(
        &mut self,
        link: &Link,
        direction: Direction,
        packet: &CryptoData<'_>,
    ) -> Option<Found> {
        [direction, direction.reversed()].into_iter().find_map(|way| {
            let theirs = &link.sides.of(way.reversed()).halves;
            let theirs: Vec<_> = theirs.iter().filter_map(|id| self.session_key(*id)).collect();
            link.sides.of(way).halves.iter().find_map(|half| {
                let mut partners = theirs.iter().copied().map(Some).chain([None]);
                partners.find_map(|partner| self.open_half(*half, partner, packet))
            })
        })
    }

    /// With `NONCE` lines for the sessions that used this link.
    fn open_logged(
        &mut self,
        link: &Link,
        direction: Direction,
        packet: &CryptoData<'_>,
    ) -> Option<Found> {
        for &Attached { key, swapped } in &link.sessions {
            for logged in self.ring.nonces(key) {
                if self.budget.has_refused() {
                    return None;
                }
                let (box_key, anchor) = (self.ring.key(key), logged.nonce);
                if let Some(nonce) =
                    open_near(box_key, anchor, packet, &mut self.budget, &mut self.plain)
                {
                    let whose = Whose::from(&logged);
                    let session = self.sessions.peek(key);
                    let known = session.and_then(|it| it.direction_of(&nonce, &whose));
                    let direction = known.unwrap_or(direction.swapped_if(swapped));
                    return Some(Found { key, direction, nonce, whose });
                }
            }
        }
        None
    }

    /// With sessions that used other links: one of the addresses changed.
    fn open_moved(&mut self, packet: &CryptoData<'_>) -> Option<Found> {
        for (key, session) in self.sessions.iter().take(ELSEWHERE) {
            if self.budget.has_refused() {
                return None;
            }
            for direction in [Direction::Forth, Direction::Back] {
                for attempt in session.parties.of(direction).attempts() {
                    let box_key = self.ring.key(key);
                    if let Some(nonce) =
                        attempt.open(box_key, packet, &mut self.budget, &mut self.plain)
                    {
                        return Some(Found { key, direction, nonce, whose: Whose::default() });
                    }
                }
            }
        }
        None
    }

    /// With all handshakes of the people whose handshakes were seen on this link: of sessions that began
    /// elsewhere, or that so many others followed that they are no longer at hand here.
    fn open_of_people(&mut self, link: &Link, packet: &CryptoData<'_>) -> Option<Found> {
        let sides = [Direction::Forth, Direction::Back].map(|way| link.sides.of(way));
        let near: Vec<HalfId> = sides.into_iter().flat_map(|side| &side.halves).copied().collect();
        let mut people: Vec<KeyId> =
            near.iter().filter_map(|id| self.halves.get(*id)).map(|half| half.people).collect();
        people.sort_unstable();
        people.dedup();
        people.into_iter().find_map(|people| {
            let all: Vec<HalfId> = self.halves.of_people(people).collect();
            let promising = all.iter().copied().filter(|id| self.halves.is_promising(*id));
            let promising: Vec<HalfId> = promising.collect();
            self.open_among(&all, &near, &link.sessions, packet)
                .or_else(|| self.open_among(&all, &promising, &[], packet))
        })
    }

    /// With each of the handshakes, and each key that its session key pair may share with one of the
    /// partners, or that is attached.
    fn open_among(
        &mut self,
        halves: &[HalfId],
        partners: &[HalfId],
        attached: &[Attached],
        packet: &CryptoData<'_>,
    ) -> Option<Found> {
        let partners: Vec<_> = partners.iter().filter_map(|id| self.session_key(*id)).collect();
        for &id in halves {
            let Some(&half) = self.halves.get(id) else { continue };
            self.candidates.clear();
            self.candidates.extend(attached.iter().map(|attached| attached.key));
            for partner in &partners {
                // To look them up is work, too.
                if !self.budget.spend(1) {
                    return None;
                }
                self.session_candidates(&half, Some(*partner));
            }
            self.candidates.sort_unstable();
            self.candidates.dedup();
            let found = self.open_with_candidates(id, &half, packet);
            if found.is_some() || self.budget.has_refused() {
                return found;
            }
        }
        None
    }

    /// With the handshakes seen on other links.
    fn open_begun_elsewhere(&mut self, packet: &CryptoData<'_>) -> Option<Found> {
        let latest: Vec<HalfId> = self.halves.latest(ELSEWHERE).collect();
        latest.into_iter().find_map(|half| self.open_half(half, None, packet))
    }

    /// With keys that have `NONCE` lines: the capture begins in the middle of the session.
    fn open_running(&mut self, link: &mut Link, packet: &CryptoData<'_>) -> Option<Found> {
        let search = &mut link.data_search;
        let keys = self.ring.with_nonces().get(search.tried as usize..).unwrap_or_default();
        for &key in keys {
            for logged in self.ring.nonces(key) {
                let (box_key, anchor) = (self.ring.key(key), logged.nonce);
                if let Some(nonce) =
                    open_near(box_key, anchor, packet, &mut self.budget, &mut self.plain)
                {
                    let whose = Whose::from(&logged);
                    let direction = self.direction_of(key, &nonce, &whose);
                    return Some(Found { key, direction, nonce, whose });
                }
            }
            if self.budget.has_refused() {
                return None;
            }
            search.tried += 1;
        }
        search.tried = 0;
        None
    }

    /// With one side's handshake and each key that its session key pair may share with `partner`.
    fn open_half(
        &mut self,
        id: HalfId,
        partner: Option<PublicKey>,
        packet: &CryptoData<'_>,
    ) -> Option<Found> {
        if self.budget.has_refused() {
            return None;
        }
        let half = *self.halves.get(id)?;
        self.candidates.clear();
        self.session_candidates(&half, partner);
        self.open_with_candidates(id, &half, packet)
    }

    fn session_candidates(&mut self, half: &Half, partner: Option<PublicKey>) {
        let session_key = Some(half.session_key);
        let (budget, candidates) = (&mut self.budget, &mut self.candidates);
        self.ring.candidates(Purpose::Session, session_key, partner, budget, candidates);
    }

    /// With the base nonce of a handshake and each of the candidates.
    fn open_with_candidates(
        &mut self,
        id: HalfId,
        half: &Half,
        packet: &CryptoData<'_>,
    ) -> Option<Found> {
        for &key in &self.candidates {
            let (box_key, anchor) = (self.ring.key(key), &half.base_nonce);
            if let Some(nonce) =
                open_near(box_key, anchor, packet, &mut self.budget, &mut self.plain)
            {
                self.halves.led_to_a_session(id);
                let whose = Whose::from(half);
                let direction = self.direction_of(key, &nonce, &whose);
                return Some(Found { key, direction, nonce, whose });
            }
        }
        None
    }

    fn session_key(&self, half: HalfId) -> Option<PublicKey> {
        self.halves.get(half).map(|half| half.session_key)
    }

    /// Which direction of the session named by `key` a packet with `nonce` goes: if nothing tells, the
    /// first of which nothing is known.
    fn direction_of(&self, key: KeyId, nonce: &Nonce, whose: &Whose) -> Direction {
        let Some(session) = self.sessions.peek(key) else { return Direction::Forth };
        session.direction_of(nonce, whose).unwrap_or_else(|| {
            let is_unknown = |way: &Direction| session.parties.of(*way).nonces().next().is_none();
            let ways = [Direction::Forth, Direction::Back];
            ways.into_iter().find(is_unknown).unwrap_or(Direction::Forth)
        })
    }

    /// Opens a handshake into `self.plain`; gives the key that did it. `known` are the real keys of
    /// sender and receiver as far as packets from their addresses told them, `issued` what is known of
    /// its cookie.
    fn open_handshake(
        &mut self,
        link: &mut Link,
        known: [Option<PublicKey>; 2],
        issued: Option<Issued>,
        packet: &Handshake<'_>,
    ) -> Result<KeyId, Sealed> {
        self.candidates.clear();
        self.candidates.extend(link.long_term);
        let issued = issued.map_or([None, None], |it| [it.presenter, it.issuer]);
        for [from, to] in [issued, known] {
            let (budget, candidates) = (&mut self.budget, &mut self.candidates);
            self.ring.candidates(Purpose::Identity, from, to, budget, candidates);
        }
        self.candidates.extend(&self.long_term);
        let (nonce, sealed) = (&packet.nonce, packet.sealed);
        let key = self.try_candidates(nonce, sealed).or_else(|| {
            let worth = link.handshake_search.begin(self.ring.generation(), SEARCHES);
            if worth { self.try_all(&mut link.handshake_search.tried, nonce, sealed) } else { None }
        });
        let key = key.ok_or_else(|| self.no_key())?;
        link.handshake_search.end();
        link.long_term = Some(key);
        to_front(&mut self.long_term, key, |known| *known == key);
        Ok(key)
    }

    /// Opens a cookie request. `their_dht_key` is the receiver's, as far as other packets told it.
    fn open_request(
        &mut self,
        link: &mut Link,
        direction: Direction,
        their_dht_key: Option<PublicKey>,
        packet: &CookieRequest<'_>,
    ) -> Result<CookieRequestPlain, Sealed> {
        self.candidates.clear();
        self.candidates.extend(&link.sides.of(direction).request_keys);
        let sender = Some(packet.dht_key);
        self.ring.candidates(
            Purpose::Dht,
            sender,
            their_dht_key,
            &mut self.budget,
            &mut self.candidates,
        );
        let (nonce, sealed) = (&packet.nonce, packet.sealed);
        let key = self.try_candidates(nonce, sealed).or_else(|| {
            let worth = link.cookie_search.begin(self.ring.generation(), SEARCHES);
            if worth { self.try_all(&mut link.cookie_search.tried, nonce, sealed) } else { None }
        });
        let key = key.ok_or_else(|| self.no_key())?;
        link.cookie_search.end();
        let keys = &mut link.sides.of_mut(direction).request_keys;
        to_front(keys, key, |known| *known == key);
        let plain = CookieRequestPlain::parse(&self.plain).map_err(|_| Sealed::BadLength)?;
        self.cookies.request(key, &plain);
        Ok(plain)
    }

    /// Opens a cookie response, with the key of a request, into `self.plain`; gives that key. `known`
    /// are the DHT keys of sender and receiver, as far as other packets told them: the request may have
    /// used another address.
    fn open_response(
        &mut self,
        link: &Link,
        direction: Direction,
        known: [Option<PublicKey>; 2],
        packet: &CookieResponse<'_>,
    ) -> Result<KeyId, Sealed> {
        self.candidates.clear();
        self.candidates.extend(&link.sides.of(direction.reversed()).request_keys);
        let [from, to] = known;
        self.ring.candidates(Purpose::Dht, from, to, &mut self.budget, &mut self.candidates);
        let is_answer = !self.candidates.is_empty();
        self.candidates.extend(self.cookies.keys().take(REQUESTS_ELSEWHERE));
        match self.try_candidates(&packet.nonce, packet.sealed) {
            Some(key) => Ok(key),
            None if is_answer => Err(Sealed::BadTag),
            None => Err(Sealed::NoRequest),
        }
    }

    fn try_candidates(&mut self, nonce: &Nonce, sealed: &[u8]) -> Option<KeyId> {
        let (ring, budget, plain) = (&self.ring, &mut self.budget, &mut self.plain);
        let found = self
            .candidates
            .iter()
            .copied()
            .take_while(|_| budget.spend(1))
            .find(|&key| ring.key(key).open(nonce, sealed, plain))?;
        self.ring.mark_used(found);
        Some(found)
    }

    /// Tries every key from the `tried`-th on, as far as the budget goes.
    fn try_all(&mut self, tried: &mut u32, nonce: &Nonce, sealed: &[u8]) -> Option<KeyId> {
        self.budget.search();
        for key in self.ring.all().skip(*tried as usize) {
            if !self.budget.spend(1) {
                return None;
            }
            *tried += 1;
            if self.ring.key(key).open(nonce, sealed, &mut self.plain) {
                self.ring.mark_used(key);
                return Some(key);
            }
        }
        *tried = 0;
        None
    }

    fn no_key(&self) -> Sealed {
        if self.budget.has_refused() { Sealed::Budget } else { Sealed::NoKey }
    }
}

/// Whether a packet is looked at ahead of its turn.
fn is_foreseen(payload: &[u8]) -> bool {
    let kind = ToxKind::of(payload).filter(|kind| kind.is_net_crypto());
    kind.is_some_and(|kind| kind != ToxKind::CRYPTO_DATA)
}

fn closed(kind: ToxKind, why: Sealed) -> Seen<'static> {
    match kind {
        ToxKind::COOKIE_REQUEST => Seen::CookieRequest(Err(why)),
        ToxKind::COOKIE_RESPONSE => Seen::CookieResponse(Err(why)),
        ToxKind::CRYPTO_HANDSHAKE => Seen::Handshake(Err(why)),
        ToxKind::CRYPTO_DATA => Seen::Data(Err(why)),
        _ => Seen::Other,
    }
}

/// The sender's DHT public key, in packets that show it.
fn visible_dht_key(payload: &[u8]) -> Option<PublicKey> {
    DhtPacket::parse(payload)
        .map(|packet| packet.sender)
        .or_else(|_| DhtRequest::parse(payload).map(|packet| packet.sender))
        .ok()
}
