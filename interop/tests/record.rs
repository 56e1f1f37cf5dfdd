//! `toxscope record` around real programs, in namespaces of their own. Takes root.

#![expect(clippy::indexing_slicing, reason = "a field that is not there is null")]

mod helpers;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use helpers::{Namespace, built, printed, program};
use tempfile::TempDir;

/// The programs where somebody without rights can run them.
struct Bench {
    folder: TempDir,
    inside: Namespace,
}

impl Bench {
    fn new(name: &'static str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(folder.path(), open).expect("ours");
        for program in [
            built("toxscope", "toxscope"),
            built("toxscope-keylog", "libtoxscope_keylog.so"),
            PathBuf::from(program()),
        ] {
            let to = folder.path().join(program.file_name().expect("a file"));
            fs::copy(&program, &to).expect("it is built");
        }
        Self { folder, inside: Namespace::new(name) }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `toxscope record --user nobody -o out.pcapng -- …`
    fn record(&self, words: &[&str]) -> Command {
        let mut command = self.inside.command(&self.at("toxscope"));
        command.args(["record", "--user", "nobody", "--force", "-o"]).arg(self.at("out.pcapng"));
        command.arg("--").args(words).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let Output { status, stdout, stderr } = self.record(words).output().expect("it runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (status.code(), text(stdout), text(stderr))
    }
}

/// Ends with its value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_recorded_client_is_opened_elsewhere_with_no_further_argument() {
    opened_elsewhere("talk", "toxscope-rec-1");
}

#[test]
fn a_client_recorded_behind_a_relay_is_opened_elsewhere_too() {
    opened_elsewhere("tcp", "toxscope-rec-6");
}

/// Records a story, and opens the recording without anything else.
fn opened_elsewhere(story: &str, namespace: &'static str) {
    let bench = Bench::new(namespace);
    // Somebody else's traffic, which is nobody's business.
    let chatter = "while sleep 0.05; do echo none-of-ours > /dev/udp/127.0.0.1/9; done";
    let others = bench.inside.command(Path::new("bash")).args(["-c", chatter]).spawn();
    let others = Running(others.expect("it runs"));
    let (code, _, said) = bench.run(&[
        "./toxscope-interop",
        "play",
        story,
        "--here",
        "--unrecorded",
        "--everything",
        "--out",
        ".",
    ]);
    drop(others);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("can be opened with nothing else"), "{said}");
    assert!(!said.contains("not opened"), "{said}");
    let file = bench.at("out.pcapng");
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
    assert!(!bench.at("out.keys").exists(), "the keys are inside");
    let bytes = fs::read(&file).expect("it is there");
    assert!(!bytes.windows(12).any(|window| window == b"none-of-ours"), "others were recorded");

    // Another machine has this file, and nothing else of ours.
    let elsewhere = TempDir::new().expect("a folder");
    let copy = elsewhere.path().join("copy.pcapng");
    fs::copy(&file, &copy).expect("room");
    let toxscope = built("toxscope", "toxscope");
    let shown = printed(Command::new(toxscope).args(["dissect", "--format", "jsonl"]).arg(&copy));
    let texts: BTreeSet<String> = shown
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .filter_map(|record| Some(record["text"].as_str()?.to_owned()))
        .collect();
    let truth = fs::read_to_string(bench.at(&format!("{story}.truth.jsonl"))).expect("it was told");
    let mut said = 0;
    for line in truth.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        if let (Some("message_sent"), Some(text)) = (line["event"].as_str(), line["text"].as_str())
        {
            assert!(texts.contains(text), "{text} was said, but is not in the recording");
            said += 1;
        }
    }
    assert!(said > 1 && shown.lines().count() > 50, "{said} of {}", shown.lines().count());
}

#[test]
fn a_program_runs_as_its_user_and_ends_as_it_would_alone() {
    let bench = Bench::new("toxscope-rec-2");
    let (code, out, _) = bench.run(&["sh", "-c", "id -u; id -g; echo $HOME; echo no >&2; exit 7"]);
    let lines: Vec<_> = out.lines().collect();
    assert_eq!((code, &lines[..2]), (Some(7), &["65534", "65534"][..]), "{out}");
    assert_ne!(lines[2], "/root");
    assert_eq!(bench.run(&["sh", "-c", "kill -TERM $$"]).0, Some(128 + 15));
    // A program that does not start takes nothing away of an earlier recording.
    let earlier = fs::read(bench.at("out.pcapng")).expect("it was recorded");
    assert_eq!(bench.run(&["./no-such-program"]).0, Some(127));
    assert_eq!(bench.run(&["./libtoxscope_keylog.so.none"]).0, Some(127));
    fs::write(bench.at("data"), "no program").expect("ours");
    let (code, _, said) = bench.run(&["./data"]);
    assert_eq!(code, Some(126), "{said}");
    assert!(fs::read(bench.at("out.pcapng")).expect("it is put back") == earlier);
    fs::remove_file(bench.at("out.pcapng")).expect("ours");
    assert_eq!(bench.run(&["./no-such-program"]).0, Some(127));
    assert!(!bench.at("out.pcapng").exists() && !bench.at("out.keys").exists());

    // A signal for us is one for the program.
    let running = bench.record(&[
        "sh",
        "-c",
        "trap 'echo told; exit 3' TERM; echo up; while :; do sleep 0.1; done",
    ]);
    let mut running = { running }.stdout(Stdio::piped()).spawn().expect("it runs");
    let mut up = [0; 3];
    let mut stdout = running.stdout.take().expect("it is piped");
    std::io::Read::read_exact(&mut stdout, &mut up).expect("it starts");
    let kill = Command::new("kill").args(["-TERM", &running.id().to_string()]).status();
    assert!(kill.expect("it runs").success());
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut stdout, &mut rest).expect("UTF-8");
    assert_eq!((rest.as_str(), running.wait().expect("it ends").code()), ("told\n", Some(3)));
}

#[test]
fn as_root_no_client_is_run() {
    let bench = Bench::new("toxscope-rec-3");
    let mut command = bench.inside.command(&bench.at("toxscope"));
    let output = command.args(["record", "-o"]).arg(bench.at("x.pcapng")).args(["--", "id"]);
    let Output { status, stdout, stderr } =
        output.env_remove("SUDO_UID").output().expect("it runs");
    assert_eq!((status.code(), stdout.len()), (Some(2), 0));
    let said = String::from_utf8_lossy(&stderr);
    assert!(said.contains("--user"), "{said}");
    // With sudo, it is who called it.
    let mut command = bench.inside.command(&bench.at("toxscope"));
    command.args(["record", "-o"]).arg(bench.at("x.pcapng")).args(["--", "id", "-u"]);
    let output = command.env("SUDO_UID", "4711").env("SUDO_GID", "4711").output().expect("it runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "4711\n");
}

#[test]
fn a_client_with_libsodium_inside_is_named_with_what_to_do_instead() {
    let bench = Bench::new("toxscope-rec-4");
    let source = "#include <sodium.h>\n#include <unistd.h>\nint main(void) {\
        unsigned char a[32], b[32], k[32]; if (sodium_init() < 0) return 1; crypto_box_keypair(a, b);\
        if (crypto_box_beforenm(k, a, b)) return 1; usleep(300000); return 0; }\n";
    fs::write(bench.at("static.c"), source).expect("ours");
    let built = Command::new("cc")
        .args(["-o", "static-client", "static.c", "-l:libsodium.a", "-lpthread"])
        .current_dir(bench.folder.path())
        .status();
    assert!(built.expect("cc runs").success(), "it takes libsodium-dev");
    let (code, _, said) = bench.run(&["./static-client"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("static-client has libsodium linked into it statically"), "{said}");
    assert!(said.contains("docs/key-log.md"), "{said}");
    // Nothing is loaded into a program that has no loader.
    let built = Command::new("cc")
        .args(["-static", "-o", "static-client", "static.c", "-l:libsodium.a", "-lpthread"])
        .current_dir(bench.folder.path())
        .status();
    assert!(built.expect("cc runs").success(), "it takes libc6-dev");
    let (_, _, said) = bench.run(&["./static-client"]);
    assert!(said.contains("static-client has libsodium linked into it statically"), "{said}");
}

/// Two people meet over a daemon, one invites the other to a conference; the first one is recorded.
const TOXICS: &str = r#"
cd "$DIR"
tox-bootstrapd --foreground --log-backend stdout --config "$DIR/conf" >daemon.out 2>&1 &
daemon=$!
T="tmux -S $DIR/tmux -f /dev/null"
$T new-session -d -s ann -x 120 -y 40 \
    "$DIR/toxscope record --user nobody -o $DIR/toxic.pcapng -- \
     env HOME=$DIR toxic -4 -f $DIR/ann.data -n $DIR/nodes.json 2>toxic.err; echo ended \$? >code"
$T new-session -d -s bob -x 120 -y 40 "env HOME=$DIR/b toxic -4 -f $DIR/bob.data -n $DIR/nodes.json"
screen() { $T capture-pane -p -J -t $1; }
# Waits until a screen has something.
sees() { for second in $(seq 60); do sleep 1; screen $1 | grep -q "$2" && return; done; }
says() { $T send-keys -t $1 -l "$2"; sleep 0.5; $T send-keys -t $1 Enter; sleep 1; }
for who in ann bob; do
    # It asks whether to encrypt its new profile: no.
    sees $who 'encrypt it'; $T send-keys -t $who n Enter
done
sees bob 'Type "/help"'
key=$(grep -o '[0-9A-F]\{64\}' daemon.out | head -1)
for who in ann bob; do says $who "/connect 127.0.0.1 33500 $key"; done
says bob /myid
id=$(screen bob | tr -d '\n ' | grep -o '[0-9A-F]\{76\}' | head -1)
says ann "/add $id \"hello\""
sees bob 'Friend request with'
says bob '/accept 0'
sees ann 'has come online'
says ann '/conference text'
# Back to the contacts, and into the chat with the only one.
$T send-keys -t ann C-o; sleep 1; $T send-keys -t ann Enter; sleep 1
says ann '/invite 0'; sleep 2
$T send-keys -t bob C-p; sleep 1; $T send-keys -t bob Enter; sleep 1
says bob /join; sleep 5
screen ann >screen.ann; screen bob >screen.bob
for who in ann bob; do says $who /quit; done
for second in $(seq 30); do test -e code && break; sleep 1; done
$T kill-server 2>/dev/null
kill $daemon
wait $daemon
exit 0
"#;

#[test]
fn toxic_is_recorded_in_its_terminal_with_what_opens_its_conference() {
    let bench = Bench::new("toxscope-rec-5");
    let path = bench.folder.path().to_str().expect("UTF-8");
    let conf = format!(
        "port = 33500\nkeys_file_path = \"{path}/daemon-keys\"\npid_file_path = \"{path}/pid\"\n\
         enable_ipv6 = false\nenable_lan_discovery = false\nenable_tcp_relay = false\nenable_motd = false\n"
    );
    fs::write(bench.at("conf"), conf).expect("ours");
    fs::write(bench.at("nodes.json"), "{\"nodes\":[]}").expect("ours");
    let mut script = bench.inside.command(Path::new("bash"));
    script.args(["-c", TOXICS]).envs([("DIR", path), ("TERM", "xterm"), ("LC_ALL", "C.UTF-8")]);
    assert!(script.status().expect("it runs").success());
    let read = |name: &str| fs::read_to_string(bench.at(name)).unwrap_or_default();
    let seen = format!("{}\n{}\n{}", read("toxic.err"), read("screen.ann"), read("screen.bob"));
    assert_eq!(read("code"), "ended 0\n", "{seen}");
    assert!(!bench.at("toxic.keys").exists(), "the keys are inside: {seen}");
    let elsewhere = TempDir::new().expect("a folder");
    let copy = elsewhere.path().join("copy.pcapng");
    fs::copy(bench.at("toxic.pcapng"), &copy).expect("room");
    let mut dissect = Command::new(built("toxscope", "toxscope"));
    let shown = printed(dissect.args(["dissect", "-e", "kind"]).arg(&copy));
    for kind in ["invite", "invite_accepted", "peer_query", "new_peer", "ping"] {
        assert!(shown.lines().any(|line| line == kind), "no {kind}: {shown}\n{seen}");
    }
}
