//! Lint: what traffic and save files have that the rules do not allow.
//!
//! A rule is a declaration and one function that looks (`rule`, `rules/`); what it looks at is kept in one
//! place for all (`view`); what a capture does not show is held against nobody (`guard`). So a rule says
//! only what is wrong, and the guards say how sure that is.
//!
//! | File       | What                                                              |
//! |------------|-------------------------------------------------------------------|
//! | `rule`     | what a rule is                                                    |
//! | `rules/`   | the rules, one file each                                          |
//! | `at`       | what a rule sees when it looks                                    |
//! | `promise`  | what has to follow, and when it is missing                        |
//! | `guard`    | what is not judged, or only as assumed                            |
//! | `finding`  | what is found                                                     |
//! | `save`     | save files                                                        |
//! | `view/`    | what is known of sessions, endpoints and conferences              |

mod at;
mod finding;
mod guard;
#[cfg(test)]
mod partial;
mod promise;
mod rule;
mod rules;
mod save;
#[cfg(test)]
mod sealed;
#[cfg(test)]
mod testing;
mod view;

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::ControlFlow;

pub use at::{At, OnLink};
pub use finding::{Finding, Found, Frame, Spot};
pub use guard::{Level, Why};
pub use promise::{Promise, Promises, Proof};
pub use rule::{Check, Class, Expectation, Names, Need, Rule, Severity};
pub use rules::RULES;
pub use save::SaveFile;
pub use view::{Copies, End, Endpoint, Group, Handed, Link, Packet, Part, Peer};

use crate::conference::savedata::Savedata;
use crate::dissect::{Content, Delivery, Record, Transport};
use crate::recent::Recent;
use crate::time::Timestamp;
use crate::wire::net_crypto::CookieRequest;
use crate::wire::{Conference, DataId, PublicKey};
use finding::{Draft, Findings, Held};
use guard::{Circumstances, judge};
use view::View;

/// Addresses whose owners are remembered.
const ADDRESSES: usize = 1 << 14;

/// Nanoseconds by which a frame may be older than one before it.
const DISORDER: i64 = 1_000_000;

/// Rules, and others that tell the same event more clearly if both see it in one packet.
const CLEARER: &[(&str, &str)] = &[("L-NUM-BACK", "L-NUM-REUSE")];

/// The rule of that id.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id.eq_ignore_ascii_case(id))
}

/// Checks a capture and save files.
pub struct Lint {
    delivery: Delivery,
    checker: Checker,
}

/// What was found, at the end.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order of time.
    pub findings: Vec<Finding>,
    /// How many more were found than are kept.
    pub more: u64,
    /// How often something could not be judged, and why.
    pub not_judged: BTreeMap<Why, u64>,
    /// Whether a packet was opened: otherwise only save files were judged.
    pub opened: bool,
    /// What people are called. Hostile bytes.
    pub names: BTreeMap<PublicKey, Vec<u8>>,
}

impl Report {
    /// Adds what was found in other files.
    pub fn add(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.findings.sort_by_key(|finding| finding.spot.map(|spot| (spot.at, spot.frame)));
        self.more += other.more;
        for (why, count) in other.not_judged {
            *self.not_judged.entry(why).or_default() += count;
        }
        self.opened |= other.opened;
        self.names.extend(other.names);
    }
}

impl Lint {
    /// With these rules.
    #[must_use]
    pub fn new(rules: Vec<&'static Rule>) -> Self {
        Self { delivery: Delivery::default(), checker: Checker::new(rules) }
    }

    /// Says which files, by their places among all that are reported on, the captures are that are read as one,
    /// and what all are called, printable.
    #[must_use]
    pub fn of_files(mut self, files: Vec<u16>, names: Vec<String>) -> Self {
        (self.checker.files, self.checker.names) = (files, names);
        self
    }

    /// Takes the next record. `wanted` says of a record whether findings about it are wanted.
    pub fn record(&mut self, record: &Record<'_>, wanted: &dyn Fn(&Record<'_>) -> bool) {
        let checker = &mut self.checker;
        checker.passes(record);
        let flow = self.delivery.record::<()>(record, &mut |record| {
            checker.handled(record, wanted);
            ControlFlow::Continue(())
        });
        debug_assert!(flow.is_continue());
    }

    /// Checks a save file.
    pub fn save(&mut self, file: u16, savedata: &Savedata<'_>) {
        save::check(&self.checker.rules, file, savedata, &mut self.checker.findings);
    }

    /// The captures have ended.
    #[must_use]
    pub fn finish(mut self, wanted: &dyn Fn(&Record<'_>) -> bool) -> Report {
        let checker = &mut self.checker;
        let flow = self.delivery.finish::<()>(&mut |record| {
            checker.handled(record, wanted);
            ControlFlow::Continue(())
        });
        debug_assert!(flow.is_continue());
        self.checker.finish()
    }
}

/// Runs the rules over packets in the order in which they are handled.
struct Checker {
    rules: Vec<&'static Rule>,
    /// Those that look at packets, by data id.
    looking: Vec<Looking>,
    view: View,
    findings: Findings,
    owners: Recent<SocketAddr, PublicKey>,
    /// When a packet from or to an address stayed closed last.
    closed: Recent<SocketAddr, Timestamp>,
    /// A packet was opened.
    opened: bool,
    /// Frames that are older than one before them.
    disordered: u64,
    /// The place of each capture among all files; none if there is but one.
    files: Vec<u16>,
    /// What all files are called, printable.
    names: Vec<String>,
}

/// The rules that look at packets with one data id.
struct Looking {
    /// Those of classes A and B.
    at_links: Vec<&'static Rule>,
    /// Those of class C that look when an endpoint receives, and when it sends.
    received: Vec<&'static Rule>,
    sent: Vec<&'static Rule>,
}

impl Looking {
    fn of(rules: &[&'static Rule], at_them: impl Fn(&Rule) -> bool) -> Self {
        let all = |looks: fn(&Check) -> bool| {
            rules.iter().copied().filter(|rule| at_them(rule) && looks(&rule.check)).collect()
        };
        Self {
            at_links: all(|check| matches!(check, Check::Packet(_) | Check::Link(_))),
            received: all(|check| matches!(check, Check::Heard(_) | Check::Promise(_))),
            sent: all(|check| matches!(check, Check::Sent(_) | Check::Promise(_))),
        }
    }
}

/// A finding and how sure it is, before the guards.
struct Said {
    rule: &'static Rule,
    draft: Draft,
    endpoint: Option<PublicKey>,
    session: u32,
    seen: Circumstances,
    /// If something did not come: when that was sure.
    missing_at: Option<Timestamp>,
}

impl Checker {
    fn new(rules: Vec<&'static Rule>) -> Self {
        Self {
            looking: DataId::all()
                .map(|id| Looking::of(&rules, |rule| rule.looks_at_packets_with(id)))
                .collect(),
            rules,
            view: View::new(),
            findings: Findings::default(),
            owners: Recent::new(ADDRESSES),
            closed: Recent::new(ADDRESSES),
            opened: false,
            disordered: 0,
            files: Vec::new(),
            names: Vec::new(),
        }
    }

    /// What a record tells as it passes by, handled or not.
    fn passes(&mut self, record: &Record<'_>) {
        if self.view.now.nanos_since(record.at) > DISORDER {
            self.disordered += 1;
        }
        self.view.now = self.view.now.max(record.at);
        match &record.content {
            Content::CookieRequest(Ok(plain)) => {
                self.owns(record.src, plain.real_key);
                if let Ok(request) = CookieRequest::parse(record.datagram)
                    && let Ok(endpoint) = self.view.endpoint(plain.real_key)
                {
                    endpoint.shows(request.dht_key, record.at);
                }
            }
            Content::Data(opened) => {
                for (address, party) in [(record.src, record.from), (record.dst, record.to)] {
                    if let Some(key) = party.real_key {
                        self.owns(address, key);
                    }
                }
                // Whose it is matters as much as what it says.
                let is_known = record.from.real_key.is_some() && record.to.real_key.is_some();
                if opened.is_err() || !is_known {
                    self.stays_closed(record);
                }
                if opened.is_ok() {
                    self.opened = true;
                }
            }
            Content::Handshake(Err(_)) => self.stays_closed(record),
            _ => {}
        }
    }

    /// A packet says nothing about those behind its addresses, but there is something to know.
    fn stays_closed(&mut self, record: &Record<'_>) {
        self.findings.not_judged(Why::Closed, 1);
        for address in [record.src, record.dst] {
            self.closed.put(address, record.at);
            let owner = self.owners.peek(&address).copied();
            if let Some(endpoint) = owner.and_then(|key| self.view.people.get_mut(&key)) {
                endpoint.closed = Some(record.at);
            }
        }
    }

    /// Somebody is found to be behind an address.
    fn owns(&mut self, address: SocketAddr, key: PublicKey) {
        if self.owners.peek(&address) == Some(&key) {
            return;
        }
        self.owners.put(address, key);
        if let Some(closed) = self.closed.peek(&address).copied()
            && let Ok(endpoint) = self.view.endpoint(key)
        {
            endpoint.closed = endpoint.closed.max(Some(closed));
        }
    }

    fn handled(&mut self, record: &Record<'_>, wanted: &dyn Fn(&Record<'_>) -> bool) {
        let Content::Data(Ok(data)) = &record.content else { return };
        if data.resend || data.copy {
            return;
        }
        for party in [record.from, record.to] {
            if let (Some(key), Some(name)) = (party.real_key, party.name)
                && let Ok(endpoint) = self.view.endpoint(key)
                && endpoint.name.as_deref() != Some(name)
            {
                endpoint.name = Some(name.to_vec());
            }
        }
        let is_udp = record.transport == Transport::Udp;
        let file = self.files.get(usize::from(record.file)).copied().unwrap_or(record.file);
        let frame = Frame { file, number: record.frame };
        let names = std::mem::take(&mut self.names);
        self.packet(&Packet {
            spot: Spot { frame, at: record.at, wanted: wanted(record) },
            files: &names,
            from: record.from.real_key,
            to: record.to.real_key,
            session: data.session,
            direction: data.direction,
            number: data.number,
            ack: data.ack,
            from_the_start: data.from_the_start,
            sealed_size: if is_udp { record.datagram.len() } else { 0 },
            id: data.id,
            bytes: data.bytes,
            conference: data.packet,
            content: OnceCell::new(),
        });
        self.names = names;
    }

    /// Takes the next packet: rules look at what was known before it, then it is learned.
    fn packet(&mut self, packet: &Packet<'_>) {
        self.view.now = self.view.now.max(packet.spot.at);
        let started = packet.spot.at;
        self.view.links.get_or_insert(packet.session, || Link::new(started));
        let mut said = Vec::new();
        let mut begun = Vec::new();
        let mut conference = None;
        if let Some(link) = self.view.links.peek(&packet.session) {
            conference = link.conference(packet);
            let is_new = [0, 1].into_iter().any(|direction| link.end(direction).sent.is_none());
            if packet.conference.is_some() || packet.id == DataId::KILL_SESSION {
                self.look(packet, link, conference, &mut said);
            }
            if packet.conference.is_some() || is_new {
                self.look_at_ends(packet, link, conference, &mut said, &mut begun);
            }
        }
        for said in only_the_clearest(said) {
            self.say(said, packet.spot, conference);
        }
        let lost = self.view.links.get_mut(&packet.session).and_then(|link| link.learn(packet));
        if let Some(loss) = lost {
            self.findings.not_judged(Why::Lost, loss.count);
        }
        if let Err(why) = self.view.learn(packet, conference, lost) {
            self.findings.not_judged(why, 1);
        }
        self.promises(packet, conference, begun);
    }

    /// Rules of classes A and B.
    fn look(
        &self,
        packet: &Packet<'_>,
        link: &Link,
        conference: Option<Conference>,
        said: &mut Vec<Said>,
    ) {
        let Some(looking) = self.looking.get(usize::from(packet.id.0)) else { return };
        let invited = packet
            .from
            .zip(packet.to)
            .and_then(|(from, to)| self.view.invitations.peek(&(to, from)).map(Vec::as_slice));
        let on = OnLink { packet, link, conference, invited: invited.unwrap_or_default() };
        for rule in &looking.at_links {
            let mut found = Found::default();
            match &rule.check {
                Check::Packet(look) => look(packet, &mut found),
                Check::Link(look) => look(&on, &mut found),
                _ => continue,
            }
            for draft in found.drafts {
                let gap = link.has_gap() || link.unseen(packet) > 0;
                let seen = Circumstances {
                    facts: draft.level,
                    from_the_start: link.from_the_start(),
                    gap,
                    closed: false,
                    partial: gap.then_some(Why::Lost),
                    birth: Level::Known,
                    asleep: false,
                    absence: false,
                };
                let session = packet.session;
                said.push(Said {
                    rule,
                    draft,
                    endpoint: packet.from,
                    session,
                    seen,
                    missing_at: None,
                });
            }
        }
    }

    /// Rules of class C, at both ends.
    fn look_at_ends(
        &self,
        packet: &Packet<'_>,
        link: &Link,
        conference: Option<Conference>,
        said: &mut Vec<Said>,
        begun: &mut Vec<(PublicKey, Promise)>,
    ) {
        let (Some(from), Some(to)) = (packet.from, packet.to) else { return };
        if from == to {
            return;
        }
        let links = |session: u32| self.view.links.peek(&session);
        let Some(looking) = self.looking.get(usize::from(packet.id.0)) else { return };
        let ends = [(true, &looking.sent, from, to), (false, &looking.received, to, from)];
        for (sent, rules, key, friend) in ends {
            let Some(me) = self.view.people.get(&key) else { continue };
            let group = conference.and_then(|it| me.groups.get(&it).map(|group| (it, group)));
            let message = group.and_then(|(_, group)| group.message_key(packet));
            let copies = message.and_then(|message| self.view.copies(packet, &message));
            let lowest = Cell::new(Level::Known);
            let people = &self.view.people;
            let links = &links;
            let at = At {
                packet,
                sent,
                link,
                me,
                friend,
                conference,
                group,
                copies,
                links,
                people,
                lowest,
            };
            if sent {
                for promise in me.promises.concerned(packet.session) {
                    if let Check::Promise(expectation) = &promise.rule.check
                        && (expectation.keeps)(&at, promise)
                    {
                        promise.kept.set(true);
                    }
                }
            }
            for rule in rules {
                at.lowest.set(Level::Known);
                let mut found = Found::default();
                match &rule.check {
                    Check::Sent(look) => look(&at, &mut found),
                    Check::Heard(look) => look(&at, &mut found),
                    Check::Promise(expectation) => {
                        let mut promises = Promises::default();
                        (expectation.begins)(&at, &mut promises);
                        for mut promise in promises.begun {
                            promise.level = at.lowest.get();
                            begun.push((key, promise));
                        }
                    }
                    _ => continue,
                }
                for draft in found.drafts {
                    let facts = draft.level.min(at.lowest.get());
                    let seen = circumstances(&at, facts, false);
                    let session = packet.session;
                    said.push(Said {
                        rule,
                        draft,
                        endpoint: Some(key),
                        session,
                        seen,
                        missing_at: None,
                    });
                }
            }
        }
    }

    fn say(&mut self, said: Said, spot: Spot, conference: Option<Conference>) {
        match judge(said.rule, said.seen) {
            Err(why) => self.findings.not_judged(why, 1),
            Ok(_) if !spot.wanted => {}
            Ok(severity) => {
                let finding = Finding {
                    rule: said.rule,
                    severity,
                    spot: Some(spot),
                    file: spot.frame.file,
                    endpoint: said.endpoint,
                    conference,
                    message: said.draft.message,
                    evidence: said.draft.evidence,
                };
                let (session, missing_at) = (said.session, said.missing_at);
                self.findings.push(Held { finding, session, missing_at });
            }
        }
    }

    /// The sender keeps promises, and breaks those whose time is over; new ones begin.
    fn promises(
        &mut self,
        packet: &Packet<'_>,
        conference: Option<Conference>,
        begun: Vec<(PublicKey, Promise)>,
    ) {
        let now = packet.spot.at;
        let sender = packet.from.and_then(|key| self.view.people.get_mut(&key));
        let broken = sender.map_or_else(Vec::new, |sender| {
            let gone = |conference: &Conference| {
                sender.groups.get(conference).is_none_or(|group| group.left.is_some())
            };
            sender.promises.sends(packet, conference, gone)
        });
        for promise in broken {
            self.broken(&promise, packet);
        }
        for (key, promise) in begun {
            let Some(endpoint) = self.view.people.get_mut(&key) else { continue };
            if !endpoint.promises.begin(promise, now) {
                self.findings.not_judged(Why::NoRoom, 1);
            }
        }
    }

    /// What a rule asks for did not come.
    fn broken(&mut self, promise: &Promise, proof: &Packet<'_>) {
        let Check::Promise(expectation) = &promise.rule.check else { return };
        let Some(me) = proof.from.and_then(|key| self.view.people.get(&key)) else { return };
        let link = self.view.links.peek(&promise.session);
        if self.crossed(promise, me, link) {
            return;
        }
        let birth = me.groups.get(&promise.conference).map_or(Level::Unknown, |group| group.birth);
        let seen = Circumstances {
            facts: promise.level,
            from_the_start: link.is_some_and(Link::from_the_start),
            gap: link.is_some_and(Link::has_gap)
                || me.lost.is_some_and(|lost| lost >= promise.cause.at),
            closed: me.closed.is_some_and(|closed| closed >= promise.cause.at),
            partial: me.partial(),
            birth,
            asleep: me.was_asleep(proof.spot.at),
            absence: true,
        };
        let message = format!(
            "{} (nothing came before {}, which shows that the connection was up)",
            (expectation.tells)(promise, &|key| at::who(&self.view.people, key)),
            at::frame_in(proof.files, promise.cause, proof.spot)
        );
        let draft = Draft { message, evidence: vec![proof.spot.frame], level: Level::Known };
        let said = Said {
            rule: promise.rule,
            draft,
            endpoint: Some(me.key),
            session: promise.session,
            seen,
            missing_at: Some(proof.spot.at),
        };
        self.say(said, promise.cause, Some(promise.conference));
    }

    /// Whether the other side sent the very message itself, so that it need not get it, or the slot was
    /// made anew meanwhile.
    fn crossed(&self, promise: &Promise, me: &Endpoint, link: Option<&Link>) -> bool {
        let Some((author, number)) = promise.message else { return false };
        let Some(group) = me.groups.get(&promise.conference) else { return true };
        let copies = self.view.messages.peek(&(group.instance, author, number));
        let came = copies.is_some_and(|copies| {
            let cause = copies.heard.iter().find(|copy| copy.spot == promise.cause);
            let from = |copy: &&Handed| copy.friend == promise.friend;
            let other = copies.heard.iter().find(from);
            other.is_some_and(|copy| cause.is_none_or(|cause| cause.friend != copy.friend))
        });
        let anew = link.is_none_or(|link| {
            [0, 1].into_iter().any(|direction| {
                let part = link.end(direction).part(&promise.conference);
                part.and_then(|part| part.online).is_some_and(|it| it.at >= promise.cause.at)
            })
        });
        came || anew
    }

    fn finish(self) -> Report {
        let Self { findings, view, disordered, opened, .. } = self;
        let Findings { kept, more, mut not_judged, .. } = findings;
        let in_part = view.seen_in_part();
        let mut released = |held: Held| match view.released(held, &in_part) {
            Ok(finding) => Some(finding),
            Err(why) => {
                *not_judged.entry(why).or_default() += 1;
                None
            }
        };
        let mut kept: Vec<_> = kept.into_iter().filter_map(&mut released).collect();
        if disordered > 0 {
            // What came before what is not known for sure.
            not_judged.insert(Why::Disorder, disordered);
            kept.retain_mut(|finding| {
                if !matches!(finding.rule.class, Class::Connection | Class::Endpoint) {
                    return true;
                }
                finding.severity.less().map(|less| finding.severity = less).is_some()
            });
        }
        kept.sort_by_key(|finding| finding.spot.map(|spot| (spot.at, spot.frame)));
        let names = view.people.into_iter().filter_map(|(key, it)| Some((key, it.name?))).collect();
        Report { findings: kept, more, not_judged, opened, names }
    }
}

/// Leaves out what another rule says more clearly of the same packet and endpoint.
fn only_the_clearest(said: Vec<Said>) -> Vec<Said> {
    if said.len() < 2 {
        return said;
    }
    let ids: Vec<_> = said.iter().map(|it| (it.rule.id, it.endpoint)).collect();
    let is_clear = |it: &Said| {
        let mut clearer = CLEARER.iter().filter(|(id, _)| *id == it.rule.id);
        clearer.all(|(_, other)| !ids.contains(&(*other, it.endpoint)))
    };
    said.into_iter().filter(is_clear).collect()
}

fn circumstances(at: &At<'_>, facts: Level, absence: bool) -> Circumstances {
    Circumstances {
        facts,
        from_the_start: at.link.from_the_start(),
        gap: at.link.has_gap() || at.me.lost.is_some() || at.link.unseen(at.packet) > 0,
        closed: at.me.was_closed(at.now()),
        partial: at.me.partial(),
        birth: at.group().map_or(Level::Unknown, |group| group.birth),
        asleep: at.me.was_asleep(at.now()),
        absence,
    }
}
