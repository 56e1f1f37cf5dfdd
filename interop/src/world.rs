//! A story under way: peers, what they do, what they report, and one loop that drives them all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use crate::keys;
use crate::net::recorder::{LeftOut, Recorder};
use crate::net::{dial, filter, rebind};
use crate::savedata;
use crate::tox::{self, Event, Key, Listed, Origin, Setup, Tox};
use crate::truth::{Truth, hex, text_field};

/// Pause between two turns of the loop.
const TURN: Duration = Duration::from_millis(10);
/// UDP port of the first peer; the next ones follow.
const FIRST_PORT: u16 = 44_100;

/// A peer of the story, by the order in which they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who(usize);

/// How a peer reaches others, and others it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// By UDP alone.
    Udp,
    /// Through the relays alone.
    Relays,
    /// By UDP and through the relays.
    Both,
    /// By UDP; it is a relay at this TCP port.
    Relay(u16),
}

/// A conference of the story, known to all by its 32 random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Room(Key);

/// Where a story is written to, and over which protocol it runs.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its name.
    pub story: &'static str,
    /// `<story>.pcapng`, if it is recorded here.
    pub capture: Option<PathBuf>,
    /// `<story>.truth.jsonl`.
    pub truth: PathBuf,
    /// The key log, if one is written: names are added to it.
    pub keys: Option<PathBuf>,
    /// The folder for `<story>.<name>.tox`, if savedata are written.
    pub savedata: Option<PathBuf>,
    /// What happens, for the comment in the capture.
    pub about: &'static str,
    /// IPv6 instead of IPv4.
    pub ipv6: bool,
    /// What of the traffic is not recorded.
    pub left_out: LeftOut,
}

struct Peer {
    name: String,
    key: Key,
    dht_key: Key,
    /// Of UDP, 0 if it has none.
    port: u16,
    reach: Reach,
    /// `None` while it is not running.
    tox: Option<Tox>,
    stalled: bool,
    online: bool,
    /// Friend number to peer.
    friends: BTreeMap<u32, Who>,
    /// Friends that are online, and over what, as libtoxcore numbers it.
    reachable: BTreeMap<Who, i32>,
    /// What it heard, in order.
    heard: Vec<(Room, Vec<u8>)>,
    /// Frames of sound that it decoded.
    sounds: usize,
}

/// A story under way.
pub struct World {
    plan: Plan,
    truth: Truth,
    peers: Vec<Peer>,
    recorder: Option<Recorder>,
    ports: u16,
    /// All real and DHT keys there have been, in hexadecimal.
    identities: BTreeSet<String>,
}

impl World {
    /// Opens the book. Nothing is recorded yet.
    ///
    /// # Errors
    ///
    /// When the file of the truth cannot be made.
    pub fn new(plan: Plan) -> Result<Self> {
        let mut truth = Truth::create(&plan.truth)?;
        truth
            .line("", "story")
            .with("schema", 1)
            .with("story", plan.story)
            .with("libtoxcore", tox::version())
            .end()?;
        let identities = BTreeSet::new();
        Ok(Self { plan, truth, peers: Vec::new(), recorder: None, ports: FIRST_PORT, identities })
    }

    // ---- the recording ----------------------------------------------------------------------

    /// Records from here on.
    ///
    /// # Errors
    ///
    /// When the recorder does not start.
    pub fn record(&mut self) -> Result<()> {
        let plan = &self.plan;
        let about = format!("{}: {} (libtoxcore {})", plan.story, plan.about, tox::version());
        if let Some(capture) = &plan.capture {
            self.recorder = Some(Recorder::start(capture, &about, plan.left_out)?);
        }
        self.truth.line("", "recording_started").end()
    }

    /// Ends the recording and the story; the number of frames.
    ///
    /// # Errors
    ///
    /// When a file could not be written, or the filter was not in the way.
    pub fn finish(mut self) -> Result<u64> {
        for who in self.everybody() {
            self.note_saved(who)?;
            self.write_savedata(who)?;
        }
        let frames = match (self.recorder.take(), &self.plan.capture) {
            (Some(recorder), _) => recorder.stop()?,
            (None, None) => 0,
            (None, Some(_)) => bail!("nothing was recorded"),
        };
        let (passed, dropped) = filter::counts();
        if passed == 0 {
            bail!("libtoxcore does not send through our filter");
        }
        self.truth
            .line("", "recording_stopped")
            .with("frames", frames)
            .with("datagrams_dropped", dropped)
            .end()?;
        self.truth.flush()?;
        self.name_keys()?;
        Ok(frames)
    }

    /// Adds to the key log who is who; of the rest, keeps what a recording without onion packets
    /// needs, unless onion packets are recorded.
    fn name_keys(&self) -> Result<()> {
        let Some(path) = &self.plan.keys else { return Ok(()) };
        let log = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let mut log = if self.plan.left_out.is_empty() {
            log
        } else {
            keys::without_onion(&log, &self.identities)
        };
        for peer in &self.peers {
            log.push_str(&format!("NAME {} {}\n", hex(&peer.key), peer.name));
        }
        Ok(fs::write(path, log)?)
    }

    // ---- peers ------------------------------------------------------------------------------

    /// Starts peers under these names; each bootstraps to all that are there.
    ///
    /// # Errors
    ///
    /// When an instance does not start.
    pub fn start<const N: usize>(&mut self, names: [&str; N]) -> Result<[Who; N]> {
        self.start_with(Reach::Udp, names)
    }

    /// The same for peers that reach others in another way. Relays come first, then those that use them.
    ///
    /// # Errors
    ///
    /// When an instance does not start.
    pub fn start_with<const N: usize>(
        &mut self,
        reach: Reach,
        names: [&str; N],
    ) -> Result<[Who; N]> {
        let mut started = [Who(0); N];
        for (slot, name) in started.iter_mut().zip(names) {
            let who = Who(self.peers.len());
            self.peers.push(Peer {
                name: name.into(),
                key: [0; 32],
                dht_key: [0; 32],
                port: 0,
                reach,
                tox: None,
                stalled: false,
                online: false,
                friends: BTreeMap::new(),
                reachable: BTreeMap::new(),
                heard: Vec::new(),
                sounds: 0,
            });
            self.run(who, Origin::SecretKey(secret_key(name)))?;
            self.rename(who, name.as_bytes())?;
            *slot = who;
        }
        Ok(started)
    }

    /// Starts a peer again from what [`Self::save`] returned, on another port.
    ///
    /// # Errors
    ///
    /// When the instance does not start.
    pub fn restart(&mut self, who: Who, savedata: Vec<u8>) -> Result<()> {
        self.run(who, Origin::Savedata(savedata))
    }

    fn run(&mut self, who: Who, from: Origin) -> Result<()> {
        let restored = matches!(from, Origin::Savedata(_));
        let reach = self.peer(who)?.reach;
        let port = (reach != Reach::Relays).then_some(self.ports);
        let relay_port = if let Reach::Relay(port) = reach { Some(port) } else { None };
        let tox = Tox::start(&Setup { port, relay_port, ipv6: self.plan.ipv6, from })?;
        self.ports += 1;
        let peer = self.peer_mut(who)?;
        (peer.key, peer.dht_key, peer.port) = (tox.key(), tox.dht_key(), tox.port());
        peer.tox = Some(tox);
        let (name, key, dht_key, port) = (peer.name.clone(), peer.key, peer.dht_key, peer.port);
        self.identities.extend([hex(&key), hex(&dht_key)]);
        self.truth
            .line(&name, "started")
            .hex("key", &key)
            .hex("dht_key", &dht_key)
            .with("port", port)
            .with("from_savedata", restored)
            .end()?;
        let host = if self.plan.ipv6 { "::1" } else { "127.0.0.1" };
        let others: Vec<_> = self
            .peers
            .iter()
            .filter(|other| other.tox.is_some() && other.key != key && other.port != 0)
            .map(|other| (other.port, other.reach, other.dht_key))
            .collect();
        for (port, their_reach, dht_key) in others {
            self.tox(who)?.bootstrap(host, port, &dht_key)?;
            if let (Reach::Relays | Reach::Both, Reach::Relay(port)) = (reach, their_reach) {
                self.tox(who)?.add_relay(host, port, &dht_key)?;
            }
        }
        self.note_dialled(who)
    }

    /// Writes down from which ports a peer, the last one that did anything, has connected to relays.
    fn note_dialled(&mut self, who: Who) -> Result<()> {
        let is_relay = |port| self.peers.iter().any(|peer| peer.reach == Reach::Relay(port));
        let mut dialled = dial::dialled();
        // A relay of libtoxcore 0.2.18 tries to reach itself, with the bytes of its port swapped.
        dialled.retain(|dialled| is_relay(dialled.to));
        for dial::Dialled { from, to } in dialled {
            let name = self.name(who);
            self.truth
                .line(&name, "relay_connection")
                .with("port", from)
                .with("relay_port", to)
                .end()?;
        }
        Ok(())
    }

    /// Shuts a peer down as a client would; it tells the others that it freezes.
    ///
    /// # Errors
    ///
    /// When it is not running.
    pub fn stop(&mut self, who: Who) -> Result<()> {
        self.note_saved(who)?;
        let peer = self.peer_mut(who)?;
        peer.tox.take().context("not running")?;
        peer.online = false;
        peer.reachable.clear();
        let name = peer.name.clone();
        self.truth.line(&name, "stopped").end()
    }

    /// Kills a peer in a way that nobody is told.
    ///
    /// # Errors
    ///
    /// When it is not running.
    pub fn crash(&mut self, who: Who) -> Result<()> {
        self.note_saved(who)?;
        let peer = self.peer_mut(who)?;
        let port = peer.port;
        peer.online = false;
        peer.reachable.clear();
        let tox = peer.tox.take().context("not running")?;
        let name = peer.name.clone();
        filter::silence(port, true);
        drop(tox);
        filter::silence(port, false);
        self.truth.line(&name, "crashed").end()
    }

    /// Gives a peer another port while it runs, as a router does that forgets a mapping.
    ///
    /// # Errors
    ///
    /// When the sockets do not do it.
    pub fn roam(&mut self, who: Who) -> Result<()> {
        let old = self.peer(who)?.port;
        let new = self.ports;
        self.ports += 1;
        rebind::rebind(old, new).context("bind to another port")?;
        let peer = self.peer_mut(who)?;
        peer.port = new;
        let name = peer.name.clone();
        self.truth.line(&name, "roamed").with("port", new).end()
    }

    /// The state of a peer as a client would write it to disk.
    ///
    /// # Errors
    ///
    /// When it is not running.
    pub fn save(&mut self, who: Who) -> Result<Vec<u8>> {
        self.note_saved(who)?;
        Ok(self.tox(who)?.savedata())
    }

    /// Does not run the peer's loop until [`Self::resume`]: a suspended client.
    ///
    /// # Errors
    ///
    /// When the truth cannot be written.
    pub fn stall(&mut self, who: Who) -> Result<()> {
        self.peer_mut(who)?.stalled = true;
        let name = self.name(who);
        self.truth.line(&name, "stalled").end()
    }

    /// Runs the peer's loop again.
    ///
    /// # Errors
    ///
    /// When the truth cannot be written.
    pub fn resume(&mut self, who: Who) -> Result<()> {
        self.peer_mut(who)?.stalled = false;
        let name = self.name(who);
        self.truth.line(&name, "resumed").end()
    }

    /// Makes each of these a friend of each other one.
    ///
    /// # Errors
    ///
    /// When libtoxcore refuses.
    pub fn acquaint(&mut self, pairs: &[(Who, Who)]) -> Result<()> {
        for &(a, b) in pairs {
            for (one, other) in [(a, b), (b, a)] {
                let key = self.peer(other)?.key;
                let number = self.tox(one)?.befriend(&key)?;
                self.peer_mut(one)?.friends.insert(number, other);
                let name = self.name(one);
                self.truth.line(&name, "befriended").hex("friend", &key).end()?;
            }
        }
        Ok(())
    }

    // ---- the network ------------------------------------------------------------------------

    /// Cuts the network into parts.
    ///
    /// # Errors
    ///
    /// When the truth cannot be written.
    pub fn split(&mut self, parts: &[&[Who]]) -> Result<()> {
        let mut ports = Vec::new();
        for part in parts {
            let part: Result<Vec<u16>> =
                part.iter().map(|who| self.peer(*who).map(|peer| peer.port)).collect();
            ports.push(part?);
        }
        filter::split(&ports.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let names: Vec<Value> = parts
            .iter()
            .map(|part| part.iter().map(|who| self.name(*who)).collect::<Vec<_>>().into())
            .collect();
        self.truth.line("", "network_split").with("parts", names).end()
    }

    /// Makes the network whole again.
    ///
    /// # Errors
    ///
    /// When the truth cannot be written.
    pub fn heal(&mut self) -> Result<()> {
        filter::split(&[]);
        self.truth.line("", "network_healed").end()
    }

    /// Lets no datagram pass between these two, who may still use relays.
    ///
    /// # Errors
    ///
    /// When the truth cannot be written.
    pub fn cut_udp(&mut self, one: Who, other: Who) -> Result<()> {
        let ports = [self.peer(one)?.port, self.peer(other)?.port];
        filter::split(&[&ports[..1], &ports[1..]]);
        let names: Vec<Value> = [one, other].iter().map(|who| self.name(*who).into()).collect();
        self.truth.line("", "udp_cut").with("between", names).end()
    }

    /// Lets datagrams pass again.
    ///
    /// # Errors
    ///
    /// When the truth cannot be written.
    pub fn restore_udp(&mut self) -> Result<()> {
        filter::split(&[]);
        self.truth.line("", "udp_restored").end()
    }

    /// Loses that many datagrams of ten thousand from now on.
    ///
    /// # Errors
    ///
    /// When the truth cannot be written.
    pub fn lose(&mut self, of_ten_thousand: u64) -> Result<()> {
        filter::lose(of_ten_thousand, 7);
        self.truth.line("", "packet_loss").with("of_ten_thousand", of_ten_thousand).end()
    }

    // ---- what peers do ----------------------------------------------------------------------

    /// Takes another name.
    ///
    /// # Errors
    ///
    /// When libtoxcore refuses.
    pub fn rename(&mut self, who: Who, name: &[u8]) -> Result<()> {
        self.tox(who)?.set_name(name)?;
        let peer = self.name(who);
        self.truth.line(&peer, "name_set").text("name", name).end()
    }

    /// Founds a conference.
    ///
    /// # Errors
    ///
    /// When libtoxcore refuses.
    pub fn found(&mut self, who: Who, audio: bool) -> Result<Room> {
        let tox = self.tox(who)?;
        let number = tox.found(audio)?;
        let id = tox.conference_id(number).context("a conference without an id")?;
        let name = self.name(who);
        self.truth
            .line(&name, "conference_founded")
            .with("conference", number)
            .hex("conference_id", &id)
            .with("conference_type", type_name(audio))
            .end()?;
        Ok(Room(id))
    }

    /// Invites a friend, who accepts at once unless it is a member already.
    ///
    /// # Errors
    ///
    /// When libtoxcore refuses.
    pub fn invite(&mut self, who: Who, guest: Who, room: Room) -> Result<()> {
        let number = self.number(who, room)?;
        let friend = self.peer(who)?.friend(guest).context("inviting a stranger")?;
        let key = self.peer(guest)?.key;
        self.tox(who)?.invite(friend, number)?;
        let name = self.name(who);
        self.truth
            .line(&name, "invited")
            .with("conference", number)
            .hex("conference_id", &room.0)
            .hex("guest", &key)
            .end()
    }

    /// Says something.
    ///
    /// # Errors
    ///
    /// When libtoxcore refuses.
    pub fn say(&mut self, who: Who, room: Room, text: impl AsRef<[u8]>) -> Result<()> {
        self.send(who, room, false, text.as_ref())
    }

    /// Does something.
    ///
    /// # Errors
    ///
    /// When libtoxcore refuses.
    pub fn act(&mut self, who: Who, room: Room, text: impl AsRef<[u8]>) -> Result<()> {
        self.send(who, room, true, text.as_ref())
    }

    fn send(&mut self, who: Who, room: Room, action: bool, text: &[u8]) -> Result<()> {
        let number = self.number(who, room)?;
        self.tox(who)?.say(number, action, text)?;
        let name = self.name(who);
        self.truth
            .line(&name, "message_sent")
            .with("conference", number)
            .hex("conference_id", &room.0)
            .with("kind", kind_name(action))
            .text("text", text)
            .end()
    }

    /// Sets the title.
    ///
    /// # Errors
    ///
    /// When libtoxcore refuses.
    pub fn set_title(&mut self, who: Who, room: Room, title: impl AsRef<[u8]>) -> Result<()> {
        let number = self.number(who, room)?;
        self.tox(who)?.set_title(number, title.as_ref())?;
        let name = self.name(who);
        self.truth
            .line(&name, "title_set")
            .with("conference", number)
            .hex("conference_id", &room.0)
            .text("title", title.as_ref())
            .end()
    }

    /// Leaves for good.
    ///
    /// # Errors
    ///
    /// When libtoxcore refuses.
    pub fn leave(&mut self, who: Who, room: Room) -> Result<()> {
        self.note_saved(who)?;
        let number = self.number(who, room)?;
        self.tox(who)?.leave(number)?;
        let name = self.name(who);
        self.truth
            .line(&name, "left")
            .with("conference", number)
            .hex("conference_id", &room.0)
            .end()
    }

    /// Sends one frame of sound, 20 ms of mono at 48 kHz.
    ///
    /// # Errors
    ///
    /// When libtoxcore refuses.
    pub fn speak(&mut self, who: Who, room: Room, samples: &[i16]) -> Result<()> {
        let number = self.number(who, room)?;
        self.tox(who)?.send_audio(number, samples)?;
        let name = self.name(who);
        self.truth
            .line(&name, "audio_sent")
            .with("conference", number)
            .hex("conference_id", &room.0)
            .with("samples", samples.len())
            .end()
    }

    // ---- waiting ----------------------------------------------------------------------------

    /// Lets the story run for a while.
    ///
    /// # Errors
    ///
    /// When the truth cannot be written.
    pub fn wait(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.turn()?;
        }
        Ok(())
    }

    /// Lets the story run until something holds.
    ///
    /// # Errors
    ///
    /// When it does not hold in time.
    pub fn wait_until(
        &mut self,
        what: &str,
        patience: Duration,
        holds: impl Fn(&Self) -> bool,
    ) -> Result<()> {
        let end = Instant::now() + patience;
        while !holds(self) {
            if Instant::now() > end {
                self.truth.line("", "gave_up").with("waiting_for", what).end()?;
                self.truth.flush()?;
                bail!("waited {} s in vain until {what}", patience.as_secs());
            }
            self.turn()?;
        }
        Ok(())
    }

    /// Waits until all friends that run see each other.
    ///
    /// # Errors
    ///
    /// When they do not in time.
    pub fn wait_friends(&mut self, patience: Duration) -> Result<()> {
        self.wait_until("all friends are online", patience, |world| {
            world.peers.iter().filter(|peer| peer.tox.is_some()).all(|peer| {
                peer.friends
                    .values()
                    .filter(|who| world.peers.get(who.0).is_some_and(|p| p.tox.is_some()))
                    .all(|who| peer.reachable.contains_key(who))
            })
        })
    }

    /// Waits until one does not see another one, a friend, any longer.
    ///
    /// # Errors
    ///
    /// When it still does after that time.
    pub fn wait_lost(&mut self, who: Who, other: Who, patience: Duration) -> Result<()> {
        self.wait_until("a friend goes offline", patience, |world| {
            world.peers.get(who.0).is_some_and(|peer| !peer.reachable.contains_key(&other))
        })
    }

    /// Waits until these two see each other, friends, over UDP, or else through a relay.
    ///
    /// # Errors
    ///
    /// When they do not in time.
    pub fn wait_transport(
        &mut self,
        one: Who,
        other: Who,
        udp: bool,
        patience: Duration,
    ) -> Result<()> {
        let status = if udp { 2 } else { 1 };
        let what = format!("two friends see each other over {}", transport(status));
        self.wait_until(&what, patience, |world| {
            [(one, other), (other, one)].into_iter().all(|(one, other)| {
                let peer = world.peers.get(one.0);
                peer.is_some_and(|peer| peer.reachable.get(&other) == Some(&status))
            })
        })
    }

    /// Waits until each of these lists exactly these as present.
    ///
    /// # Errors
    ///
    /// When they do not in time.
    pub fn wait_members(&mut self, room: Room, all: &[Who], patience: Duration) -> Result<()> {
        let mut keys: Vec<_> =
            all.iter().map(|who| self.peer(*who).map(|p| p.key)).collect::<Result<_>>()?;
        keys.sort_unstable();
        let what = format!("{} members see each other", all.len());
        self.wait_until(&what, patience, |world| {
            all.iter().all(|who| {
                let listed = world.members(*who, room);
                listed.iter().map(|member| &member.key).eq(&keys)
            })
        })
    }

    /// Whether a peer has heard a text.
    pub fn has_heard(&self, who: Who, room: Room, text: impl AsRef<[u8]>) -> bool {
        let wanted = (room, text.as_ref().to_vec());
        self.peers.get(who.0).is_some_and(|peer| peer.heard.contains(&wanted))
    }

    /// Waits until each of these has heard a text.
    ///
    /// # Errors
    ///
    /// When they have not in time.
    pub fn wait_heard(
        &mut self,
        room: Room,
        text: impl AsRef<[u8]>,
        all: &[Who],
        patience: Duration,
    ) -> Result<()> {
        let wanted = (room, text.as_ref().to_vec());
        let what = format!("all have heard {:?}", String::from_utf8_lossy(&wanted.1));
        self.wait_until(&what, patience, |world| {
            all.iter()
                .all(|who| world.peers.get(who.0).is_some_and(|peer| peer.heard.contains(&wanted)))
        })
    }

    /// Who a peer lists as present.
    #[must_use]
    pub fn members(&self, who: Who, room: Room) -> Vec<Listed> {
        self.seen(who, room, Tox::members)
    }

    /// Whom a peer lists as frozen.
    #[must_use]
    pub fn frozen(&self, who: Who, room: Room) -> Vec<Listed> {
        self.seen(who, room, Tox::frozen)
    }

    fn seen(&self, who: Who, room: Room, look: fn(&Tox, u32) -> Vec<Listed>) -> Vec<Listed> {
        let tox = self.peers.get(who.0).and_then(|peer| peer.tox.as_ref());
        tox.and_then(|tox| Some(look(tox, number_of(tox, room)?))).unwrap_or_default()
    }

    /// The title as a peer knows it.
    #[must_use]
    pub fn title(&self, who: Who, room: Room) -> Vec<u8> {
        let tox = self.peers.get(who.0).and_then(|peer| peer.tox.as_ref());
        tox.and_then(|tox| Some(tox.title(number_of(tox, room)?))).unwrap_or_default()
    }

    /// Frames of sound that a peer has decoded.
    #[must_use]
    pub fn sounds(&self, who: Who) -> usize {
        self.peers.get(who.0).map_or(0, |peer| peer.sounds)
    }

    // ---- the loop ---------------------------------------------------------------------------

    /// One turn for everybody who is not stalled.
    fn turn(&mut self) -> Result<()> {
        for who in self.everybody() {
            let peer = self.peer_mut(who)?;
            if peer.stalled {
                continue;
            }
            let Some(tox) = peer.tox.as_mut() else { continue };
            let mut changed = Vec::new();
            for event in tox.iterate() {
                if let Event::PeersChanged(number) | Event::Name { conference: number, .. } = event
                    && !changed.contains(&number)
                {
                    changed.push(number);
                }
                self.note(who, event)?;
            }
            self.note_dialled(who)?;
            for number in changed {
                self.note_members(who, number)?;
            }
        }
        thread::sleep(TURN);
        Ok(())
    }

    /// Writes down what a peer reported, and reacts: invitations are accepted.
    fn note(&mut self, who: Who, event: Event) -> Result<()> {
        let name = self.name(who);
        match event {
            Event::SelfConnection(status) => {
                self.peer_mut(who)?.online = status != 0;
                self.truth.line(&name, "connection").with("status", transport(status)).end()
            }
            Event::FriendConnection(number, status) => self.note_friend(who, &name, number, status),
            Event::Invited { friend, audio, cookie } => {
                self.note_invitation(who, &name, friend, audio, &cookie)
            }
            Event::Connected(number) => {
                let id = self.id_of(who, number)?;
                self.conference_line(&name, "conference_connected", number, id).end()
            }
            Event::Message { conference, author, action, text } => {
                let id = self.id_of(who, conference)?;
                self.conference_line(&name, "message_received", conference, id)
                    .with("author", author.map(|key| hex(&key)))
                    .with("kind", kind_name(action))
                    .text("text", &text)
                    .end()?;
                self.peer_mut(who)?.heard.push((Room(id), text));
                Ok(())
            }
            Event::Title { conference, author, title } => {
                let id = self.id_of(who, conference)?;
                self.conference_line(&name, "title_received", conference, id)
                    .with("author", author.map(|key| hex(&key)))
                    .text("title", &title)
                    .end()
            }
            Event::Name { conference, author, name: new } => {
                let id = self.id_of(who, conference)?;
                self.conference_line(&name, "name_received", conference, id)
                    .with("author", author.map(|key| hex(&key)))
                    .text("name", &new)
                    .end()
            }
            // In stories, people know each other, and write in conferences only.
            Event::PeersChanged(_) | Event::FriendRequest(_) | Event::FriendMessage(..) => Ok(()),
            Event::Audio { conference, author, samples, channels, rate } => {
                self.peer_mut(who)?.sounds += 1;
                let id = self.id_of(who, conference)?;
                self.conference_line(&name, "audio_received", conference, id)
                    .with("author", author.map(|key| hex(&key)))
                    .with("samples", samples)
                    .with("channels", channels)
                    .with("rate", rate)
                    .end()
            }
        }
    }

    fn note_friend(&mut self, who: Who, name: &str, number: u32, status: i32) -> Result<()> {
        let peer = self.peer_mut(who)?;
        let friend = *peer.friends.get(&number).context("an unknown friend")?;
        peer.reachable.remove(&friend);
        if status != 0 {
            peer.reachable.insert(friend, status);
        }
        let key = self.peer(friend)?.key;
        self.truth
            .line(name, "friend_connection")
            .hex("friend", &key)
            .with("status", transport(status))
            .end()
    }

    fn note_invitation(
        &mut self,
        who: Who,
        name: &str,
        friend: u32,
        audio: bool,
        cookie: &[u8],
    ) -> Result<()> {
        let inviter = *self.peer(who)?.friends.get(&friend).context("an unknown friend")?;
        let key = self.peer(inviter)?.key;
        let id = *cookie.last_chunk::<32>().context("a cookie without an id")?;
        self.truth
            .line(name, "invitation_received")
            .hex("inviter", &key)
            .hex("conference_id", &id)
            .with("conference_type", type_name(audio))
            .end()?;
        let number = self.tox(who)?.join(friend, cookie, audio)?;
        self.conference_line(name, "joining", number, id).end()
    }

    /// Writes down whom a peer lists now.
    fn note_members(&mut self, who: Who, number: u32) -> Result<()> {
        let tox = self.tox(who)?;
        let Some(id) = tox.conference_id(number) else { return Ok(()) };
        let (members, frozen) = (listed(&tox.members(number)), listed(&tox.frozen(number)));
        let name = self.name(who);
        self.conference_line(&name, "members", number, id)
            .with("present", members)
            .with("frozen", frozen)
            .end()
    }

    /// Writes down the conferences of a peer as its savedata has them: with peer numbers.
    fn note_saved(&mut self, who: Who) -> Result<()> {
        let name = self.name(who);
        let Some(tox) = self.peer(who)?.tox.as_ref() else { return Ok(()) };
        let saved = savedata::conferences(&tox.savedata()).context("savedata that ends early")?;
        let own = self.peer(who)?.key;
        for conference in saved {
            let peers: Vec<Value> = conference.peers.iter().map(saved_peer).collect();
            self.truth
                .line(&name, "saved")
                .hex("conference_id", &conference.id)
                .with("conference_type", type_name(conference.kind == 1))
                .text("title", &conference.title)
                .with("message_number", conference.message_number)
                .with("peer_number", conference.own_peer_number)
                .hex("key", &own)
                .with("peers", peers)
                .end()?;
        }
        Ok(())
    }

    /// Writes the savedata of a peer that runs, if that is wanted.
    fn write_savedata(&self, who: Who) -> Result<()> {
        let Some(folder) = &self.plan.savedata else { return Ok(()) };
        let peer = self.peer(who)?;
        if let Some(tox) = &peer.tox {
            let path = folder.join(format!("{}.{}.tox", self.plan.story, peer.name));
            fs::write(&path, tox.savedata()).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }

    fn conference_line(
        &mut self,
        name: &str,
        event: &str,
        number: u32,
        id: Key,
    ) -> crate::truth::Line<'_> {
        self.truth.line(name, event).with("conference", number).hex("conference_id", &id)
    }

    // ---- looking things up ------------------------------------------------------------------

    fn everybody(&self) -> Vec<Who> {
        (0..self.peers.len()).map(Who).collect()
    }

    fn peer(&self, who: Who) -> Result<&Peer> {
        self.peers.get(who.0).context("a peer of another story")
    }

    fn peer_mut(&mut self, who: Who) -> Result<&mut Peer> {
        self.peers.get_mut(who.0).context("a peer of another story")
    }

    fn tox(&mut self, who: Who) -> Result<&mut Tox> {
        let peer = self.peer_mut(who)?;
        peer.tox.as_mut().with_context(|| format!("{} is not running", peer.name))
    }

    fn name(&self, who: Who) -> String {
        self.peers.get(who.0).map(|peer| peer.name.clone()).unwrap_or_default()
    }

    fn number(&self, who: Who, room: Room) -> Result<u32> {
        let tox = self.peer(who)?.tox.as_ref().context("not running")?;
        number_of(tox, room).with_context(|| format!("{} is no member", self.name(who)))
    }

    fn id_of(&mut self, who: Who, number: u32) -> Result<Key> {
        self.tox(who)?.conference_id(number).context("a conference without an id")
    }
}

impl Peer {
    fn friend(&self, other: Who) -> Option<u32> {
        self.friends.iter().find(|(_, who)| **who == other).map(|(number, _)| *number)
    }
}

fn number_of(tox: &Tox, room: Room) -> Option<u32> {
    tox.conferences().into_iter().find(|number| tox.conference_id(*number) == Some(room.0))
}

fn listed(members: &[Listed]) -> Vec<Value> {
    let one = |member: &Listed| {
        let mut fields = Map::new();
        fields.insert("key".into(), hex(&member.key).into());
        fields.extend([text_field("name", &member.name)]);
        Value::Object(fields)
    };
    members.iter().map(one).collect()
}

fn saved_peer(peer: &savedata::SavedPeer) -> Value {
    let mut fields = Map::new();
    fields.insert("key".into(), hex(&peer.real_key).into());
    fields.insert("dht_key".into(), hex(&peer.dht_key).into());
    fields.insert("peer_number".into(), peer.peer_number.into());
    fields.extend([text_field("name", &peer.name)]);
    Value::Object(fields)
}

const fn type_name(audio: bool) -> &'static str {
    if audio { "audio" } else { "text" }
}

const fn kind_name(action: bool) -> &'static str {
    if action { "action" } else { "chat" }
}

const fn transport(status: i32) -> &'static str {
    match status {
        0 => "none",
        1 => "tcp",
        _ => "udp",
    }
}

/// The long-term secret key of a peer of this name: always the same one, so that the neighbours
/// on the ring of keys are the same in every recording. Not for use by anybody real.
fn secret_key(name: &str) -> Key {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for byte in name.bytes() {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let mut key = [0; 32];
    for byte in &mut key {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = state.to_be_bytes()[0];
    }
    key
}
