//! Programs that we did not write and libraries that we did not build, under the logger: two
//! bootstrap daemons, two clients over libtoxcore, and toxic in a terminal. All of it on loopback.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends where its expectations do; helpers are part of it"
)]

mod common;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{Bench, Log, built, cc, logger, shared_library, skipped};

/// A UDP port that nobody has at this moment.
fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Waits for something that happens within a minute.
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{what} did not come in a minute");
        sleep(Duration::from_millis(50));
    }
}

/// A program, ended when it goes.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program in `PATH`, or a loud word that it is not there.
fn installed(test: &str, program: &str, package: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/bin"].map(PathBuf::from));
    let found = dirs.map(|dir| dir.join(program)).find(|path| path.exists());
    if found.is_none() {
        skipped(test, &format!("{program} is not installed (Debian: {package})"));
    }
    found
}

/// The keys that both logs have, with the public keys swapped: (first log's, second log's, key).
fn agreed(first: &Log, second: &Log) -> BTreeSet<(String, String, String)> {
    let pairs = |log: &Log| -> Vec<Vec<String>> {
        log.shared().iter().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
    };
    let (first, second) = (pairs(first), pairs(second));
    let mut agreed = BTreeSet::new();
    for a in &first {
        for b in &second {
            if a[1] == b[2] && a[2] == b[1] {
                assert_eq!(a[3], b[3], "both sides derive the same key");
                agreed.insert((a[1].clone(), a[2].clone(), a[3].clone()));
            } else {
                assert!(a[3] != b[3] || a == b, "one key, two pairs: {a:?} {b:?}");
            }
        }
    }
    agreed
}

/// Every nonce belongs to a key whose derivation was logged before it.
fn assert_nonces_follow_their_keys(log: &Log) {
    let mut keys = BTreeSet::new();
    for line in &log.lines {
        let fields: Vec<&str> = line.split(' ').collect();
        match fields[0] {
            "SHARED" => assert!(keys.insert(fields[3]) || log.lines.contains(line)),
            "NONCE" => assert!(keys.contains(fields[1]), "{line}"),
            _ => {}
        }
    }
}

// ---------------------------------------------------------------------------------------------

struct Daemon {
    bench: Bench,
    port: u16,
    program: PathBuf,
}

impl Daemon {
    fn new(program: &Path) -> Self {
        Self { bench: Bench::new(), port: free_port(), program: program.to_path_buf() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.bench.dir.path().join(name)
    }

    /// Starts the daemon, with the other one as its bootstrap node.
    fn start(&self, other: Option<(u16, &str)>) -> Running {
        let nodes = other.map_or(String::new(), |(port, key)| {
            format!("({{ address = \"127.0.0.1\" port = {port} public_key = \"{key}\" }})")
        });
        let nodes = if nodes.is_empty() { nodes } else { format!("bootstrap_nodes = {nodes}") };
        let config = format!(
            "port = {}\nkeys_file_path = \"{}\"\npid_file_path = \"{}\"\nenable_ipv6 = false\n\
             enable_ipv4_fallback = true\nenable_lan_discovery = false\nenable_tcp_relay = false\n\
             enable_motd = false\n{nodes}\n",
            self.port,
            self.path("key").display(),
            self.path("pid").display(),
        );
        std::fs::write(self.path("conf"), config).unwrap();
        let arguments = ["--foreground", "--log-backend", "stdout", "--config"];
        let mut command = self.bench.command(&self.program, &arguments);
        command.arg(self.path("conf")).stdout(Stdio::null()).stderr(Stdio::piped());
        Running(command.spawn().unwrap())
    }

    /// The public key, which the daemon puts first into its key file.
    fn public_key(&self) -> String {
        wait_for("the key file of tox-bootstrapd", || {
            let key = std::fs::read(self.path("key")).ok().filter(|key| key.len() == 64)?;
            Some(hex(&key[..32]))
        })
    }
}

#[test]
fn two_bootstrap_daemons_log_the_same_key_with_their_public_keys_swapped() {
    let test = "two bootstrap daemons";
    let Some(program) = installed(test, "tox-bootstrapd", "toxcore-utils") else { return };
    let (ann, bob) = (Daemon::new(&program), Daemon::new(&program));
    // A first start makes Ann's key pair.
    drop((ann.start(None), ann.public_key()));
    std::fs::remove_file(&ann.bench.log).unwrap();
    let bobs = bob.start(Some((ann.port, &ann.public_key())));
    let anns = ann.start(Some((bob.port, &bob.public_key())));

    let pair = (ann.public_key(), bob.public_key());
    let both = wait_for("a key in both logs", || {
        let logs = (Log::read_if_whole(&ann.bench.log)?, Log::read_if_whole(&bob.bench.log)?);
        let both = agreed(&logs.0, &logs.1);
        both.iter().any(|(a, b, _)| (a, b) == (&pair.0, &pair.1)).then_some(both)
    });
    sleep(Duration::from_secs(2));
    drop((anns, bobs));
    let logs = (ann.bench.log(), bob.bench.log());
    for log in [&logs.0, &logs.1] {
        log.assert_no_line_twice();
        assert_nonces_follow_their_keys(log);
    }
    // Packets of the DHT have random nonces: one line in each direction.
    let (_, _, key) = both.iter().find(|(a, ..)| *a == pair.0).unwrap();
    let nonces = logs.0.nonces().iter().filter(|line| line.contains(key.as_str())).count();
    assert!((1..=2).contains(&nonces), "{nonces} NONCE lines");
}

// ---------------------------------------------------------------------------------------------

struct Peer {
    bench: Bench,
    running: Running,
    port: u16,
    real: String,
    dht: String,
    said: BufReader<std::process::ChildStdout>,
}

impl Peer {
    fn start(program: &Path) -> Self {
        let (bench, port) = (Bench::new(), free_port());
        let mut command = bench.command(program, &[&port.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let mut peer = Self {
            bench,
            running: Running(child),
            port,
            real: String::new(),
            dht: String::new(),
            said,
        };
        peer.real = peer.hear("real ");
        peer.dht = peer.hear("dht ");
        peer
    }

    fn hear(&mut self, name: &str) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        line.trim().strip_prefix(name).unwrap_or_else(|| panic!("{name}: {line:?}")).to_owned()
    }

    fn meet(&mut self, other: &Self) {
        let mut stdin = self.running.0.stdin.take().unwrap();
        writeln!(stdin, "{} {} {}", other.real, other.dht, other.port).unwrap();
    }
}

#[test]
fn two_clients_over_libtoxcore_log_all_that_their_session_needs() {
    let test = "two clients over libtoxcore";
    let Some(toxcore) = shared_library(&["libtoxcore.so.2"]) else {
        return skipped(test, "no libtoxcore.so.2 here (Debian: libtoxcore2)");
    };
    let program = built().join("peer");
    let dir = toxcore.parent().unwrap();
    let rpath = format!("-Wl,-rpath-link,{}", dir.display());
    cc("peer.c", &program, &[toxcore.to_str().unwrap(), &rpath]);

    let (mut ann, mut bob) = (Peer::start(&program), Peer::start(&program));
    ann.meet(&bob);
    bob.meet(&ann);
    for peer in [&mut ann, &mut bob] {
        assert_eq!(peer.hear("received "), "20");
        assert!(peer.running.0.wait().unwrap().success());
    }
    let logs = (ann.bench.log(), bob.bench.log());
    for log in [&logs.0, &logs.1] {
        log.assert_no_line_twice();
        assert_nonces_follow_their_keys(log);
    }
    let both = agreed(&logs.0, &logs.1);
    let pair =
        |a: &str, b: &str| both.iter().any(|pair| (pair.0.as_str(), pair.1.as_str()) == (a, b));
    assert!(pair(&ann.real, &bob.real), "the key of the handshakes");
    assert!(pair(&ann.dht, &bob.dht), "the key of the cookies");
    // The session is the pair of keys that are neither's long-term or DHT key and count.
    let known = [&ann.real, &bob.real, &ann.dht, &bob.dht];
    let sessions: Vec<_> =
        both.iter().filter(|(a, b, _)| !known.contains(&a) && !known.contains(&b)).collect();
    assert!(!sessions.is_empty(), "the key of the session");
    // Both directions begin with the base nonce: what one side sealed first, the other opened first.
    let first_nonces = |log: &Log, key: &str| -> BTreeSet<String> {
        let lines = log.nonces();
        lines.iter().filter(|line| line.contains(key)).map(|line| line[71..].to_owned()).collect()
    };
    assert!(sessions.iter().any(|(_, _, key)| {
        let (anns, bobs) = (first_nonces(&logs.0, key), first_nonces(&logs.1, key));
        anns.len() == 2 && anns == bobs
    }));
}

// ---------------------------------------------------------------------------------------------

/// Runs in a network of its own, where there is nothing but loopback.
const TOXIC: &str = r#"
set -e
ip link set lo up
cd "$DIR"
TOX_LOG_KEYS="$DIR/daemon.keys" LD_PRELOAD="$LOGGER" \
    tox-bootstrapd --foreground --log-backend stdout --config "$DIR/conf" >daemon.out 2>&1 &
daemon=$!
tmux -S "$DIR/tmux" -f /dev/null new-session -d -x 100 -y 30 \
    "env HOME='$DIR' TOX_LOG_KEYS='$DIR/toxic.keys' LD_PRELOAD='$LOGGER' \
     toxic -4 -L -f '$DIR/toxic.data' -n '$DIR/nodes.json' 2>toxic.err"
# It asks whether to encrypt its new profile: no.
for second in 1 2 3 4 5; do
    sleep 1
    tmux -S "$DIR/tmux" capture-pane -p | grep -q 'encrypt it' && break
done
tmux -S "$DIR/tmux" send-keys n Enter
for second in $(seq 40); do
    sleep 1
    test "$(grep -c '^NONCE' toxic.keys)" -gt 5 && test "$(grep -c '^NONCE' daemon.keys)" -gt 5 && break
done
tmux -S "$DIR/tmux" capture-pane -p >screen
tmux -S "$DIR/tmux" send-keys /quit Enter
sleep 1
tmux -S "$DIR/tmux" kill-server || true
kill $daemon
wait $daemon || true
"#;

#[test]
fn toxic_and_a_bootstrap_daemon_log_the_same_keys() {
    let test = "toxic in a terminal";
    let packages = [
        ("toxic", "toxic"),
        ("tox-bootstrapd", "toxcore-utils"),
        ("tmux", "tmux"),
        ("unshare", "util-linux"),
        ("ip", "iproute2"),
    ];
    if packages.iter().any(|(program, package)| installed(test, program, package).is_none()) {
        return;
    }
    let network = if common::is_root() { "-n" } else { "-rn" };
    let may = Command::new("unshare").args([network, "true"]).output().unwrap().status.success();
    if !may {
        return skipped(test, "a network of its own is not permitted here");
    }
    let daemon = Daemon::new(&installed(test, "tox-bootstrapd", "toxcore-utils").unwrap());
    // Writes the configuration and makes the key pair.
    drop((daemon.start(None), daemon.public_key()));
    let dir = daemon.bench.dir.path();
    let nodes = format!(
        r#"{{"last_scan":4102444800,"last_refresh":4102444800,"nodes":[{{"ipv4":"127.0.0.1","ipv6":"-","port":{},"tcp_ports":[{}],"public_key":"{}","maintainer":"-","location":"-","status_udp":true,"status_tcp":true,"version":"1","motd":"-","last_ping":4102444800}}]}}"#,
        daemon.port,
        daemon.port,
        daemon.public_key().to_uppercase(),
    );
    std::fs::write(dir.join("nodes.json"), nodes).unwrap();
    let out = Command::new("unshare")
        .args([network, "sh", "-c", TOXIC])
        .env("DIR", dir)
        .env("LOGGER", logger())
        .env_remove("TMUX")
        .output()
        .unwrap();
    let screen = std::fs::read_to_string(dir.join("screen")).unwrap_or_default();
    assert!(out.status.success(), "{}\n{screen}", String::from_utf8_lossy(&out.stderr));
    assert!(screen.contains("Toxic User"), "{screen}");
    assert_eq!(std::fs::read_to_string(dir.join("toxic.err")).unwrap(), "");
    let (toxic, daemons) =
        (Log::read(&dir.join("toxic.keys")), Log::read(&dir.join("daemon.keys")));
    for log in [&toxic, &daemons] {
        log.assert_no_line_twice();
        assert_nonces_follow_their_keys(log);
    }
    let both = agreed(&toxic, &daemons);
    assert!(both.iter().any(|(_, daemons, _)| *daemons == daemon.public_key()), "{both:?}");
}
