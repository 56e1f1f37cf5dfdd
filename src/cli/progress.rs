//! A progress bar on standard error, when a person waits and data do not go to the same terminal.

use std::io::{self, IsTerminal, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Work that takes less than this shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many records pass between two looks at the clock.
const STRIDE: u32 = 4096;

/// How far a file was read.
#[derive(Clone)]
pub(super) struct Progress {
    read: Arc<AtomicU64>,
    size: Option<u64>,
}

impl Progress {
    /// Of a file of this size; nothing is shown for others, nor beside data on a terminal.
    pub(super) fn new(size: Option<u64>, data_on_terminal: bool) -> Self {
        let wanted = !data_on_terminal && io::stderr().is_terminal();
        Self { read: Arc::default(), size: size.filter(|_| wanted) }
    }

    /// A reader that counts its bytes.
    pub(super) fn count(&self, inner: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        if self.size.is_none() {
            return inner;
        }
        Box::new(Counted { inner, read: Arc::clone(&self.read) })
    }

    /// Begins to wait.
    pub(super) fn start(&self) -> Bar {
        Bar { progress: self.clone(), started: Instant::now(), records: 0, bar: None }
    }
}

struct Counted {
    inner: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// The bar, shown once patience is over.
pub(super) struct Bar {
    progress: Progress,
    started: Instant,
    records: u32,
    bar: Option<ProgressBar>,
}

impl Bar {
    /// A record passed.
    #[inline(always)]
    pub(super) fn tick(&mut self) {
        if let Some(size) = self.progress.size {
            self.count(size);
        }
    }

    /// Counts a record of a file of this size.
    fn count(&mut self, size: u64) {
        self.records = self.records.wrapping_add(1);
        if !self.records.is_multiple_of(STRIDE) || self.started.elapsed() < PATIENCE {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let style =
                ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}, {eta} left");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(size).with_style(style)
        });
        bar.set_position(self.progress.read.load(Ordering::Relaxed));
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
