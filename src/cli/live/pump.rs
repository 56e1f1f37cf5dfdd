//! A thread that takes packets from the device as they come: into a file, and on to the dissector, as
//! the same pcapng blocks.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use pcap::Stat;

use super::device::Open;
use super::files::Files;
use crate::capture::pcapng::Writer;
use crate::dissect::TICK;

/// How many packets are taken at once.
const BATCH: usize = 512;

/// How many batches, and how many bytes of them, may wait for the dissector; then packets wait in the system's
/// buffer.
const QUEUE: usize = 4096;
const QUEUED_BYTES: usize = 64 << 20;

/// For how long packets are still taken that had come before the end.
const LAST_CALL: Duration = Duration::from_secs(1);

/// How long the thread sleeps when there are no packets, and how often it says that time passes.
const NAP: Duration = Duration::from_millis(5);
const SHORT_NAP: Duration = Duration::from_millis(1);
const TICKS: Duration = Duration::from_millis(100);

/// When to end.
#[derive(Clone, Default)]
pub(super) struct Until {
    /// After so many packets.
    pub(super) packets: Option<u64>,
    /// After so long.
    pub(super) duration: Option<Duration>,
    /// When somebody says so.
    pub(super) stop: Arc<AtomicBool>,
}

/// What became of a capture.
pub(super) struct Pumped {
    pub(super) packets: u64,
    pub(super) stat: Option<Stat>,
    pub(super) files: Option<Files>,
    /// What ended it, other than what it was to end with.
    pub(super) error: Option<anyhow::Error>,
}

/// A capture under way.
pub(super) struct Pump {
    thread: JoinHandle<Pumped>,
}

/// The blocks, for the dissector.
pub(super) struct Blocks {
    queue: Receiver<Vec<u8>>,
    queued: Arc<AtomicUsize>,
    rest: Vec<u8>,
    at: usize,
}

impl Pump {
    /// Begins.
    pub(super) fn start(open: Open, files: Option<Files>, until: Until) -> (Self, Blocks) {
        let (sender, queue) = sync_channel(QUEUE);
        let queued = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&queued);
        let thread = thread::spawn(move || {
            let mut source = Source {
                open,
                files,
                until,
                sender,
                queued: count,
                packets: 0,
                begun: Instant::now(),
            };
            let error = source.run().err();
            let stat = source.open.stat();
            Pumped { packets: source.packets, stat, files: source.files, error }
        });
        (Self { thread }, Blocks { queue, queued, rest: Vec::new(), at: 0 })
    }

    /// Waits for its end.
    pub(super) fn join(self) -> anyhow::Result<Pumped> {
        self.thread.join().map_err(|_| anyhow!("the thread that captures has died"))
    }
}

struct Source {
    open: Open,
    files: Option<Files>,
    until: Until,
    sender: SyncSender<Vec<u8>>,
    queued: Arc<AtomicUsize>,
    packets: u64,
    begun: Instant,
}

impl Source {
    fn run(&mut self) -> anyhow::Result<()> {
        let mut writer = Writer::new(Vec::new())?;
        writer.interface(self.open.interface())?;
        let head = std::mem::take(writer.out_mut());
        if let Some(files) = &mut self.files {
            files.begin(&head)?;
        }
        self.queued.fetch_add(head.len(), Ordering::Relaxed);
        if self.sender.send(head).is_err() {
            return Ok(());
        }
        writer.secrets(TICK, &[])?;
        let tick = std::mem::take(writer.out_mut());
        let nap = if self.open.immediate { SHORT_NAP } else { NAP };
        let mut ticked = Instant::now();
        let mut over: Option<Instant> = None;
        loop {
            let left = self.until.packets.map_or(u64::MAX, |packets| packets - self.packets);
            if over.is_none() && self.is_over() {
                // The system hands over late what has come.
                thread::sleep(self.open.delay());
                over = Some(Instant::now());
            }
            if left == 0 || over.is_some_and(|over| over.elapsed() > LAST_CALL) {
                break;
            }
            if self.queued.load(Ordering::Relaxed) > QUEUED_BYTES {
                thread::sleep(nap);
                continue;
            }
            let batch = usize::try_from(left).unwrap_or(BATCH).min(BATCH);
            let taken = self.open.take(batch, |at, data, length| {
                // Memory takes everything.
                let _ = writer.packet(0, at, data, length);
            })?;
            self.packets += taken;
            let mut blocks = std::mem::take(writer.out_mut());
            if let (Some(files), true) = (&mut self.files, taken > 0) {
                files.write(&blocks)?;
            }
            if ticked.elapsed() >= TICKS {
                blocks.extend_from_slice(&tick);
                ticked = Instant::now();
            } else if taken == 0 {
                if over.is_some() {
                    break;
                }
                thread::sleep(nap);
                continue;
            }
            self.queued.fetch_add(blocks.len(), Ordering::Relaxed);
            // Whoever reads the other end has seen enough, when it is closed.
            if self.sender.send(blocks).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.until.stop.load(Ordering::Relaxed)
            || self.until.duration.is_some_and(|duration| self.begun.elapsed() >= duration)
    }
}

impl Read for Blocks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.rest.len() {
            match self.queue.recv() {
                Ok(blocks) => {
                    self.queued.fetch_sub(blocks.len(), Ordering::Relaxed);
                    (self.rest, self.at) = (blocks, 0);
                }
                Err(_) => return Ok(0),
            }
        }
        let rest = self.rest.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.at += count;
        Ok(count)
    }
}
