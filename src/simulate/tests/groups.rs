//! What holds for a conference as a whole (G-).

use std::collections::{BTreeMap, BTreeSet};

use super::super::{
    Chance, Clock, Gathering, MemberId, Nanos, Network, Newcomer, Observer, SECOND, Sent, Watch,
    World, ordeal::Ordeal, random::Split,
};
use crate::conference::{Endpoint, Input, Profile, Request, SeededDice};
use crate::wire::{
    ConferenceType, GroupMessage, GroupNumber, InviteAccepted, KillPeer, MessageBody,
    MessageNumber, Online, Packet, PeerEntry, PeerNumber, PeerResponse, PublicKey,
};

/// A number, as an environment variable says or as it is without.
fn wanted(variable: &str, otherwise: u64) -> u64 {
    let wanted = std::env::var(variable).ok();
    wanted.map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{variable}: {text}")))
}

/// G-001, G-002, G-004, G-007. `TOXSCOPE_WORLDS` are made in each profile, or a few, with at most
/// `TOXSCOPE_MEMBERS`; the first has the seed `TOXSCOPE_SEED`. `TOXSCOPE_PROFILES` names other profiles.
#[test]
fn random_worlds_heal_after_a_split() {
    let first = wanted("TOXSCOPE_SEED", 0);
    let worlds = wanted("TOXSCOPE_WORLDS", 8);
    let most = usize::try_from(wanted("TOXSCOPE_MEMBERS", 12)).unwrap();
    let profiles = std::env::var("TOXSCOPE_PROFILES");
    let profiles = profiles.unwrap_or_else(|_| "seed hardened ctoxcore".to_owned());
    let mut unhealed = Vec::new();
    for name in profiles.split_whitespace() {
        let profile: Profile = name.parse().unwrap();
        let (mut simulated, mut members, mut slowest): (Nanos, Nanos, Nanos) = (0, 0, 0);
        let mut slow = 0;
        for seed in first..first + worlds {
            match (Split { seed, profile: profile.clone(), most }).run(Watch::swiftly()) {
                Ok(healed) => {
                    simulated += healed.simulated;
                    members += healed.simulated * Nanos::try_from(healed.members).unwrap();
                    slowest = slowest.max(healed.took);
                    slow += u32::from(healed.took > 120 * SECOND);
                }
                Err(why) => unhealed.push(format!(
                    "{why}: TOXSCOPE_SEED={seed} TOXSCOPE_WORLDS=1 TOXSCOPE_MEMBERS={most} \
                     TOXSCOPE_PROFILES={name}"
                )),
            }
        }
        let [simulated, members] = [simulated, members].map(|it| it / (3600 * SECOND));
        println!(
            "{name}: {worlds} worlds, {simulated} conference-hours, {members} member-hours; {slow} took \
             longer than 120 s to agree, the slowest {} s",
            slowest / SECOND
        );
    }
    assert!(unhealed.is_empty(), "{unhealed:#?}");
}

/// Q-06 in little: G-001, G-004, G-005, G-007, G-010. What an example does for hours, and the same again: the
/// same bytes at the same moments (O-014).
#[test]
fn conferences_endure_and_do_so_again() {
    for (members, seed) in [(2, 1), (3, 2), (5, 3), (8, 4)] {
        let ordeal = Ordeal { seed, members, lasts: 3600 * SECOND };
        let [first, second] = [Watch::closely(), Watch::swiftly()].map(|watch| ordeal.run(watch));
        let (first, second) = (first.unwrap(), second.unwrap());
        assert!(!first.merges.is_empty());
        assert_eq!(first, second, "{members} members");
        let other = Ordeal { seed: seed + 100, ..ordeal }.run(Watch::swiftly()).unwrap();
        assert_ne!(first.digest, other.digest);
    }
}

/// A conference that falls into two parts, and the two who then become friends.
struct Start {
    /// Equal numbers for members of the same part.
    part: Vec<usize>,
    /// Who is a friend of whom before.
    friends: Vec<(usize, usize)>,
    bridge: (usize, usize),
}

/// All starts with so many members: every graph on them that has two components, and every pair of one
/// member of each.
fn starts(members: usize) -> Vec<Start> {
    let pairs: Vec<(usize, usize)> =
        (0..members).flat_map(|high| (0..high).map(move |low| (low, high))).collect();
    let mut starts = Vec::new();
    for graph in 0..1_u32 << pairs.len() {
        let chosen = pairs.iter().enumerate().filter(|(place, _)| graph & (1 << place) != 0);
        let friends: Vec<(usize, usize)> = chosen.map(|(_, pair)| *pair).collect();
        // Everybody has the number of the first one that friendships lead to.
        let mut part: Vec<usize> = (0..members).collect();
        for (low, high) in &friends {
            let (from, to) = (part[*low].max(part[*high]), part[*low].min(part[*high]));
            part.iter_mut().filter(|it| **it == from).for_each(|it| *it = to);
        }
        if part.iter().collect::<BTreeSet<_>>().len() == 2 {
            let across = pairs.iter().filter(|(low, high)| part[*low] != part[*high]);
            let (part, friends) = (&part, &friends);
            starts.extend(across.map(|bridge| Start {
                part: part.clone(),
                friends: friends.clone(),
                bridge: *bridge,
            }));
        }
    }
    starts
}

impl Start {
    /// How long it takes until all agree, if all but the two who become friends have that profile.
    fn merges(&self, seed: u64, others: &Profile) -> Result<Nanos, &'static str> {
        let bridge = [self.bridge.0, self.bridge.1];
        let is_bridge = |place: &usize| bridge.contains(place);
        let profiles: Vec<Profile> = (0..self.part.len())
            .map(|place| if is_bridge(&place) { Profile::seed() } else { others.clone() })
            .collect();
        let mut all = Gathering::strangers(seed, Network::default(), Watch::closely(), &profiles);
        let [one, other] = bridge.map(|place| all.id(place));
        self.friends.iter().for_each(|(low, high)| all.world.befriend(all.id(*low), all.id(*high)));
        all.world.befriend(one, other);
        let everybody = all.members.clone();
        // Old releases create conferences that do not persist.
        all.members.swap(0, bridge[0]);
        if !all.form(ConferenceType::TEXT) {
            return Err("somebody did not get in");
        }
        let limit = all.world.now() + 120 * SECOND;
        if !all.wait_until(limit, |all| all.see_each_other(&everybody)) {
            return Err("no agreement before");
        }
        all.world.run_for(20 * SECOND);
        let _ = all.world.remove_friend(one, other);
        let _ = all.world.remove_friend(other, one);
        let is_first = |who: &MemberId| self.part[who.index()] == self.part[bridge[0]];
        let (inside, outside): (Vec<_>, Vec<_>) = everybody.iter().copied().partition(is_first);
        let parts = [inside, outside];
        all.split(&parts);
        all.world.run_for(110 * SECOND);
        let or_forgotten = |all: &Gathering, why| {
            if everybody.iter().any(|who| has_forgotten_all(all, *who)) { FORGOTTEN } else { why }
        };
        if !parts.iter().all(|part| all.see_each_other(part) && all.is_whole(part)) {
            return Err(or_forgotten(&all, "the parts are not two"));
        }
        all.heal();
        all.world.befriend(one, other);
        let healed = all.world.now();
        let merged = |all: &Gathering| all.see_each_other(&everybody) && all.is_whole(&everybody);
        if !all.wait_until(healed + 120 * SECOND, merged) {
            return Err(or_forgotten(&all, "not merged after 120 s"));
        }
        all.finding().map_or(Ok(all.world.now() - healed), |_| Err("an invariant does not hold"))
    }
}

/// Somebody without a slot and without anybody in its lists, whom only an invitation brings back.
const FORGOTTEN: &str = "somebody forgot everybody";

fn has_forgotten_all(all: &Gathering, who: MemberId) -> bool {
    all.group(who).is_some_and(|it| {
        it.active().len() == 1 && it.frozen().is_empty() && it.slots().next().is_none()
    })
}

/// G-004, from every start with two parts and at most `TOXSCOPE_MEMBERS` members (4): if all are of the
/// reference, and if all but the two who become friends are of before persistent conferences. Of six,
/// such an old member forgets everybody in some starts (`docs/divergences.md`), and nothing else fails.
#[test]
fn two_parts_merge_from_every_start() {
    let most = usize::try_from(wanted("TOXSCOPE_MEMBERS", 4)).unwrap();
    for others in ["seed", "hardened", "legacy"] {
        let others: Profile = others.parse().unwrap();
        let (mut count, mut slowest) = (0, 0);
        let mut failed = BTreeMap::<&str, Vec<String>>::new();
        for start in (2..=most).flat_map(starts) {
            count += 1;
            match start.merges(count, &others) {
                Ok(took) => slowest = slowest.max(took),
                Err(why) => failed.entry(why).or_default().push(format!(
                    "{count}: {} members, friends {:?}, then {:?}",
                    start.part.len(),
                    start.friends,
                    start.bridge
                )),
            }
        }
        println!("{others}: {count} starts, the slowest merge {} s", slowest / SECOND);
        assert_eq!(count, [1, 7, 67, 1067, 28_907][most - 2]);
        for (why, starts) in &failed {
            println!("{why}: {}, such as {:?}", starts.len(), &starts[..starts.len().min(3)]);
        }
        let forgotten = failed.remove(FORGOTTEN).map_or(0, |starts| starts.len());
        assert!(failed.is_empty());
        let known = if most == 6 && others == Profile::legacy() { 605 } else { 0 };
        assert_eq!(forgotten, known, "starts in which {FORGOTTEN}");
    }
}

/// What everybody sent, as the endpoints gave it out.
#[derive(Clone, Debug, Default)]
struct Traffic(Vec<(MemberId, MemberId, Vec<u8>)>);

impl Observer for Traffic {
    fn sent(&mut self, sent: &Sent<'_>) {
        self.0.push((sent.from, sent.to, sent.bytes.to_vec()));
    }
}

/// G-015, G-016: once nothing changes any more, nobody asks anything, and all that is sent are pings:
/// three a minute of each member, none of which crosses a pair of slots more often than four times.
#[test]
fn without_anything_to_say_there_are_only_pings() {
    for (count, profile) in
        [(2, "seed"), (5, "seed"), (12, "hardened"), (12, "ctoxcore"), (12, "spec")]
    {
        let observer = (Watch::swiftly(), Traffic::default());
        let mut world = World::observed(5, Network::default(), observer);
        let ids: Vec<MemberId> = (0..count)
            .map(|_| {
                let (profile, clock) = (profile.parse().unwrap(), Clock::default());
                world.enter(Newcomer { profile, name: b"x", clock, seals: false })
            })
            .collect();
        ids.iter().skip(1).for_each(|who| world.befriend(ids[0], *who));
        world.gather(ConferenceType::TEXT, &ids).unwrap();
        world.run_for(300 * SECOND);
        world.observer_mut().1.0.clear();
        world.run_for(60 * SECOND);
        let mut pings = BTreeMap::<Vec<u8>, BTreeMap<(MemberId, MemberId), u32>>::new();
        for (from, to, bytes) in &world.observer().1.0 {
            assert_eq!((bytes[0], bytes.get(9)), (0x63, Some(&0)), "{profile}: {bytes:02x?}");
            let pair = (*from.min(to), *from.max(to));
            *pings.entry(bytes[3..9].to_vec()).or_default().entry(pair).or_default() += 1;
        }
        let expected = 3 * ids.len();
        assert!(pings.len().abs_diff(expected) <= ids.len(), "{} of {expected}", pings.len());
        let most = pings.values().flat_map(BTreeMap::values).max();
        assert!(most.is_some_and(|most| *most <= 4), "{profile}: {most:?}");
        assert!(world.observer().0.finding().is_none());
    }
}

/// An endpoint of that key which knows all the others, and whom it finds closest.
fn closest(keys: &[PublicKey], own: PublicKey) -> BTreeSet<PublicKey> {
    let (at, mut dice) = (crate::simulate::timestamp(0), SeededDice::new(1));
    let mut endpoint = Endpoint::new(Profile::seed(), own, own, b"");
    let friend = PublicKey([0xee; 32]);
    endpoint.step(Input::Request { at, request: Request::AddFriend(friend) }, &mut dice);
    endpoint.step(Input::ConnectionUp { at, friend, dht_key: friend }, &mut dice);
    let create = Request::Create(ConferenceType::TEXT);
    endpoint.step(Input::Request { at, request: create }, &mut dice);
    let group_number = GroupNumber(0);
    let mine = endpoint.group(group_number).unwrap();
    let (conference, own_number) = (mine.conference(), mine.own_number().unwrap());
    let mut packets = vec![Packet::Online(Online { group_number, conference })];
    let accepted = InviteAccepted { group_number, receiver_group_number: group_number, conference };
    packets.push(Packet::InviteAccepted(accepted));
    let entries: Vec<Vec<u8>> = (0..)
        .map(PeerNumber)
        .filter(|number| *number != own_number)
        .zip(keys.iter().filter(|key| **key != own))
        .map(|(peer_number, real_key)| {
            let mut entry = Vec::new();
            let (real_key, dht_key) = (*real_key, *real_key);
            PeerEntry { peer_number, real_key, dht_key, name: b"" }.emit(&mut entry);
            entry
        })
        .collect();
    let response = |entries| Packet::PeerResponse(PeerResponse { group_number, entries });
    packets.extend(entries.iter().map(|entries| response(entries)));
    let mut bytes = Vec::new();
    for packet in packets {
        bytes.clear();
        packet.emit(&mut bytes);
        endpoint.step(Input::Packet { at, friend, bytes: &bytes }, &mut dice);
    }
    // The friend, who is one of the members to it, leaves for good.
    let number = endpoint.group(group_number).unwrap().peer(&friend).unwrap().number;
    bytes.clear();
    let body = MessageBody::KillPeer(KillPeer { killed_peer_number: number });
    let message_number = MessageNumber(1);
    let message = GroupMessage { group_number, peer_number: number, message_number, body };
    Packet::Message(message).emit(&mut bytes);
    endpoint.step(Input::Packet { at, friend, bytes: &bytes }, &mut dice);
    endpoint.step(Input::Tick { at }, &mut dice);
    let group = endpoint.group(group_number).unwrap();
    assert_eq!(group.active().len(), keys.len());
    group.closest().copied().collect()
}

/// All are joined, without one of them.
fn is_connected(
    graph: &BTreeMap<PublicKey, BTreeSet<PublicKey>>,
    without: Option<PublicKey>,
) -> bool {
    let inside = |key: &PublicKey| Some(*key) != without;
    let mut waiting: Vec<PublicKey> = graph.keys().copied().filter(inside).take(1).collect();
    let mut reached = BTreeSet::new();
    while let Some(key) = waiting.pop() {
        if reached.insert(key) {
            waiting.extend(graph[&key].iter().copied().filter(inside));
        }
    }
    reached.len() == graph.keys().copied().filter(inside).count()
}

/// G-003: among those who know each other, closeness is mutual, all are joined by it, whoever leaves,
/// and everybody has four neighbours, or all others if there are no more.
#[test]
fn the_ring_is_whole_whoever_leaves() {
    let mut chance = Chance::new(3);
    for count in [2, 3, 4, 5, 6, 7, 8, 9, 17, 40, 200] {
        let keys: Vec<PublicKey> = (0..count).map(|_| PublicKey(chance.bytes())).collect();
        let graph: BTreeMap<_, _> = keys.iter().map(|key| (*key, closest(&keys, *key))).collect();
        for (key, others) in &graph {
            assert_eq!(others.len(), (count - 1).min(4), "{count}");
            assert!(others.iter().all(|other| graph[other].contains(key)), "{count}: mutual");
        }
        assert!(is_connected(&graph, None));
        assert!(keys.iter().all(|key| is_connected(&graph, Some(*key))), "{count}: without one");
    }
}
