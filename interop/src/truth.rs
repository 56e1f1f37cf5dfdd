//! The ground truth: every action and everything the public interface reported, as JSON lines.
//!
//! Each line has `time` (RFC 3339, UTC), `peer` (the name in the script) and `event`. Keys and
//! conference ids are lower-case hexadecimal. Text that is UTF-8 is `"text"`, other bytes are
//! `"text_hex"`; the same holds for `name` and `title`. `samples/README.md` lists the events.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde_json::Value;
use toxscope::time::Timestamp;

/// The file being written.
pub struct Truth {
    out: BufWriter<File>,
}

/// One line under construction.
pub struct Line<'t> {
    truth: &'t mut Truth,
    /// In the order of writing.
    fields: Vec<(String, Value)>,
}

impl Truth {
    /// Starts a file.
    ///
    /// # Errors
    ///
    /// When it cannot be created.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| path.display().to_string())?;
        Ok(Self { out: BufWriter::new(file) })
    }

    /// Begins a line; `peer` is empty for what concerns the whole story.
    pub fn line(&mut self, peer: &str, event: &str) -> Line<'_> {
        let line = Line { truth: self, fields: Vec::new() }.with("time", now().to_string());
        let line = if peer.is_empty() { line } else { line.with("peer", peer) };
        line.with("event", event)
    }

    /// Writes everything to the file.
    ///
    /// # Errors
    ///
    /// When the file does not take it.
    pub fn flush(&mut self) -> Result<()> {
        Ok(self.out.flush()?)
    }
}

impl Line<'_> {
    /// A field of any JSON type.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// A key or an id.
    #[must_use]
    pub fn hex(self, name: &str, bytes: &[u8]) -> Self {
        self.with(name, hex(bytes))
    }

    /// Text from outside.
    #[must_use]
    pub fn text(mut self, name: &str, bytes: &[u8]) -> Self {
        self.fields.push(text_field(name, bytes));
        self
    }

    /// Writes the line.
    ///
    /// # Errors
    ///
    /// When the file does not take it.
    pub fn end(self) -> Result<()> {
        let fields: Vec<_> = self
            .fields
            .iter()
            .map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())))
            .collect();
        writeln!(self.truth.out, "{{{}}}", fields.join(","))?;
        Ok(())
    }
}

/// Text from outside as a field: `name` if the bytes are UTF-8, else `name_hex`.
#[must_use]
pub fn text_field(name: &str, bytes: &[u8]) -> (String, Value) {
    match str::from_utf8(bytes) {
        Ok(text) => (name.into(), text.into()),
        Err(_) => (format!("{name}_hex"), hex(bytes).into()),
    }
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// The present moment on the clock that also stamps the packets.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
