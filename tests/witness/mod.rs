//! Compares what toxscope dissects with what libtoxcore's public interface reported.
//!
//! Both sides are JSON lines: the truth as `samples/README.md` describes it, the records as
//! `docs/output-format.md` does. The comparison knows none of toxscope's types. Who sent a datagram is taken
//! from the truth's ports, who wrote a message from the peer numbers in libtoxcore's own savedata.

mod story;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
pub(crate) use story::{Story, run};

/// A real public key or a conference id, as hexadecimal.
type Key<'a> = &'a str;
/// A conference and who it is about.
type In<'a> = (Key<'a>, Key<'a>);
/// How often each thing happened.
type Bag<T> = BTreeMap<T, usize>;

/// Everything on which the two sides differ, in words; empty when they agree.
pub(crate) fn differences(truth: &[Value], records: &[Value]) -> Vec<String> {
    let mut court = Court::new(truth, records);
    court.everything_is_open();
    court.parties();
    court.conferences_and_group_numbers();
    court.peer_numbers();
    court.messages_sent();
    court.messages_received();
    court.titles();
    court.names();
    court.comings_and_goings();
    court.rejoins();
    court.sound();
    court.message_numbers();
    court.found
}

struct Court<'a> {
    truth: &'a [Value],
    /// Conference packets, each lossless one once.
    packets: Vec<&'a Value>,
    records: &'a [Value],
    /// When the recording began.
    start: &'a str,
    /// UDP port to real key.
    ports: BTreeMap<u64, Key<'a>>,
    /// TCP port of a client's connection to a relay, to the client's real key.
    relay_ports: BTreeMap<u64, Key<'a>>,
    /// DHT key to real key.
    dht_keys: BTreeMap<Key<'a>, Key<'a>>,
    /// Conference and peer number to real key, by libtoxcore's savedata.
    authors: BTreeMap<(Key<'a>, u64), Key<'a>>,
    /// Name in the script to real key.
    keys: BTreeMap<&'a str, Key<'a>>,
    /// All conferences.
    conferences: BTreeSet<Key<'a>>,
    found: Vec<String>,
}

fn text<'a>(line: &'a Value, name: &str) -> &'a str {
    line.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(line: &Value, name: &str) -> Option<u64> {
    line.get(name).and_then(Value::as_u64)
}

fn list<'a>(line: &'a Value, name: &str) -> &'a [Value] {
    line.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Text from outside, told apart from bytes that are none.
fn foreign(line: &Value, name: &str) -> String {
    match (line.get(name), line.get(format!("{name}_hex"))) {
        (Some(Value::String(text)), None) => format!("{text:?}"),
        (None, Some(Value::String(hex))) => format!("bytes {hex}"),
        other => format!("no text: {other:?}"),
    }
}

/// The port of `1.2.3.4:5` or `[::1]:5`.
fn port(address: &str) -> u64 {
    address.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0)
}

/// Seconds from the beginning of 2000-02-29 to an RFC 3339 time in UTC; years begin in March, so that a leap day
/// ends its year.
pub(crate) fn seconds(time: &str) -> f64 {
    let (date, clock) = time.split_once('T').unwrap_or_default();
    let mut date = date.split('-').map(|part| part.parse::<u32>().unwrap_or(0));
    let [year, month, day] = [(); 3].map(|()| date.next().unwrap_or(0));
    let months = (year * 12 + month).saturating_sub(2000 * 12 + 3);
    let (year, month) = (months / 12, months % 12);
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    let clock = clock.trim_end_matches('Z').split(':');
    let clock = clock.fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().unwrap_or(0.0));
    f64::from(days) * 86_400.0 + clock
}

impl<'a> Court<'a> {
    fn new(truth: &'a [Value], records: &'a [Value]) -> Self {
        let mut court = Self {
            truth,
            packets: Vec::new(),
            records,
            start: "",
            ports: BTreeMap::new(),
            relay_ports: BTreeMap::new(),
            dht_keys: BTreeMap::new(),
            authors: BTreeMap::new(),
            keys: BTreeMap::new(),
            conferences: BTreeSet::new(),
            found: Vec::new(),
        };
        for line in truth {
            let peer = text(line, "peer");
            match text(line, "event") {
                "recording_started" => court.start = text(line, "time"),
                "started" => {
                    court.keys.insert(peer, text(line, "key"));
                    court.dht_keys.insert(text(line, "dht_key"), text(line, "key"));
                    court.ports.extend([(number(line, "port").unwrap_or(0), text(line, "key"))]);
                }
                "roamed" => {
                    let key = court.key_of(line);
                    court.ports.extend([(number(line, "port").unwrap_or(0), key)]);
                }
                "relay_connection" => {
                    let key = court.key_of(line);
                    court.relay_ports.extend([(number(line, "port").unwrap_or(0), key)]);
                }
                "conference_founded" => {
                    court.conferences.insert(text(line, "conference_id"));
                }
                "saved" => {
                    let conference = text(line, "conference_id");
                    let own = (text(line, "key"), number(line, "peer_number"));
                    let others = list(line, "peers")
                        .iter()
                        .map(|peer| (text(peer, "key"), number(peer, "peer_number")));
                    for (key, number) in others.chain([own]) {
                        court.authors.insert((conference, number.unwrap_or(u64::MAX)), key);
                    }
                }
                _ => {}
            }
        }
        let sent = |record: &&Value| {
            record.get("resend") != Some(&Value::Bool(true)) && record.get("group_number").is_some()
                || text(record, "kind") == "rejoin"
        };
        court.packets = records.iter().filter(sent).collect();
        if court.start.is_empty() || court.packets.is_empty() {
            court.found.push("nothing to compare".into());
        }
        court
    }

    fn differ(&mut self, what: String) {
        self.found.push(what);
    }

    /// The lines of one event since the recording began.
    fn events(&self, event: &'static str) -> Vec<&'a Value> {
        let recorded = |line: &&Value| seconds(text(line, "time")) >= seconds(self.start);
        self.truth.iter().filter(|line| text(line, "event") == event).filter(recorded).collect()
    }

    /// All packets of one kind.
    fn kind(&self, kind: &'static str) -> Vec<&'a Value> {
        self.packets.iter().copied().filter(|record| text(record, "kind") == kind).collect()
    }

    /// Whose line it is.
    fn key_of(&self, line: &'a Value) -> Key<'a> {
        self.keys.get(text(line, "peer")).copied().unwrap_or_default()
    }

    fn sender(&self, record: &Value) -> Key<'a> {
        self.at_port(record, "src")
    }

    fn receiver(&self, record: &Value) -> Key<'a> {
        self.at_port(record, "dst")
    }

    /// Who has the port that a packet came from or went to; of a relay's, the client at the other end of the
    /// way through it.
    fn at_port(&self, record: &Value, end: &str) -> Key<'a> {
        let port = port(text(record, end));
        let found = match text(record, "transport") {
            "tcp" => self
                .relay_ports
                .get(&port)
                .or_else(|| self.dht_keys.get(text(&record["relay"], "dht_key"))),
            _ => self.ports.get(&port),
        };
        found.copied().unwrap_or_default()
    }

    /// The conference of a packet; where only one exists it need not be known.
    fn conference(&self, record: &'a Value) -> Key<'a> {
        match (text(record, "conference"), self.conferences.first()) {
            ("", Some(only)) if self.conferences.len() == 1 => only,
            (conference, _) => conference,
        }
    }

    /// Who wrote a group message, by libtoxcore's numbers.
    fn author(&self, record: &'a Value) -> Key<'a> {
        let number = number(record, "peer_number").unwrap_or(u64::MAX);
        self.authors.get(&(self.conference(record), number)).copied().unwrap_or("nobody")
    }

    /// Group messages of a kind, each once however often it was passed on: conference, author,
    /// message number, then what `tell` makes of it.
    fn distinct<T: Ord>(
        &self,
        kind: &'static str,
        tell: impl Fn(&'a Value) -> T,
    ) -> BTreeSet<(Key<'a>, Key<'a>, u64, T)> {
        let one = |record: &&'a Value| {
            let message = number(record, "message_number").unwrap_or(u64::MAX);
            (self.conference(record), self.author(record), message, tell(record))
        };
        self.kind(kind).iter().map(one).collect()
    }

    /// Reports what is in one bag only.
    fn same<T: Ord + std::fmt::Debug>(&mut self, what: &str, truth: &Bag<T>, wire: &Bag<T>) {
        for (item, count) in truth {
            let seen = wire.get(item).copied().unwrap_or(0);
            if seen != *count {
                self.differ(format!("{what}: {item:?} is true {count} times, dissected {seen}"));
            }
        }
        for (item, count) in wire.iter().filter(|(item, _)| !truth.contains_key(item)) {
            self.differ(format!("{what}: {item:?} is dissected {count} times, but is not true"));
        }
    }

    fn everything_is_open(&mut self) {
        for record in self.records {
            let (kind, sealed) = (text(record, "kind"), text(record, "sealed"));
            let relay = matches!(kind, "relay_frame" | "relay_handshake" | "relay_answer");
            let session = matches!(kind, "crypto_data" | "crypto_handshake");
            let closed = session || relay || kind == "malformed";
            if closed && (kind == "malformed" || !sealed.is_empty()) {
                self.differ(format!("frame {}: {kind} {sealed}", record["frame"]));
            }
        }
    }

    /// Sender, receiver and author, where the dissection claims to know them.
    fn parties(&mut self) {
        for record in self.packets.clone() {
            let claims = [
                ("from", self.sender(record)),
                ("to", self.receiver(record)),
                ("author", self.author(record)),
            ];
            for (field, true_key) in claims {
                let claimed = text(record, field);
                if !claimed.is_empty() && claimed != true_key {
                    let frame = &record["frame"];
                    self.differ(format!("frame {frame}: {field} {claimed}, truly {true_key}"));
                }
            }
        }
    }

    /// Ids and types; each group number is the conference number that the interface uses.
    fn conferences_and_group_numbers(&mut self) {
        let mut types = BTreeMap::new();
        let mut numbers: BTreeMap<In<'_>, BTreeSet<u64>> = BTreeMap::new();
        for line in self.truth {
            let (conference, key) = (text(line, "conference_id"), self.key_of(line));
            if let Some(number) = number(line, "conference") {
                numbers.entry((conference, key)).or_default().insert(number);
            }
            if text(line, "event") == "conference_founded" {
                types.insert(conference, text(line, "conference_type"));
            }
        }
        let mut seen = BTreeSet::new();
        for record in self.packets.clone() {
            let frame = &record["frame"];
            let (kind, id) = (text(record, "kind"), text(record, "conference_id"));
            if !id.is_empty() {
                seen.insert(id);
                let (claimed, truly) = (text(record, "conference_type"), types.get(id));
                if truly != Some(&claimed) {
                    self.differ(format!("frame {frame}: type {claimed}, truly {truly:?}"));
                }
            }
            let counted_by_sender =
                matches!(kind, "invite" | "invite_accepted" | "invite_member" | "online");
            let (sender, receiver) = (self.sender(record), self.receiver(record));
            let claims = [
                ("group_number", if counted_by_sender { sender } else { receiver }),
                ("receiver_group_number", receiver),
            ];
            for (field, key) in claims {
                let Some(claimed) = number(record, field) else { continue };
                let true_numbers = numbers.get(&(self.conference(record), key));
                // In no story does anybody's conference number change.
                if true_numbers != Some(&BTreeSet::from([claimed])) {
                    self.differ(format!(
                        "frame {frame}: {kind} {field} {claimed}, truly {true_numbers:?}"
                    ));
                }
            }
        }
        if seen != self.conferences {
            self.differ(format!("conferences {seen:?}, truly {:?}", self.conferences));
        }
    }

    /// Peer numbers, real keys and DHT keys from introductions and lists.
    fn peer_numbers(&mut self) {
        let mut dht_keys: BTreeSet<In<'_>> = BTreeSet::new();
        for line in self.truth.iter().filter(|line| text(line, "event") == "started") {
            dht_keys.insert((text(line, "key"), text(line, "dht_key")));
        }
        let mut seen = BTreeMap::new();
        for record in self.packets.clone() {
            let conference = self.conference(record);
            let introduced = match text(record, "kind") {
                "new_peer" => vec![(number(record, "new_peer_number"), record)],
                "peer_response" => list(record, "peers")
                    .iter()
                    .map(|peer| (number(peer, "peer_number"), peer))
                    .collect(),
                _ => continue,
            };
            for (number, peer) in introduced {
                let (key, dht_key) = (text(peer, "real_key"), text(peer, "dht_key"));
                seen.insert((conference, number.unwrap_or(u64::MAX)), key);
                if !dht_keys.contains(&(key, dht_key)) {
                    let frame = &record["frame"];
                    self.differ(format!("frame {frame}: {key} never had DHT key {dht_key}"));
                }
            }
        }
        if seen != self.authors {
            self.differ(format!("peer numbers {seen:?}, truly {:?}", self.authors));
        }
    }

    fn messages_sent(&mut self) {
        let mut truth = Bag::new();
        for line in self.events("message_sent") {
            let place = (text(line, "conference_id"), self.key_of(line));
            *truth.entry((place, text(line, "kind"), foreign(line, "text"))).or_insert(0) += 1;
        }
        let mut wire = Bag::new();
        for kind in ["chat", "action"] {
            for (conference, author, _, said) in self.distinct(kind, |r| foreign(r, "text")) {
                *wire.entry(((conference, author), kind, said)).or_insert(0) += 1;
            }
        }
        self.same("message sent", &truth, &wire);
    }

    /// Whether a packet was sent to somebody who had left, shut down or crashed.
    fn in_vain(&self, record: &'a Value) -> bool {
        let (to, conference) = (port(text(record, "dst")), self.conference(record));
        let mut listens = true;
        let mut latest = 0;
        for line in self.truth.iter().filter(|line| self.key_of(line) == self.receiver(record)) {
            // What is handled in the same moment counts as gone: the truth is written afterwards.
            if seconds(text(line, "time")) > seconds(text(record, "time")) + 0.1 {
                break;
            }
            match text(line, "event") {
                "started" => latest = number(line, "port").unwrap_or(0),
                "left" => listens &= text(line, "conference_id") != conference,
                "stopped" | "crashed" => listens &= latest != to,
                _ => {}
            }
        }
        !listens
    }

    /// When somebody last started, up to a time; both as [`seconds`].
    fn last_start(&self, who: Key<'a>, until: f64) -> f64 {
        self.truth
            .iter()
            .filter(|line| text(line, "event") == "started" && self.key_of(line) == who)
            .map(|line| seconds(text(line, "time")))
            .filter(|start| *start <= until)
            .fold(0.0, f64::max)
    }

    /// Whether its author used its number, or one above it, before they started from a save: nobody takes it
    ///
    fn lies_behind(&self, record: &'a Value) -> bool {
        let author = self.author(record);
        let start = self.last_start(author, seconds(text(record, "time")));
        self.packets.iter().any(|earlier| {
            seconds(text(earlier, "time")) < start
                && text(earlier, "kind") != "lossy"
                && self.author(earlier) == author
                && self.conference(earlier) == self.conference(record)
                && number(earlier, "message_number") >= number(record, "message_number")
        })
    }

    /// What anybody heard was sent to them; what was sent to somebody they heard.
    fn messages_received(&mut self) {
        let mut truth = Bag::new();
        for line in self.events("message_received") {
            let place = (text(line, "conference_id"), text(line, "author"), self.key_of(line));
            *truth.entry((place, text(line, "kind"), foreign(line, "text"))).or_insert(0) += 1;
        }
        let mut copies = BTreeSet::new();
        for kind in ["chat", "action"] {
            for record in self.kind(kind) {
                let place = (self.conference(record), self.author(record), self.receiver(record));
                let item = (place, kind, foreign(record, "text"));
                let lost = || self.in_vain(record) || self.lies_behind(record);
                if truth.contains_key(&item) || !lost() {
                    copies.insert((item, number(record, "message_number")));
                }
            }
        }
        let mut wire = Bag::new();
        for (item, _) in copies {
            *wire.entry(item).or_insert(0) += 1;
        }
        // What is sent from a new address reaches nobody before there is a new session.
        if !self.events("roamed").is_empty() {
            wire.retain(|item, _| truth.contains_key(item));
        }
        self.same("message received", &truth, &wire);
    }

    fn titles(&mut self) {
        let mut truth = Bag::new();
        for line in self.events("title_set") {
            let place = (text(line, "conference_id"), self.key_of(line));
            *truth.entry((place, foreign(line, "title"))).or_insert(0) += 1;
        }
        let mut wire = Bag::new();
        for (conference, author, _, title) in self.distinct("title", |r| foreign(r, "title")) {
            *wire.entry(((conference, author), title)).or_insert(0) += 1;
        }
        self.same("title set", &truth, &wire);

        let ever: BTreeSet<_> = self
            .truth
            .iter()
            .filter(|line| text(line, "event") == "title_set")
            .map(|line| (text(line, "conference_id"), foreign(line, "title")))
            .collect();
        let mut told = BTreeSet::new();
        for record in self.kind("title") {
            let author = self.author(record);
            told.insert((self.receiver(record), Some(author), foreign(record, "title")));
        }
        for record in self.kind("title_response") {
            let title = foreign(record, "title");
            if !ever.contains(&(self.conference(record), title.clone())) {
                self.differ(format!("frame {}: no title was ever {title}", record["frame"]));
            }
            told.insert((self.receiver(record), None, title));
        }
        for line in self.events("title_received") {
            let author = line.get("author").and_then(Value::as_str);
            let heard = (self.key_of(line), author, foreign(line, "title"));
            if !told.contains(&heard) {
                self.differ(format!("title received: {heard:?} was not on the wire"));
            }
        }
    }

    fn names(&mut self) {
        let mut ever: BTreeSet<(Key<'_>, String)> = BTreeSet::new();
        let mut joined = BTreeSet::new();
        let mut renamed = BTreeSet::new();
        for line in self.truth {
            let key = self.key_of(line);
            match text(line, "event") {
                "name_set" => {
                    ever.insert((key, foreign(line, "name")));
                    if joined.contains(key) && seconds(text(line, "time")) >= seconds(self.start) {
                        renamed.insert((key, foreign(line, "name")));
                    }
                }
                "members" if list(line, "present").len() > 1 => {
                    joined.insert(key);
                }
                _ => {}
            }
        }
        let mut told = BTreeSet::new();
        let mut sent = BTreeSet::new();
        for record in self.kind("name") {
            let (author, name) = (self.author(record), foreign(record, "name"));
            sent.insert((author, name.clone()));
            told.insert((self.receiver(record), author, name));
        }
        for record in self.kind("peer_response") {
            for peer in list(record, "peers") {
                let name = foreign(peer, "name");
                if name != "\"\"" {
                    told.insert((self.receiver(record), text(peer, "real_key"), name));
                }
            }
        }
        for (_, key, name) in &told {
            if !ever.contains(&(key, name.clone())) {
                self.differ(format!("name: {key} was never called {name}"));
            }
        }
        for (key, name) in renamed.difference(&sent) {
            self.differ(format!("name: {key} became {name}, which was not on the wire"));
        }
        for line in self.events("name_received") {
            let key = self.key_of(line);
            let author = text(line, "author");
            let heard = (key, author, foreign(line, "name"));
            if author != key && !told.contains(&heard) {
                self.differ(format!("name received: {heard:?} was not on the wire"));
            }
        }
    }

    /// Invitations, acceptances, members that were invited again, leaving and shutting down.
    fn comings_and_goings(&mut self) {
        let mut invited = Bag::new();
        let mut unknown = Bag::new();
        for line in self.events("invited") {
            let (conference, guest) = (text(line, "conference_id"), text(line, "guest"));
            *invited.entry((self.key_of(line), guest, conference)).or_insert(0) += 1;
            *unknown.entry((guest, conference)).or_insert(0) += 1;
        }
        let mut wire = Bag::new();
        for record in self.kind("invite") {
            let place = (self.sender(record), self.receiver(record), self.conference(record));
            *wire.entry(place).or_insert(0) += 1;
        }
        self.same("invitation", &invited, &wire);

        let mut joined = Bag::new();
        for line in self.events("joining") {
            let place = (self.key_of(line), text(line, "conference_id"));
            *joined.entry(place).or_insert(0) += 1;
            if let Some(count) = unknown.get_mut(&place) {
                *count -= 1;
            }
        }
        unknown.retain(|_, count| *count > 0);
        for (kind, truth) in [("invite_accepted", &joined), ("invite_member", &unknown)] {
            let mut wire = Bag::new();
            for record in self.kind(kind) {
                let place = (self.sender(record), self.conference(record));
                *wire.entry(place).or_insert(0) += 1;
            }
            self.same(kind, truth, &wire);
        }
        for record in self.kind("invite_member") {
            if self.author(record) != self.sender(record) {
                self.differ(format!("frame {}: not the sender's peer number", record["frame"]));
            }
        }

        for (kind, field, event) in [
            ("kill_peer", "killed_peer_number", "left"),
            ("freeze_peer", "frozen_peer_number", "stopped"),
        ] {
            let gone: BTreeSet<_> = self
                .kind(kind)
                .into_iter()
                .map(|record| {
                    let number = number(record, field).unwrap_or(u64::MAX);
                    self.authors.get(&(self.conference(record), number)).copied()
                })
                .collect();
            let truly: BTreeSet<_> =
                self.events(event).into_iter().map(|line| Some(self.key_of(line))).collect();
            if gone != truly {
                self.differ(format!("{kind}: {gone:?}, truly {truly:?}"));
            }
        }
    }

    /// Whoever sends Rejoin has the receiver frozen, or was just restarted.
    fn rejoins(&mut self) {
        let trouble = ["resumed", "network_healed"];
        let restarted: BTreeSet<_> = self
            .events("started")
            .into_iter()
            .filter(|line| line.get("from_savedata") == Some(&Value::Bool(true)))
            .map(|line| self.key_of(line))
            .collect();
        let expected = !restarted.is_empty()
            || trouble.into_iter().any(|event| !self.events(event).is_empty());
        let rejoins = self.kind("rejoin");
        // A new address may end sessions for long enough to freeze somebody, or not.
        if rejoins.is_empty() == expected && self.events("roamed").is_empty() {
            self.differ(format!("{} Rejoins, expected any: {expected}", rejoins.len()));
        }
        for record in rejoins {
            let at = seconds(text(record, "time"));
            let (sender, receiver) = (self.sender(record), self.receiver(record));
            let frozen = self.events("members").into_iter().any(|line| {
                self.key_of(line) == sender
                    && seconds(text(line, "time")) < at + 0.5
                    && list(line, "frozen").iter().any(|peer| text(peer, "key") == receiver)
            });
            if !frozen && !restarted.contains(sender) {
                self.differ(format!(
                    "frame {}: Rejoin to somebody who is not frozen",
                    record["frame"]
                ));
            }
        }
    }

    /// Frames of sound: nobody decodes more than were sent to it, nobody sent more than it spoke.
    fn sound(&mut self) {
        let mut spoken: Bag<Key<'_>> = Bag::new();
        for line in self.events("audio_sent") {
            *spoken.entry(self.key_of(line)).or_insert(0) += 1;
        }
        let mut sent: Bag<Key<'_>> = Bag::new();
        for (_, author, _, ()) in self.distinct("lossy", |_| ()) {
            *sent.entry(author).or_insert(0) += 1;
        }
        let lossless = self.events("packet_loss").is_empty();
        for key in spoken.keys().chain(sent.keys()).copied().collect::<BTreeSet<_>>() {
            let (spoken, sent) = (spoken.get(key), sent.get(key));
            if sent.is_none() || sent > spoken || lossless && sent != spoken {
                self.differ(format!("sound: {key} spoke {spoken:?} frames, sent {sent:?}"));
            }
        }
        let mut delivered: Bag<In<'_>> = Bag::new();
        for (_, author, _, receiver) in self.distinct("lossy", |r| self.receiver(r)) {
            *delivered.entry((author, receiver)).or_insert(0) += 1;
        }
        for line in self.events("audio_received") {
            let pair = (text(line, "author"), self.key_of(line));
            if !delivered.contains_key(&pair) {
                self.differ(format!("sound: {pair:?} heard, but not on the wire"));
            }
        }
    }

    /// The last message number of each member since it started: what libtoxcore saves is 65536 ahead.
    fn message_numbers(&mut self) {
        let mut last: BTreeMap<In<'_>, (&str, u64)> = BTreeMap::new();
        for line in self.events("saved") {
            let saved = number(line, "message_number").unwrap_or(0);
            let place = (text(line, "conference_id"), text(line, "key"));
            last.insert(place, (text(line, "time"), saved.saturating_sub(65_536)));
        }
        for ((conference, key), (time, truly)) in last {
            let seen = self
                .packets
                .iter()
                .filter(|record| text(record, "kind") != "lossy" && self.author(record) == key)
                .filter(|record| self.conference(record) == conference)
                .filter(|record| {
                    let at = seconds(text(record, "time"));
                    (self.last_start(key, seconds(time))..=seconds(time)).contains(&at)
                })
                .filter_map(|record| number(record, "message_number"))
                .max();
            if seen != Some(truly) {
                self.differ(format!("last message number of {key}: {seen:?}, truly {truly}"));
            }
        }
    }
}
