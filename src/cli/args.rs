//! The command line as data.

#[cfg(target_os = "linux")]
use std::ffi::OsString;
use std::path::PathBuf;
#[cfg(target_os = "linux")]
use std::time::Duration;

use clap::builder::styling::Styles;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::conference::Profile;

/// Wide enough for tables, and the same on every terminal so that help is the same everywhere.
const HELP_WIDTH: usize = 96;

#[derive(Parser)]
#[command(
    name = "toxscope",
    version,
    about = "Says what happened in the encrypted traffic of Tox conferences",
    after_help = "Exit codes: 0 done, 1 findings, 2 usage or input error, 3 internal error.",
    term_width = HELP_WIDTH,
    styles = Styles::plain(),
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) talk: TalkArgs,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Show the packets of a capture, one line per conference packet
    Dissect(DissectArgs),
    /// Count what a capture holds: Tox kinds, sessions opened or not, conferences, peers
    Stats(StatsArgs),
    /// Show one conference packet given as hexadecimal digits: tree, bytes, faults
    Decode(DecodeArgs),
    /// Show packets as they come, and write them to files
    #[cfg(target_os = "linux")]
    Live(Box<LiveArgs>),
    /// Run a client, and record what it sends and receives together with its keys
    #[cfg(target_os = "linux")]
    Record(RecordArgs),
    /// Key logs, and key logs inside captures: show, embed, extract, strip
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Compare what endpoints of a capture sent with what the reference machine sends
    Replay(ReplayArgs),
    /// Show the conferences in a Tox save file, and what of it is damaged
    Save(SaveArgs),
    /// Check captures and save files against the rules of conferences
    Lint(LintArgs),
    /// Write fuzz seeds from captures: packets by kind, and what endpoints lived through
    Corpus(CorpusArgs),
    /// Mutate conference packets of a capture, and seal them again so that receivers open them
    Mutate(MutateArgs),
    /// Send a running client changed conference packets, as a member of its conference
    #[cfg(target_os = "linux")]
    FuzzPeer(Box<FuzzPeerArgs>),
    /// Play a scenario of many endpoints in a network that is cut, heals, and restarts programs
    Simulate(SimulateArgs),
    /// List every field's name, type, unit and meaning
    Fields(FieldsArgs),
    /// Print what makes a shell complete command lines of this program
    Completions {
        /// Which shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Print the manual page, or write those of all commands into a folder
    Man(ManArgs),
}

#[derive(Args)]
pub(super) struct TalkArgs {
    /// Say nothing on standard error but errors
    #[arg(short, long, global = true, help_heading = "Everywhere")]
    pub(super) quiet: bool,
    /// Say more on standard error
    #[arg(short, long, global = true, conflicts_with = "quiet", help_heading = "Everywhere")]
    pub(super) verbose: bool,
    /// When to colour text; NO_COLOR in the environment turns `auto` off
    #[arg(
        long,
        global = true,
        help_heading = "Everywhere",
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = false
    )]
    pub(super) color: When,
}

impl TalkArgs {
    /// Whether text on standard output is coloured.
    pub(super) fn wants_color(&self, is_terminal: bool) -> bool {
        match self.color {
            When::Always => true,
            When::Never => false,
            When::Auto => {
                is_terminal && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty())
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    /// On a terminal
    Auto,
    /// Even into a file or a pipe
    Always,
    /// Not at all
    Never,
}

/// Where a capture and its keys come from.
#[derive(Args, Default)]
pub(super) struct InputArgs {
    /// A pcap or pcapng file, plain or packed with gzip or zstd; `-` for standard input
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) source: SourceArgs,
}

/// How captures are read.
#[derive(Args, Clone, Default)]
pub(super) struct SourceArgs {
    /// A key log; may be given several times, `-` for standard input [default: the file of the
    /// same name that ends in .keys, if there is one, and the keys in the capture itself]
    #[arg(short, long, value_name = "FILE")]
    pub(super) keys: Vec<PathBuf>,
    /// Read pcapng secrets blocks of this type as key logs
    #[arg(long, value_name = "TYPE", value_parser = number)]
    pub(super) secrets_type: Option<u32>,
    /// Bytes that a packed capture may unpack to; K, M, G and T are units of 1024
    #[arg(long, value_name = "BYTES", default_value = "8G", value_parser = size)]
    pub(super) max_decompressed: u64,
    /// Names for people: `NAME` lines as in a key log, or lines with a public key or Tox ID and a name
    #[arg(long, value_name = "FILE")]
    pub(super) names: Vec<PathBuf>,
    /// Only records that this filter wants, such as 'kind == rejoin && group_number == 0'
    /// (docs/filters.md; `toxscope fields`)
    #[arg(short = 'Y', long, value_name = "EXPR")]
    pub(super) filter: Option<String>,
}

#[derive(Args)]
pub(super) struct DissectArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// In which order: as captured, or as the clients handled what they received
    #[arg(long, value_name = "ORDER", default_value = "capture")]
    pub(super) order: RecordOrder,
    #[command(flatten)]
    pub(super) show: ShowArgs,
}

/// Which records to show, and how.
#[derive(Args)]
pub(super) struct ShowArgs {
    /// Every Tox packet, not only those of conferences
    #[arg(short, long)]
    pub(super) all: bool,
    /// How to write records [default: list, or fields with -e]
    #[arg(long, value_name = "FORMAT")]
    pub(super) format: Option<RecordFormat>,
    /// A field to write; may be given several times
    #[arg(short = 'e', long = "field", value_name = "FIELD")]
    pub(super) fields: Vec<String>,
    /// How to write times for people
    #[arg(long, value_name = "STYLE", default_value = "rel")]
    pub(super) time: TimeStyle,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum RecordOrder {
    /// As in the capture
    Capture,
    /// Lossless packets of each session by their numbers; one that overtook another waits for it
    Delivery,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum RecordFormat {
    /// One line each
    List,
    /// A tree of fields with their offsets
    Detail,
    /// The tree and the bytes
    Hex,
    /// JSON objects, one a line
    Jsonl,
    /// The fields named with -e, separated by tabs, below a line with their names
    Fields,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TimeStyle {
    /// Date and time, UTC
    Abs,
    /// Seconds since the first frame
    Rel,
    /// Seconds since the record before
    Delta,
    /// Seconds since 1970
    Epoch,
}

#[derive(Args)]
pub(super) struct StatsArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// How to write the totals
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(super) format: SummaryFormat,
}

#[cfg(target_os = "linux")]
#[derive(Args)]
pub(super) struct LiveArgs {
    /// Where to capture: an interface, or `any`
    #[arg(short, long, value_name = "IFACE")]
    pub(super) interface: Option<String>,
    /// Name the interfaces that there are, and end
    #[arg(long)]
    pub(super) list: bool,
    /// Capture only what this filter wants, in libpcap's language, such as 'udp port 33445'
    #[arg(short = 'f', long, value_name = "BPF")]
    pub(super) capture_filter: Option<String>,
    #[command(flatten)]
    pub(super) device: DeviceArgs,
    /// End after so many packets
    #[arg(short, long, value_name = "N")]
    pub(super) count: Option<u64>,
    /// End after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) duration: Option<Duration>,
    /// Write what is captured to a pcapng file, every frame of it
    #[arg(short, long, value_name = "FILE")]
    pub(super) write: Option<PathBuf>,
    /// Begin a new file (FILE_00001.pcapng, …) once this is reached: filesize:BYTES or duration:SECONDS;
    /// files:N keeps the last N. May be given several times
    #[arg(short = 'b', long = "ring", value_name = "LIMIT", requires = "write", value_parser = ring)]
    pub(super) ring: Vec<RingArg>,
    /// Replace files that exist
    #[arg(long)]
    pub(super) force: bool,
    /// Who to be as soon as the device is open: a name or a number [default: who called sudo, or nobody]
    #[arg(long, value_name = "USER")]
    pub(super) user: Option<String>,
    /// A key log, read again whenever it grows; may be given several times, and need not exist yet
    #[arg(short, long, value_name = "LOG")]
    pub(super) keys: Vec<PathBuf>,
    /// Names for people: `NAME` lines as in a key log, or lines with a public key or Tox ID and a name
    #[arg(long, value_name = "FILE")]
    pub(super) names: Vec<PathBuf>,
    /// Only records that this filter wants, such as 'kind == rejoin && group_number == 0'
    /// (docs/filters.md; `toxscope fields`)
    #[arg(short = 'Y', long, value_name = "EXPR")]
    pub(super) filter: Option<String>,
    #[command(flatten)]
    pub(super) show: ShowArgs,
}

/// How a device is opened.
#[cfg(target_os = "linux")]
#[derive(Args)]
pub(super) struct DeviceArgs {
    /// Bytes to keep of a frame
    #[arg(short, long, value_name = "BYTES", default_value_t = 262_144, value_parser = clap::value_parser!(u32).range(64..=262_144))]
    pub(super) snap_length: u32,
    /// Capture what is meant for other machines, too
    #[arg(short, long)]
    pub(super) promiscuous: bool,
    /// Take each packet the moment it comes, not some hundredths of a second later; costs room in the buffer
    #[arg(long)]
    pub(super) immediate: bool,
    /// Bytes that the system keeps until we take them
    #[arg(short = 'B', long, value_name = "BYTES", default_value = "64M", value_parser = buffer_size)]
    pub(super) buffer: u64,
}

#[cfg(target_os = "linux")]
impl Default for DeviceArgs {
    fn default() -> Self {
        Self { snap_length: 262_144, promiscuous: false, immediate: false, buffer: 64 << 20 }
    }
}

#[cfg(target_os = "linux")]
#[derive(Args)]
pub(super) struct RecordArgs {
    /// The file to write: pcapng with the keys inside, for its owner alone (mode 0600). Until the client has
    /// ended, its keys are in a file beside it that ends in .keys
    #[arg(short, long = "output", value_name = "OUT")]
    pub(super) out: PathBuf,
    /// Where to capture
    #[arg(short, long, value_name = "IFACE", default_value = "any")]
    pub(super) interface: String,
    /// Replace files that exist
    #[arg(long)]
    pub(super) force: bool,
    /// Whose rights the client has, for root: a name or a number [default: who called sudo]
    #[arg(long, value_name = "USER")]
    pub(super) user: Option<String>,
    /// The key logger [default: TOXSCOPE_KEY_LOGGER, or libtoxscope_keylog.so beside this program or in
    /// ../lib/toxscope]
    #[arg(long, value_name = "FILE")]
    pub(super) key_logger: Option<PathBuf>,
    /// Bytes that the system keeps until we take them
    #[arg(short = 'B', long, value_name = "BYTES", default_value = "64M", value_parser = buffer_size)]
    pub(super) buffer: u64,
    /// The client and its arguments
    #[arg(
        value_name = "CMD",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(super) command: Vec<OsString>,
}

/// When a file is full, and how many are kept.
#[cfg(target_os = "linux")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RingArg {
    FileSize(u64),
    Duration(Duration),
    Files(usize),
}

#[derive(Subcommand)]
pub(super) enum KeysCommand {
    /// Say what key logs hold, in files or inside captures, without their secrets
    Show(ShowKeysArgs),
    /// Copy a capture with the keys inside that open it
    ///
    /// The copy is for its owner alone (mode 0600) and holds each precomputed key that opened something,
    /// with its nonces, and the names of people who occur. Secret keys are not copied: what was derived
    /// from them is. Keys that were inside already are treated alike.
    Embed(EmbedArgs),
    /// Write the key logs inside a capture to a file
    Extract(ExtractArgs),
    /// Copy a capture without the key logs and secrets blocks inside it, otherwise byte for byte
    Strip(StripArgs),
}

#[derive(Args)]
pub(super) struct ShowKeysArgs {
    /// Key logs, or captures with key logs inside; `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Print the lines themselves: whoever sees them can read the conversations
    #[arg(long, conflicts_with = "format")]
    pub(super) secrets: bool,
    /// How to write what is found
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(super) format: SummaryFormat,
    /// Read pcapng secrets blocks of this type as key logs
    #[arg(long, value_name = "TYPE", value_parser = number)]
    pub(super) secrets_type: Option<u32>,
    /// Bytes that a packed capture may unpack to; K, M, G and T are units of 1024
    #[arg(long, value_name = "BYTES", default_value = "8G", value_parser = size)]
    pub(super) max_decompressed: u64,
}

/// How a capture is read whose copy is written.
#[derive(Args)]
pub(super) struct ChangeArgs {
    /// Replace the file if it exists
    #[arg(long)]
    pub(super) force: bool,
    /// Bytes that a packed capture may unpack to; K, M, G and T are units of 1024
    #[arg(long, value_name = "BYTES", default_value = "8G", value_parser = size)]
    pub(super) max_decompressed: u64,
}

#[derive(Args)]
pub(super) struct EmbedArgs {
    /// A pcap or pcapng file; a pcap file becomes pcapng
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// A key log; may be given several times [default: as for `dissect`]
    #[arg(short, long, value_name = "LOG")]
    pub(super) keys: Vec<PathBuf>,
    /// The copy; `-` for standard output
    #[arg(short, long = "output", value_name = "OUT")]
    pub(super) out: PathBuf,
    /// Embed every line of the key logs, not only what opens this capture
    #[arg(long)]
    pub(super) all: bool,
    /// With --all: `ID` lines too. Whoever has one can become its owner, for ever
    #[arg(long, requires = "all")]
    pub(super) identities: bool,
    /// Read pcapng secrets blocks of this type as key logs
    #[arg(long, value_name = "TYPE", value_parser = number)]
    pub(super) secrets_type: Option<u32>,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

#[derive(Args)]
pub(super) struct ExtractArgs {
    /// A pcapng file; `-` for standard input
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// The key log, for its owner alone (mode 0600); `-` for standard output
    #[arg(short, long = "output", value_name = "LOG")]
    pub(super) out: PathBuf,
    /// Read pcapng secrets blocks of this type as key logs
    #[arg(long, value_name = "TYPE", value_parser = number)]
    pub(super) secrets_type: Option<u32>,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

#[derive(Args)]
pub(super) struct StripArgs {
    /// A pcap or pcapng file; `-` for standard input
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// The copy; `-` for standard output
    #[arg(short, long = "output", value_name = "OUT")]
    pub(super) out: PathBuf,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

#[derive(Args)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// Follow this endpoint only: its public key, at least four digits of it, its Tox ID or its name
    #[arg(long = "as", value_name = "PEER")]
    pub(super) whom: Option<String>,
    /// What its owner had saved before the capture began: a Tox save file, not encrypted
    #[arg(long, value_name = "SAVE")]
    pub(super) state: Option<PathBuf>,
    /// By whose rules: seed, spec, hardened, ctoxcore, ctoxcore:0.2.N [default: ctoxcore, or
    /// ctoxcore:0.2.10 for endpoints that pass messages back to whom they came from]
    #[arg(long, value_name = "PROFILE")]
    pub(super) profile: Option<Profile>,
    /// Every packet that was sent, and how it was judged
    #[arg(short, long)]
    pub(super) all: bool,
    /// How to write what is found
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: ReplayFormat,
    /// How to write times for people
    #[arg(long, value_name = "STYLE", default_value = "rel")]
    pub(super) time: TimeStyle,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReplayFormat {
    /// Lines for people, and a table
    Text,
    /// A JSON object
    Json,
}

#[derive(Args)]
pub(super) struct CorpusArgs {
    /// A capture: pcap or pcapng, plain or packed; `-` for standard input. Or a Tox save file, of which only
    /// the conferences become seeds
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Where the seeds go: a folder, made if it is not there
    #[arg(short, long, value_name = "DIR")]
    pub(super) out: PathBuf,
    /// How the folder is laid out
    #[arg(long, value_name = "LAYOUT", default_value = "targets")]
    pub(super) layout: CorpusLayout,
    #[command(flatten)]
    pub(super) source: SourceArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CorpusLayout {
    /// A folder for each fuzz target of toxscope
    Targets,
    /// Conference packets, one a file
    Plain,
    /// Datagrams as they were on the wire, one a file, and all that an address received
    Sealed,
    /// A folder for each fuzzer of c-toxcore that takes such seeds
    CToxcore,
}

#[cfg(target_os = "linux")]
#[derive(Args)]
pub(super) struct FuzzPeerArgs {
    /// Where everything goes, for its owner alone: a folder, made if it is not there. It gets capture.pcapng
    /// with the keys inside, packets.jsonl and findings.jsonl
    #[arg(short, long, value_name = "DIR")]
    pub(super) out: PathBuf,
    /// Replace those files if they exist
    #[arg(long)]
    pub(super) force: bool,
    /// A node of the network that the client is in; may be given several times
    #[arg(long, value_name = "HOST:PORT:KEY", conflicts_with = "command")]
    pub(super) bootstrap: Vec<String>,
    /// The client: its Tox ID, or its public key if it has the peer as a friend already
    #[arg(long, value_name = "TOX-ID", conflicts_with = "command")]
    pub(super) friend: Vec<String>,
    /// What the peer does in a second, about
    #[arg(long, value_name = "N", default_value_t = 50, conflicts_with = "command", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) pace: u32,
    /// Decides which packets are changed and how, and who the peer is
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// How many of a hundred conference packets are changed
    #[arg(long, value_name = "PERCENT", default_value = "20", value_parser = percent)]
    pub(super) rate: u32,
    /// Change only conference packets of these numbers, such as 100-200, as packets.jsonl has them
    #[arg(long, value_name = "FROM-TO", value_parser = numbers)]
    pub(super) only: Option<std::ops::RangeInclusive<u64>>,
    /// End after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) duration: Option<Duration>,
    /// End after so many changed packets
    #[arg(long, value_name = "N")]
    pub(super) packets: Option<u64>,
    /// The client's process; that it ends is a finding
    #[arg(long, value_name = "PID")]
    pub(super) target: Option<u32>,
    /// For how long who takes part in a session has to be silent to be a finding
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = seconds)]
    pub(super) silence: Duration,
    /// An address that may be sent to beside loopback, because everything there is yours; may be given
    /// several times
    #[arg(long, value_name = "ADDRESS")]
    pub(super) i_own_this_peer: Vec<std::net::IpAddr>,
    /// By whose rules the client is judged [default: as for `replay`]
    #[arg(long, value_name = "PROFILE")]
    pub(super) profile: Option<Profile>,
    /// The key logger [default: as for `record`]
    #[arg(long, value_name = "FILE")]
    pub(super) key_logger: Option<PathBuf>,
    /// What is preloaded beside it [default: TOXSCOPE_FUZZ_PEER_LIBRARY, or libtoxscope_fuzz_peer.so beside this
    /// program or in ../lib/toxscope]
    #[arg(long, value_name = "FILE")]
    pub(super) library: Option<PathBuf>,
    /// The peer: a client over a shared libtoxcore, and its arguments [default: toxscope-peer beside this program
    /// or in ../lib/toxscope, which talks by itself]
    #[arg(value_name = "CMD", last = true)]
    pub(super) command: Vec<OsString>,
}

#[derive(Args)]
pub(super) struct MutateArgs {
    /// A pcap or pcapng file, plain or packed with gzip or zstd; it is read twice, as its keys are
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) source: SourceArgs,
    /// The mutated capture: pcapng
    #[arg(short, long = "output", value_name = "OUT")]
    pub(super) out: PathBuf,
    /// Decides about all chance: the same file and seed give the same bytes
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// Mutate so many packets
    #[arg(short, long, value_name = "N", value_parser = at_least_one, conflicts_with = "rate")]
    pub(super) count: Option<usize>,
    /// Mutate so many packets of a hundred
    #[arg(long, value_name = "PERCENT", default_value = "10", value_parser = percent)]
    pub(super) rate: u32,
    /// Put the keys that open it inside. Whoever has the file can then read the conversations: it is for its
    /// owner alone (mode 0600)
    #[arg(long)]
    pub(super) embed_keys: bool,
    /// Replace OUT if it exists
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Args)]
pub(super) struct SaveArgs {
    /// A Tox save file, not encrypted; `-` for standard input
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// How to write what is in it
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(super) format: SummaryFormat,
}

#[derive(Args)]
pub(super) struct LintArgs {
    /// Captures, which are read as one, Tox save files, or both; `-` for standard input
    #[arg(value_name = "FILE", required_unless_present = "explain")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) source: SourceArgs,
    /// How to write what is found
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: LintFormat,
    /// The least that makes the exit code 1
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    pub(super) fail_on: FailOn,
    /// Only this diagnostic; may be given several times
    #[arg(long, value_name = "ID")]
    pub(super) only: Vec<String>,
    /// Not this diagnostic; may be given several times
    #[arg(long, value_name = "ID")]
    pub(super) ignore: Vec<String>,
    /// Say what a diagnostic means, and nothing else
    #[arg(long, value_name = "ID", conflicts_with = "files")]
    pub(super) explain: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LintFormat {
    /// A line each, for people
    Text,
    /// JSON objects, one a line
    Jsonl,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit XML, for CI
    Junit,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// What must not be, proven
    Error,
    /// What should not be, or is not quite proven
    Warning,
    /// What is worth knowing
    Note,
}

#[derive(Args)]
pub(super) struct ManArgs {
    /// Write a page for each command into this folder
    #[arg(long, value_name = "FOLDER")]
    pub(super) dir: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct FieldsArgs {
    /// How to write the list
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(super) format: SummaryFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SummaryFormat {
    /// For people
    Table,
    /// For programs
    Json,
}

#[derive(Args)]
pub(super) struct SimulateArgs {
    /// A scenario: a file (`-` for standard input), or the name of one that comes with toxscope
    #[arg(value_name = "SCENARIO", required_unless_present = "list")]
    pub(super) scenario: Option<PathBuf>,
    /// List the scenarios that come with toxscope
    #[arg(long, conflicts_with_all = ["scenario", "format", "all", "write", "seed", "profile"])]
    pub(super) list: bool,
    /// How to write what happens
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: StoryFormat,
    /// Every packet that is sent, and whatever has no effect
    #[arg(short, long)]
    pub(super) all: bool,
    /// Write what members send each other as a pcapng file, with its keys inside
    #[arg(short, long, value_name = "FILE")]
    pub(super) write: Option<PathBuf>,
    /// Replace FILE if it exists
    #[arg(long, requires = "write")]
    pub(super) force: bool,
    /// Decides about all chance: keys, delays, losses; the same seed gives the same bytes
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// Whose rules members follow who have no profile of their own: seed, spec, hardened, legacy,
    /// ctoxcore, ctoxcore:0.2.N [default: the first that the scenario names, or seed]
    #[arg(long, value_name = "PROFILE")]
    pub(super) profile: Option<Profile>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum StoryFormat {
    /// A line each, for people
    Text,
    /// JSON objects, one a line
    Jsonl,
}

#[derive(Args)]
pub(super) struct DecodeArgs {
    /// Hexadecimal digits of a packet, from its id on; spaces and colons are skipped. `@FILE` for
    /// a file with digits or with the packet itself, `-` for standard input
    #[arg(value_name = "HEX", required = true, num_args = 1..)]
    pub(super) packet: Vec<String>,
    /// How to write the packet
    #[arg(long, value_name = "FORMAT", default_value = "hex")]
    pub(super) format: DecodeFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DecodeFormat {
    /// A tree of fields with their offsets
    Detail,
    /// The tree and the bytes
    Hex,
    /// A JSON object
    Jsonl,
}

/// A number, decimal or with `0x`.
fn number(text: &str) -> Result<u32, String> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    }
    .map_err(|_| "a number such as 17 or 0x11 is expected".to_owned())
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("a number of packets such as 20 is expected".to_owned()),
    }
}

/// So many of a hundred, as so many of a million.
fn percent(text: &str) -> Result<u32, String> {
    match text.parse::<f64>() {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to a million"
        )]
        Ok(part) if part > 0.0 && part <= 100.0 => Ok((part * 10_000.0).round() as u32),
        _ => Err("a part of a hundred such as 10 or 0.5 is expected".to_owned()),
    }
}

/// A number of seconds, perhaps with decimals.
#[cfg(target_os = "linux")]
fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || "a number of seconds such as 90 or 0.5 is expected".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

/// A number, or two with a dash between them.
#[cfg(target_os = "linux")]
fn numbers(text: &str) -> Result<std::ops::RangeInclusive<u64>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) if first <= last => Ok(first..=last),
        _ => Err("a number such as 17, or two such as 17-21, is expected".to_owned()),
    }
}

#[cfg(target_os = "linux")]
fn ring(text: &str) -> Result<RingArg, String> {
    let wrong = || "filesize:BYTES, duration:SECONDS or files:N is expected".to_owned();
    let (what, value) = text.split_once(':').ok_or_else(wrong)?;
    match what {
        "filesize" => size(value).map(RingArg::FileSize),
        "duration" => seconds(value).map(RingArg::Duration),
        "files" => match value.parse() {
            Ok(files) if files > 0 => Ok(RingArg::Files(files)),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

/// What libpcap takes for the size of its buffer.
#[cfg(target_os = "linux")]
fn buffer_size(text: &str) -> Result<u64, String> {
    let size = size(text)?;
    if size > 1 << 30 { Err("at most 1G".to_owned()) } else { Ok(size) }
}

/// A number of bytes, perhaps with a unit.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || "a number of bytes such as 500000, 64M or 8G is expected".to_owned();
    let (digits, shift) = match text.char_indices().next_back() {
        Some((at, unit)) if unit.is_ascii_alphabetic() => {
            let shift = match unit.to_ascii_uppercase() {
                'K' => 10,
                'M' => 20,
                'G' => 30,
                'T' => 40,
                _ => return Err(wrong()),
            };
            (text.get(..at).unwrap_or_default(), shift)
        }
        _ => (text, 0),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_have_binary_units() {
        assert_eq!(size("12"), Ok(12));
        assert_eq!(size("64k"), Ok(65_536));
        assert_eq!(size("8G"), Ok(8 << 30));
        for bad in ["", "G", "1P", "-1", "99999999999T", "1é"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
