//! Whether the other side is still there.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A session in which so long nothing is sent is over.
const OVER: Duration = Duration::from_secs(5);

/// Who takes part in sessions, by address: c-toxcore says something every second.
#[derive(Default)]
pub(super) struct Sessions {
    ends: BTreeMap<SocketAddr, End>,
}

/// One who has been heard.
struct End {
    /// When something was last sent there.
    sent: Option<Instant>,
    /// Since when there is no answer.
    waiting: Option<Instant>,
}

impl Sessions {
    /// Data of a session came from there.
    pub(super) fn heard(&mut self, from: SocketAddr) {
        self.ends.entry(from).or_insert(End { sent: None, waiting: None }).waiting = None;
    }

    /// Data of a session was sent there.
    pub(super) fn sent(&mut self, to: SocketAddr, now: Instant) {
        let Some(end) = self.ends.get_mut(&to) else { return };
        let is_new = end.sent.is_none_or(|sent| now.duration_since(sent) > OVER);
        if is_new {
            end.waiting = None;
        }
        end.sent = Some(now);
        end.waiting.get_or_insert(now);
    }

    /// Who was spoken to all the time and has not answered for so long. Somebody else behind the same
    /// program may be heard, so each address counts for itself.
    pub(super) fn silent(
        &self,
        patience: Duration,
        now: Instant,
    ) -> Option<(SocketAddr, Duration)> {
        self.ends.iter().find_map(|(address, end)| {
            let is_spoken_to = end.sent.is_some_and(|sent| now.duration_since(sent) <= OVER);
            let silence = now.duration_since(end.waiting?);
            (is_spoken_to && silence >= patience).then_some((*address, silence))
        })
    }

    /// How many were heard.
    pub(super) fn count(&self) -> usize {
        self.ends.len()
    }
}

/// A process that is somebody else's child.
pub(super) struct Process {
    pub(super) id: u32,
    began: String,
}

impl Process {
    /// `None` if there is no such process.
    pub(super) fn new(id: u32) -> Option<Self> {
        began(id).map(|began| Self { id, began })
    }

    pub(super) fn is_alive(&self) -> bool {
        began(self.id).is_some_and(|began| began == self.began)
    }
}

/// When a process began, as the system counts; `None` if it has ended.
fn began(process: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may hold anything; the state is the first field behind it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    (!matches!(state, "Z" | "X")).then(|| fields.nth(18).map(str::to_owned)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_counts_while_somebody_is_spoken_to() {
        let (it, begin) = ("127.0.0.1:9".parse().unwrap(), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        let patience = Duration::from_secs(20);
        let mut sessions = Sessions::default();
        // Nobody has to answer who never spoke.
        (0..60).for_each(|second| sessions.sent(it, at(second)));
        assert_eq!(sessions.silent(patience, at(60)), None);
        sessions.heard(it);
        (60..70).for_each(|second| sessions.sent(it, at(second)));
        assert_eq!(sessions.silent(patience, at(70)), None);
        sessions.heard(it);
        (70..95).for_each(|second| sessions.sent(it, at(second)));
        assert_eq!(sessions.silent(patience, at(95)), Some((it, Duration::from_secs(25))));
        // A session that nobody keeps up is no silence.
        assert_eq!(sessions.silent(patience, at(120)), None);
        sessions.sent(it, at(120));
        assert_eq!(sessions.silent(patience, at(121)), None);
    }

    #[test]
    fn a_process_is_alive_until_it_has_ended() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::new(child.id()).unwrap();
        assert!(process.is_alive());
        child.kill().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while process.is_alive() && Instant::now() < deadline {}
        assert!(!process.is_alive(), "a zombie has ended");
        child.wait().unwrap();
        assert!(!process.is_alive());
    }
}
