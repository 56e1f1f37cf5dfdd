//! A case as a list of steps, which can be run again, made shorter, and printed.

use std::fmt;

use toxscope::conference::{Input, Profile, Request};
use toxscope::time::Timestamp;
use toxscope::wire::{ConferenceType, GroupNumber, Invite, PublicKey};

use crate::dice::StepDice;
use crate::judge::{Disagreement, Judge};
use crate::original::{Identity, Original};
use crate::told::{short, shown};

/// When every case begins.
pub const BEGIN: Timestamp = Timestamp::from_nanos(1_700_000_000_000_000_000);

/// A whole case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Who the endpoint is.
    pub identity: Identity,
    /// What happens to it.
    pub steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Clone, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// Both sides get the same.
    pub dice: StepDice,
    /// What.
    pub what: What,
    /// Packet, text, title, name, audio or section.
    pub bytes: Vec<u8>,
}

/// What happens; its bytes are kept beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A session with this key begins; its DHT key.
    Up(PublicKey, PublicKey),
    /// The session ends.
    Down(PublicKey),
    /// A packet arrives.
    Packet(PublicKey),
    /// The end of a pass.
    Tick,
    /// [`Request::AddFriend`].
    AddFriend(PublicKey),
    /// [`Request::RemoveFriend`].
    RemoveFriend(PublicKey),
    /// [`Request::Create`].
    Create(ConferenceType),
    /// [`Request::Invite`].
    Invite(GroupNumber, PublicKey),
    /// [`Request::Accept`].
    Accept(PublicKey, Invite),
    /// [`Request::Say`].
    Say(GroupNumber),
    /// [`Request::Act`].
    Act(GroupNumber),
    /// [`Request::SendAudio`] with the audio's own count.
    SendAudio(GroupNumber, u16),
    /// [`Request::SetTitle`].
    SetTitle(GroupNumber),
    /// [`Request::SetName`].
    SetName,
    /// [`Request::SetFrozenLimit`].
    SetFrozenLimit(GroupNumber, u32),
    /// [`Request::Delete`].
    Delete(GroupNumber),
    /// The program ends, cleanly or not, and starts from the section in the bytes, with this DHT
    /// key.
    Restart(bool, PublicKey),
}

impl What {
    /// The same as an input, and its bytes; nothing for requests to save, to shut
    /// down, and to change the DHT key, which the original cannot.
    #[must_use]
    pub fn of<'a>(input: &Input<'a>) -> Option<(Self, &'a [u8])> {
        let request = match *input {
            Input::ConnectionUp { friend, dht_key, .. } => {
                return Some((Self::Up(friend, dht_key), &[]));
            }
            Input::ConnectionDown { friend, .. } => return Some((Self::Down(friend), &[])),
            Input::Packet { friend, bytes, .. } => return Some((Self::Packet(friend), bytes)),
            Input::Tick { .. } => return Some((Self::Tick, &[])),
            Input::Request { request, .. } => request,
        };
        Some(match request {
            Request::AddFriend(key) => (Self::AddFriend(key), &[]),
            Request::RemoveFriend(key) => (Self::RemoveFriend(key), &[]),
            Request::Create(kind) => (Self::Create(kind), &[]),
            Request::Invite { group, friend } => (Self::Invite(group, friend), &[]),
            Request::Accept { friend, invitation } => (Self::Accept(friend, invitation), &[]),
            Request::Say { group, text } => (Self::Say(group), text),
            Request::Act { group, text } => (Self::Act(group), text),
            Request::SendAudio { group, sequence_number, opus } => {
                (Self::SendAudio(group, sequence_number), opus)
            }
            Request::SetTitle { group, title } => (Self::SetTitle(group), title),
            Request::SetName(name) => (Self::SetName, name),
            Request::SetFrozenLimit { group, limit } => (Self::SetFrozenLimit(group, limit), &[]),
            Request::Delete { group } => (Self::Delete(group), &[]),
            Request::SetDhtKey(_) | Request::Save | Request::ShutDown => return None,
        })
    }
}

impl Step {
    /// The same as an input; nothing for a restart.
    #[must_use]
    pub fn input(&self) -> Option<Input<'_>> {
        let (at, bytes) = (self.at, &*self.bytes);
        let request = match self.what {
            What::Up(friend, dht_key) => return Some(Input::ConnectionUp { at, friend, dht_key }),
            What::Down(friend) => return Some(Input::ConnectionDown { at, friend }),
            What::Packet(friend) => return Some(Input::Packet { at, friend, bytes }),
            What::Tick => return Some(Input::Tick { at }),
            What::Restart(..) => return None,
            What::AddFriend(key) => Request::AddFriend(key),
            What::RemoveFriend(key) => Request::RemoveFriend(key),
            What::Create(kind) => Request::Create(kind),
            What::Invite(group, friend) => Request::Invite { group, friend },
            What::Accept(friend, invitation) => Request::Accept { friend, invitation },
            What::Say(group) => Request::Say { group, text: bytes },
            What::Act(group) => Request::Act { group, text: bytes },
            What::SendAudio(group, sequence_number) => {
                Request::SendAudio { group, sequence_number, opus: bytes }
            }
            What::SetTitle(group) => Request::SetTitle { group, title: bytes },
            What::SetName => Request::SetName(bytes),
            What::SetFrozenLimit(group, limit) => Request::SetFrozenLimit { group, limit },
            What::Delete(group) => Request::Delete { group },
        };
        Some(Input::Request { at, request })
    }

    /// Hands the step to both sides.
    ///
    /// # Errors
    ///
    /// As [`Judge::handle`].
    pub fn run(&self, judge: &mut Judge<'_>) -> Result<(), Disagreement> {
        match (self.what, self.input()) {
            (_, Some(input)) => judge.handle(&input, &self.dice),
            (What::Restart(clean, dht_key), None) => {
                judge.restart(self.at, &self.bytes, clean, dht_key)
            }
            (_, None) => Ok(()),
        }
    }
}

impl Case {
    /// Runs the case from its beginning; says at which step the sides part ways.
    ///
    /// # Errors
    ///
    /// The index of the step, and the disagreement.
    pub fn run(
        &self,
        original: &mut Original,
        profile: &Profile,
    ) -> Result<(), (usize, Disagreement)> {
        let mut judge = Judge::new(original, profile.clone(), BEGIN, self.identity.clone());
        for (index, step) in self.steps.iter().enumerate() {
            step.run(&mut judge).map_err(|disagreement| (index, disagreement))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.at.as_nanos().saturating_sub(BEGIN.as_nanos()) / 1_000_000;
        write!(f, "{:>9}.{:03} s  ", millis / 1000, millis % 1000)?;
        match self.what {
            What::Up(key, dht_key) => write!(f, "up {} at {}", short(&key), short(&dht_key)),
            What::Down(key) => write!(f, "down {}", short(&key)),
            What::Packet(key) => write!(f, "packet from {}: {}", short(&key), shown(&self.bytes)),
            What::AddFriend(key) => write!(f, "add friend {}", short(&key)),
            What::RemoveFriend(key) => write!(f, "remove friend {}", short(&key)),
            What::Invite(group, key) => write!(f, "invite {} to {group}", short(&key)),
            What::Accept(key, invite) => write!(f, "accept from {}: {invite:?}", short(&key)),
            What::Restart(clean, dht_key) => {
                let how = if clean { "clean" } else { "crash" };
                let (dht, length) = (short(&dht_key), self.bytes.len());
                write!(f, "restart ({how}) at {dht} from a save of {length} bytes")
            }
            What::Tick => f.write_str("tick"),
            what => write!(f, "{what:?} {} bytes", self.bytes.len()),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Identity { real_key, dht_key, name } = &self.identity;
        let name = name.escape_ascii();
        writeln!(f, "we are {} at {}, {name}", short(real_key), short(dht_key))?;
        for (index, step) in self.steps.iter().enumerate() {
            writeln!(f, "{index:>5} {step:?}")?;
        }
        Ok(())
    }
}
