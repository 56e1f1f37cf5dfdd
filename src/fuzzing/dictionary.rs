//! What a fuzzer's dictionary holds, made of the byte tables and of the words of each language.

use crate::dissect::FieldId;
use crate::simulate::scenario;
use crate::wire::{DataId, Kind, RelayKind, ToxKind};

/// A word: its name, which may not be unique, and its bytes.
type Word = (String, Vec<u8>);

/// The dictionaries: the name of a fuzz target, or `wire` for all that read packets, and the words.
#[must_use]
pub fn dictionaries() -> Vec<(&'static str, Vec<Word>)> {
    vec![
        ("filter", filter()),
        ("key_log", key_log()),
        ("scenario", scenario::words().map(spelt).collect()),
        ("wire", wire()),
    ]
}

fn spelt(word: &str) -> Word {
    (word.to_owned(), word.into())
}

/// First bytes of everything that Tox sends, and conference packets up to their last id (packets §2, §5.4,
/// §8), whose numbers are all 1.
fn wire() -> Vec<Word> {
    let first_bytes = ToxKind::all().filter(|kind| kind.is_known());
    let data_ids = (0x10..=0xc7).map(DataId).filter(|id| !id.name().starts_with("unknown"));
    let relay_kinds = (0x00..=0x10).map(RelayKind);
    let heads: [&[u8]; 6] = [
        &[0x60],
        &[0x61],
        &[0x62, 0, 1],
        &[0x63, 0, 1, 0, 1, 0, 0, 0, 1],
        &[0x64],
        &[0xc7, 0, 1, 0, 1, 0, 1],
    ];
    let packets = heads.into_iter().flat_map(|head| {
        (0..=u8::MAX).filter_map(move |id| {
            let bytes = [head, &[id]].concat();
            let kind = Kind::of(&bytes);
            let is_known = !matches!(kind, Kind::Unknown | Kind::Malformed);
            // What has one id only is followed by the type of the conference.
            let is_new = !matches!(head, [0x61] | [0x64]) || id < 2;
            let is_audio = !matches!(head, [0xc7, ..]) || id == 0xc0;
            (is_known && is_new && is_audio).then(|| (kind.name().to_owned(), bytes))
        })
    });
    let named = |name: &str, byte| (name.to_owned(), vec![byte]);
    first_bytes
        .map(|kind| named(kind.name(), kind.0))
        .chain(data_ids.map(|id| named(id.name(), id.0)))
        .chain(relay_kinds.map(|kind| named(kind.name(), kind.0)))
        .chain(packets)
        .collect()
}

/// Fields, their values, operators, functions.
fn filter() -> Vec<Word> {
    let fields = FieldId::ALL.iter().map(|id| id.field().name);
    let choices = FieldId::ALL.iter().flat_map(|id| id.choices());
    let others = [
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "&&",
        "||",
        "!",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        ":",
        "..",
        ",",
        "contains",
        "starts_with",
        "matches",
        "in",
        "len",
        "count",
        "lower",
        "upper",
        "true",
        "false",
        "0x",
        "\"",
        "/32",
        "2026-11-23T12:00:00Z",
    ];
    let mut words: Vec<_> = fields.chain(choices).chain(others).map(spelt).collect();
    words.sort();
    words.dedup();
    words
}

/// Labels (`docs/key-log.md`), and what stands behind them.
fn key_log() -> Vec<Word> {
    let labels = [
        "SHARED ",
        "DHT_SHARED ",
        "LONGTERM_SHARED ",
        "TCP_SHARED ",
        "BOX ",
        "NONCE ",
        "DHT ",
        "ID ",
        "SESSION ",
        "NAME ",
        "# tox-keylog 1\n",
    ];
    let key = ("key".to_owned(), b"0123456789abcdef".repeat(4));
    let nonce = ("nonce".to_owned(), b"0123456789abcdef".repeat(3));
    labels.map(spelt).into_iter().chain([key, nonce]).collect()
}
