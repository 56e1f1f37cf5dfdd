//! Whether the other side did what the reference machine would have done.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use super::super::args::{ChangeArgs, EmbedArgs, FuzzPeerArgs, SourceArgs};
use super::super::input::Input;
use super::super::keys;
use super::super::output::{Output, Stop, Talk, say};
use super::station::Counts;
use super::{CAPTURE, KEYS};
use crate::dissect::Item;
use crate::replay::{Difference, DifferenceKind, Options, Replay};
use crate::report::replay_table;
use crate::wire::{Hex, PublicKey};

/// Where a client and the rules part ways (docs/replay.md).
#[derive(Debug, Serialize)]
pub(super) struct Disagreement {
    who: String,
    kind: &'static str,
    rule: &'static str,
    frame: Option<u64>,
    cause: Option<u64>,
    sent_hex: Option<String>,
    expected_hex: Option<String>,
}

impl Disagreement {
    fn of(who: PublicKey, difference: &Difference) -> Self {
        let hex = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| Hex(bytes).to_string());
        Self {
            who: who.to_string(),
            kind: match difference.kind {
                DifferenceKind::Unexplained => "unexplained",
                DifferenceKind::Otherwise => "otherwise",
                DifferenceKind::Missing => "missing",
            },
            rule: difference.rule,
            frame: difference.frame,
            cause: difference.cause,
            sent_hex: hex(&difference.sent),
            expected_hex: hex(&difference.expected),
        }
    }
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = self.who.get(..8).unwrap_or(&self.who);
        write!(f, "{who} and the reference machine disagree: {}, {}", self.kind, self.rule)?;
        for (what, frame) in [("frame", self.frame), ("caused by frame", self.cause)] {
            if let Some(frame) = frame {
                write!(f, ", {what} {frame}")?;
            }
        }
        Ok(())
    }
}

/// What replay says of everybody but the peer.
#[derive(Default)]
pub(super) struct Verdict {
    pub(super) disagreements: Vec<Disagreement>,
    /// How their packets were judged, as `replay` shows it.
    pub(super) table: Vec<u8>,
}

/// Puts the keys into the capture, and replays it.
pub(super) fn judge(
    args: &FuzzPeerArgs,
    folder: &Path,
    counts: &Counts,
    out: &mut Output,
    talk: Talk,
) -> Result<Verdict, Stop> {
    let (capture, log) = (folder.join(CAPTURE), folder.join(KEYS));
    if counts.packets.is_empty() {
        return Ok(Verdict::default());
    }
    let embed = EmbedArgs {
        file: capture.clone(),
        keys: vec![log.clone()],
        out: capture.clone(),
        all: false,
        identities: false,
        secrets_type: None,
        change: ChangeArgs { force: true, max_decompressed: u64::MAX },
    };
    keys::embed(&embed, out, Talk { quiet: true, ..talk })?;
    fs::remove_file(&log).context("cannot remove the key log")?;
    let mut ours = BTreeSet::new();
    let options = Options { profile: args.profile.clone(), only: None, state: None };
    let mut replay = Replay::new(options);
    let input = Input::open_file(&capture, &SourceArgs::default(), out)?;
    let ended = input.each(|item| {
        if let Item::Record(record) = item {
            if counts.own.contains(&record.src) {
                ours.extend(record.from.real_key);
            }
            replay.record(record, &mut |_| {});
        }
        Ok(())
    })?;
    replay.finish(&mut |_| {});
    ended.tell_notes(Talk { quiet: true, ..talk });
    let others: Vec<_> = replay.endpoints().filter(|it| !ours.contains(&it.key)).collect();
    if others.is_empty() {
        say("nobody could be judged: no session was opened");
    }
    let mut verdict = Verdict::default();
    replay_table(&others, replay.left_out(), &mut verdict.table).context("cannot make a table")?;
    for other in others {
        let differences = other.differences.iter();
        verdict.disagreements.extend(differences.map(|it| Disagreement::of(other.key, it)));
    }
    Ok(verdict)
}
