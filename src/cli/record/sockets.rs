//! Which sockets are a program's, as `/proc` tells: those of its processes and of all that they start.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use crate::capture::Ends;

/// For how long a socket that is gone is still the program's: what it sent last may be on its way.
const AFTERLIFE: Duration = Duration::from_secs(5);

/// Sockets, seen at least once.
pub(super) struct Sockets {
    /// The processes, by number, with the time they began at, since numbers are used again.
    processes: BTreeMap<u32, u64>,
    /// Protocol and local end; when it was seen last.
    seen: HashMap<(bool, SocketAddr), Instant>,
    /// The addresses of this machine.
    here: HashSet<IpAddr>,
    /// Where the system does not tell whose sockets are: those of this user that were not there before.
    user: u32,
    before: HashSet<u64>,
    /// Whether it had to come to that.
    pub(super) is_by_user: bool,
}

/// A line of a table in `/proc/net`.
struct Entry {
    is_tcp: bool,
    local: SocketAddr,
    user: u32,
    inode: u64,
}

impl Sockets {
    /// Nobody's yet; to be called before the program of that user is started.
    pub(super) fn before(user: u32) -> Self {
        let before = entries().into_iter().map(|entry| entry.inode).collect();
        Self {
            processes: BTreeMap::new(),
            seen: HashMap::new(),
            here: HashSet::new(),
            user,
            before,
            is_by_user: false,
        }
    }

    /// The program has started as this process.
    pub(super) fn follow(&mut self, process: u32) {
        if let Some(stat) = Stat::of(process) {
            self.processes.insert(process, stat.began);
        }
    }

    /// The program's processes as they were seen last.
    pub(super) fn processes(&self) -> impl Iterator<Item = u32> {
        self.processes.keys().copied()
    }

    /// How many sockets there were.
    pub(super) fn count(&self) -> usize {
        self.seen.len()
    }

    /// Looks at what there is now.
    pub(super) fn look(&mut self, now: Instant) {
        self.look_for_processes();
        let mut inodes = HashSet::new();
        for process in self.processes.keys() {
            let found = descriptors(*process, &mut inodes);
            self.is_by_user |=
                found.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
        }
        for Entry { is_tcp, local, user, inode } in entries() {
            let is_theirs = inodes.contains(&inode)
                || (self.is_by_user && user == self.user && !self.before.contains(&inode));
            if is_theirs && local.port() != 0 {
                self.seen.insert((is_tcp, local), now);
            }
        }
        self.here = addresses();
    }

    fn look_for_processes(&mut self) {
        let all: BTreeMap<u32, Stat> = fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(|process| Some((process, Stat::of(process)?)))
            .collect();
        self.processes.retain(|process, began| {
            all.get(process).is_some_and(|stat| stat.began == *began && !stat.is_dead)
        });
        // A child may have a lower number than its parent.
        loop {
            let children = all.iter().filter(|(process, stat)| {
                !stat.is_dead
                    && !self.processes.contains_key(process)
                    && self.processes.contains_key(&stat.parent)
            });
            let children: Vec<_> = children.map(|(process, stat)| (*process, stat.began)).collect();
            if children.is_empty() {
                return;
            }
            self.processes.extend(children);
        }
    }

    /// Whether one of the sockets sent it or receives it.
    pub(super) fn own(&self, ends: &Ends, at: Instant) -> bool {
        let Ends { is_tcp, from, to, .. } = *ends;
        self.has(is_tcp, from, at, false) || self.has(is_tcp, to, at, true)
    }

    fn has(&self, is_tcp: bool, end: SocketAddr, at: Instant, is_receiver: bool) -> bool {
        let is_bound = |ip: IpAddr| {
            let seen = self.seen.get(&(is_tcp, SocketAddr::new(ip, end.port())));
            seen.is_some_and(|seen| *seen + AFTERLIFE >= at)
        };
        let ip = end.ip();
        if is_bound(ip) {
            return true;
        }
        let is_here = ip.is_loopback()
            || self.here.contains(&ip)
            || (is_receiver && (ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST)));
        // A socket of IPv6 may take IPv4, too.
        is_here
            && (is_bound(Ipv6Addr::UNSPECIFIED.into())
                || (ip.is_ipv4() && is_bound(Ipv4Addr::UNSPECIFIED.into())))
    }
}

/// What matters of `/proc/PID/stat`.
struct Stat {
    parent: u32,
    began: u64,
    is_dead: bool,
}

impl Stat {
    fn of(process: u32) -> Option<Self> {
        Self::parse(&fs::read(format!("/proc/{process}/stat")).ok()?)
    }

    /// The second field is the program's name in parentheses, and may hold anything.
    fn parse(stat: &[u8]) -> Option<Self> {
        let end = stat.iter().rposition(|byte| *byte == b')')?;
        let mut fields = std::str::from_utf8(stat.get(end + 1..)?).ok()?.split_ascii_whitespace();
        let is_dead = matches!(fields.next()?, "Z" | "X");
        let parent = fields.next()?.parse().ok()?;
        Some(Self { parent, began: fields.nth(17)?.parse().ok()?, is_dead })
    }
}

/// Adds the numbers of the sockets that a process has open.
fn descriptors(process: u32, inodes: &mut HashSet<u64>) -> io::Result<()> {
    for entry in fs::read_dir(format!("/proc/{process}/fd"))? {
        let Ok(target) = fs::read_link(entry?.path()) else { continue };
        let inode: Option<u64> = target
            .to_str()
            .and_then(|target| target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
        inodes.extend(inode);
    }
    Ok(())
}

/// All sockets of UDP and TCP.
fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    for (name, is_tcp) in [("udp", false), ("udp6", false), ("tcp", true), ("tcp6", true)] {
        let table = fs::read_to_string(format!("/proc/self/net/{name}")).unwrap_or_default();
        entries.extend(table.lines().filter_map(|line| entry(line, is_tcp)));
    }
    entries
}

fn entry(line: &str, is_tcp: bool) -> Option<Entry> {
    let mut fields = line.split_ascii_whitespace();
    let local = address(fields.nth(1)?)?;
    let user = fields.nth(5)?.parse().ok()?;
    Some(Entry { is_tcp, local, user, inode: fields.nth(1)?.parse().ok()? })
}

/// An address as words of the machine's byte order, and a port.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let word = u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    let ip: IpAddr = match ip.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let octets: [u8; 16] = words.as_flattened().try_into().ok()?;
            Ipv6Addr::from(octets).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// The addresses of this machine, also those that everybody on a network hears.
fn addresses() -> HashSet<IpAddr> {
    let read = |name: &str| fs::read_to_string(format!("/proc/self/net/{name}"));
    let mut found = v4_addresses(&read("fib_trie").unwrap_or_default());
    found.extend(read("if_inet6").unwrap_or_default().lines().filter_map(v6_address));
    found
}

/// From a tree in which a leaf `|-- ADDRESS` stands above what it is.
fn v4_addresses(tree: &str) -> HashSet<IpAddr> {
    let mut found = HashSet::new();
    let mut leaf = None;
    for line in tree.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse::<Ipv4Addr>().ok();
        } else if line.starts_with("/32 ")
            && (line.ends_with(" LOCAL") || line.ends_with(" BROADCAST"))
        {
            found.extend(leaf.map(IpAddr::V4));
        }
    }
    found
}

fn v6_address(line: &str) -> Option<IpAddr> {
    let bits = u128::from_str_radix(line.split_ascii_whitespace().next()?, 16).ok()?;
    Some(Ipv6Addr::from_bits(bits).into())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    fn ends(is_tcp: bool, from: SocketAddr, to: SocketAddr) -> Ends {
        Ends { is_tcp, from, to, fragment: None }
    }

    #[test]
    fn the_sockets_of_this_very_process_are_found_and_no_others() {
        let mut sockets = Sockets::before(0);
        sockets.follow(std::process::id());
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let wide = UdpSocket::bind("0.0.0.0:0").unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let now = Instant::now();
        sockets.look(now);
        let udp = udp.local_addr().unwrap();
        let wide = SocketAddr::from(([127, 0, 0, 5], wide.local_addr().unwrap().port()));
        let other = SocketAddr::from(([192, 0, 2, 77], 33445));
        assert!(sockets.own(&ends(false, udp, other), now));
        assert!(sockets.own(&ends(false, other, udp), now));
        assert!(sockets.own(&ends(false, wide, other), now));
        assert!(sockets.own(&ends(true, other, tcp.local_addr().unwrap()), now));
        assert!(!sockets.own(&ends(true, udp, other), now), "it is UDP");
        assert!(!sockets.own(&ends(false, other, other), now));
        // Somebody else's machine, though with our port.
        let elsewhere = SocketAddr::new(other.ip(), wide.port());
        assert!(!sockets.own(&ends(false, elsewhere, other), now));
        assert!(!sockets.own(&ends(false, udp, other), now + AFTERLIFE * 2), "it is gone");
        assert!(sockets.processes().any(|process| process == std::process::id()));
    }

    #[test]
    fn tables_of_the_system_are_read() {
        let line = "  12: 0100007F:82A5 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 4711 2 0000000000000000 0";
        let found = entry(line, false).unwrap();
        assert_eq!((found.user, found.inode, found.local.port()), (1000, 4711, 33445));
        if cfg!(target_endian = "little") {
            assert_eq!(found.local.ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
            let mapped = address("0000000000000000FFFF00000100007F:0001").unwrap();
            assert_eq!(mapped, SocketAddr::from(([127, 0, 0, 1], 1)));
        }
        assert!(entry("  sl  local_address rem_address   st", false).is_none());
        let stat =
            Stat::parse(b"7 (a) b) c) S 3 1 1 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 99 0").unwrap();
        assert_eq!((stat.parent, stat.began, stat.is_dead), (3, 99, false));
        let tree = "Local:\n  +-- 0.0.0.0/0\n     |-- 192.0.2.2\n        /32 host LOCAL\n     |-- 192.0.2.255\n        /32 link BROADCAST\n     |-- 192.0.2.0\n        /24 link UNICAST\n";
        let addresses = v4_addresses(tree);
        assert!(addresses.len() == 2 && addresses.contains(&IpAddr::from([192, 0, 2, 255])));
        let v6 = v6_address("fe80000000000000000000000000000a 02 40 20 80 eth0").unwrap();
        assert_eq!(v6.to_string(), "fe80::a");
    }
}
