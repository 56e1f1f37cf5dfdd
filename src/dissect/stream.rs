//! A whole capture as one stream of records, on one thread or on two.
//!
//! Of two, one opens, and the other one makes records of what was opened and visits them. Whoever has nothing else to
//! do reads, unless a read may have to wait: then the one that opens does. What goes from one to the other are
//! batches in the order of the capture, so the records are the same however many threads there are.

use std::io::Read;
use std::ops::ControlFlow;
use std::panic;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel, sync_channel};
use std::thread;

use super::batch::Batch;
use super::dissector::Dissector;
use super::opener::{Opener, Step, Until};
use super::record::Record;
use super::recorder::Recorder;
use super::source::{Done, Events, Input, Reading, Received, Unread};
use super::totals::Totals;
use crate::capture::{self, Datagrams, Event, NotUdp};
use crate::crypto::Sealed;

/// How many batches of each kind there are for two threads: more even out the work, fewer stay in the caches.
const BATCHES: usize = 8;

/// What a stream gives.
#[derive(Debug)]
pub enum Item<'a> {
    /// A datagram.
    Record(&'a Record<'a>),
    /// A frame that gave no datagram.
    NotUdp(NotUdp),
    /// The next record is of a packet that was handed out before, closed for this reason: the key came late.
    Late(Sealed),
    /// The next item may take a while to come.
    Pause,
}

/// Dissects `datagrams` to the end, or until `visit` breaks. Gives the break, or else what ended the
/// capture early, if anything did; everything before it was visited.
///
/// `visit` gets each item in the order of the capture.
pub fn stream<R: Read, B>(
    datagrams: &mut Datagrams<R>,
    dissector: &mut Dissector,
    mut visit: impl FnMut(Item<'_>) -> ControlFlow<B>,
) -> ControlFlow<B, Option<capture::Error>> {
    run(datagrams, dissector, Until::End, &mut visit)
}

/// How a capture ended that [`stream_parallel`] dissected.
pub struct Ended<R> {
    /// The capture, read as far as it goes.
    pub datagrams: Datagrams<R>,
    /// What was learned.
    pub dissector: Dissector,
    /// What ended the capture early, if anything did.
    pub error: Option<capture::Error>,
}

/// As [`stream`], with the same items in the same order; but from the first key on, a thread of its own
/// opens, and this one visits. Where there is but one processor, or no thread to be had, this one does all.
///
/// All that was read is visited before a read that may have to wait. When `visit` breaks, this returns at
/// once; the other thread ends as soon as the read returns that it may be in.
///
/// # Panics
///
/// When reading or opening panics, with what it panicked with.
pub fn stream_parallel<R: Read + Send + 'static, B>(
    mut datagrams: Datagrams<R>,
    mut dissector: Dissector,
    mut visit: impl FnMut(Item<'_>) -> ControlFlow<B>,
) -> ControlFlow<B, Ended<R>> {
    let is_alone = thread::available_parallelism().is_ok_and(|count| count.get() == 1);
    let until = if is_alone { Until::End } else { Until::FirstKey };
    let error = run(&mut datagrams, &mut dissector, until, &mut visit)?;
    if is_alone || dissector.sessions().ring().is_empty() {
        return ControlFlow::Continue(Ended { datagrams, dissector, error });
    }
    on_two_threads(datagrams, dissector, visit, thread::Builder::new().name("opener".to_owned()))
}

/// On this thread.
fn run<R: Read, B>(
    datagrams: &mut Datagrams<R>,
    dissector: &mut Dissector,
    until: Until,
    visit: &mut impl FnMut(Item<'_>) -> ControlFlow<B>,
) -> ControlFlow<B, Option<capture::Error>> {
    let Dissector { opener, recorder } = dissector;
    opener.run(datagrams, until, |step| visit_step(recorder, step, visit))
}

#[inline]
fn visit_step<B>(
    recorder: &mut Recorder,
    step: Step<'_>,
    visit: &mut impl FnMut(Item<'_>) -> ControlFlow<B>,
) -> ControlFlow<B> {
    match step {
        Step::Names(names) => recorder.name(names),
        Step::Datagram(datagram, opened) => {
            visit(Item::Record(&recorder.record(datagram, opened)))?;
        }
        Step::Relayed(relayed) => visit(Item::Record(&recorder.relayed(relayed)))?,
        Step::NotUdp { at, why } => {
            recorder.frame(at);
            visit(Item::NotUdp(why))?;
        }
        Step::Late(why) => visit(Item::Late(why))?,
        Step::Pause => visit(Item::Pause)?,
    }
    ControlFlow::Continue(())
}

fn on_two_threads<R: Read + Send + 'static, B>(
    mut datagrams: Datagrams<R>,
    mut dissector: Dissector,
    mut visit: impl FnMut(Item<'_>) -> ControlFlow<B>,
    builder: thread::Builder,
) -> ControlFlow<B, Ended<R>> {
    // The work is sent after the thread: what goes to a thread that cannot be had is lost.
    let (send_work, receive_work) = sync_channel::<Work<R>>(1);
    let Ok(worker) = builder.spawn(move || receive_work.recv().ok().map(Work::run)) else {
        let error = run(&mut datagrams, &mut dissector, Until::End, &mut visit)?;
        return ControlFlow::Continue(Ended { datagrams, dissector, error });
    };
    let Dissector { opener, mut recorder } = dissector;
    let (done, doing) = channel();
    let (filled, full) = channel();
    let (emptied, empty) = channel();
    // A channel breaks only when the other thread has ended, and then `join` says why.
    for _ in 0..BATCHES {
        let _ = emptied.send(Batch::default());
    }
    let (reading, mut spent, input) = if datagrams.may_wait() {
        // Whoever waits here visits nothing meanwhile.
        (None, Vec::new(), Input::Capture(Box::new(datagrams)))
    } else {
        let reading = Arc::new(Reading::new(datagrams, filled));
        let spent = (1..BATCHES).map(|_| Events::default()).collect();
        let received = Received::new(full, done.clone(), Arc::clone(&reading));
        (Some(reading), spent, Input::Received(received))
    };
    let _ = send_work.send(Work { input, opener, done, empty });
    while let Some(done) = next_done(&doing, reading.as_deref(), &mut spent) {
        match done {
            Done::Steps(mut batch) => {
                batch.drain(|step| visit_step(&mut recorder, step, &mut visit))?;
                let _ = emptied.send(batch);
            }
            Done::Events(events) => spent.push(events),
        }
    }
    let (theirs, opener, error) = match worker.join() {
        Ok(done) => done.expect("work was sent before"),
        Err(panicked) => panic::resume_unwind(panicked),
    };
    let (datagrams, error) = match reading.and_then(Arc::into_inner).map(Reading::into_unread) {
        Some(Unread { datagrams, error, .. }) => (datagrams, error),
        None => (theirs.expect("it was theirs to read"), error),
    };
    let dissector = Dissector { opener, recorder };
    ControlFlow::Continue(Ended { datagrams, dissector, error })
}

/// What the other thread has done next; as long as that is nothing, reads ahead in the place of what is spent.
fn next_done<R: Read>(
    doing: &Receiver<Done>,
    reading: Option<&Reading<R>>,
    spent: &mut Vec<Events>,
) -> Option<Done> {
    loop {
        match doing.try_recv() {
            Ok(done) => return Some(done),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => {}
        }
        let (Some(reading), Some(events)) = (reading, spent.pop()) else { break };
        if let Some(events) = reading.read_ahead(events) {
            spent.push(events);
            break;
        }
    }
    doing.recv().ok()
}

/// What the other thread does.
struct Work<R> {
    input: Input<R>,
    opener: Opener,
    done: Sender<Done>,
    empty: Receiver<Batch>,
}

impl<R: Read> Work<R> {
    /// Opens all that there is. Gives the capture, if it was read here, and what ended it early.
    fn run(self) -> (Option<Datagrams<R>>, Opener, Option<capture::Error>) {
        let Self { mut input, mut opener, done, empty } = self;
        let mut batch = Batch::default();
        let hand_over = |batch: &mut Batch| {
            let Ok(next) = empty.recv() else { return ControlFlow::Break(()) };
            let sent = done.send(Done::Steps(std::mem::replace(batch, next)));
            sent.map_or(ControlFlow::Break(()), ControlFlow::Continue)
        };
        let flow = opener.run(&mut input, Until::End, |step| {
            let is_pause = matches!(step, Step::Pause);
            if is_pause && batch.is_empty() {
                return ControlFlow::Continue(());
            }
            batch.push(step);
            if batch.is_full() || is_pause {
                return hand_over(&mut batch);
            }
            ControlFlow::Continue(())
        });
        // The last one; or nobody visits any more, and nobody asks for the error.
        let _ = done.send(Done::Steps(batch));
        let error = match flow {
            ControlFlow::Continue(error) => error,
            ControlFlow::Break(()) => None,
        };
        let datagrams = match input {
            Input::Capture(datagrams) => Some(*datagrams),
            Input::Received(_) => None,
        };
        (datagrams, opener, error)
    }
}

/// Counts everything up to the first key, or to the end if there is none, as counting the records of
/// [`stream`] does; `tick` is called for each event. Nothing can be opened, so the first byte of a
/// datagram is all that there is to look at. What comes after the first key is left to [`stream`].
///
/// # Errors
///
/// What ended the capture early; everything before it was counted.
pub fn count_unopened<R: Read>(
    datagrams: &mut Datagrams<R>,
    dissector: &mut Dissector,
    totals: &mut Totals,
    mut tick: impl FnMut(),
) -> Result<(), capture::Error> {
    while dissector.sessions().ring().is_empty() {
        tick();
        // Matched where it is: it is large.
        match datagrams.next_in_place() {
            Ok(Some(Event::Datagram(ref datagram))) => totals.unopened(datagram),
            Ok(Some(Event::Other { why, .. })) => totals.not_udp(why),
            Ok(Some(Event::Piece(ref piece))) => {
                dissector.piece(piece, |record| totals.record(record));
            }
            Ok(Some(event)) => {
                dissector.event(event);
            }
            Ok(None) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
