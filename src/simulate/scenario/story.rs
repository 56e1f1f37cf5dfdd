//! What happens while a scenario is played, for whoever wants to tell it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::conference::{DropReason, Endpoint, Event, Input, Output};
use crate::simulate::{Ears, MemberId, Nanos, Observer, Watch};
use crate::wire::{PeerNumber, PublicKey};

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub enum Happening<'a> {
    /// The program of a member starts, for the first time or again.
    Starts {
        /// Whose.
        who: MemberId,
        /// As it is at the start.
        endpoint: &'a Endpoint,
        /// The place of the save among the member's; nothing if it starts from none.
        save: Option<usize>,
    },
    /// A line of the scenario is carried out.
    Deed {
        /// The line, from 1.
        line: usize,
        /// What stands there.
        text: &'a str,
    },
    /// What a line asks for came to nothing.
    Refused {
        /// The line, from 1.
        line: usize,
        /// Who was to do it.
        who: Option<MemberId>,
        /// Why it came to nothing.
        why: &'a str,
        /// The line says that it may.
        expected: bool,
    },
    /// Whether an expectation is met.
    Expectation {
        /// The line, from 1.
        line: usize,
        /// What stands there.
        text: &'a str,
        /// Why it is not met, if it is not.
        failed: Option<&'a str>,
    },
    /// An endpoint begins or ends to have a session.
    Session {
        /// Whose endpoint.
        who: MemberId,
        /// With whom.
        with: MemberId,
        /// It begins.
        up: bool,
    },
    /// A client is told something.
    Told {
        /// Whose client.
        who: MemberId,
        /// What.
        event: &'a Event,
        /// Whom it is about, if it is about a member.
        about: Option<MemberId>,
    },
    /// A packet is sent.
    Sent {
        /// Whose it is.
        from: MemberId,
        /// Whom it is for.
        to: MemberId,
        /// From its data id on.
        bytes: &'a [u8],
    },
    /// An input, or a part of it, has no effect.
    Dropped {
        /// At whom.
        who: MemberId,
        /// From whom it came, if it is a packet.
        from: Option<MemberId>,
        /// Why.
        reason: DropReason,
    },
    /// An invariant does not hold, which is a fault of the reference machine.
    Broken {
        /// At whom.
        who: MemberId,
        /// Which, and how.
        what: &'a str,
    },
}

/// Whoever is told what happens; a break ends the play.
pub trait Audience {
    /// Something happens.
    fn happens(&mut self, now: Nanos, what: &Happening<'_>) -> ControlFlow<()>;
}

/// Nobody.
impl Audience for () {
    fn happens(&mut self, _: Nanos, _: &Happening<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl<F: FnMut(Nanos, &Happening<'_>) -> ControlFlow<()>> Audience for F {
    fn happens(&mut self, now: Nanos, what: &Happening<'_>) -> ControlFlow<()> {
        self(now, what)
    }
}

/// Watches the world of a scenario, and tells what happens there.
pub(super) struct Stage<A> {
    pub(super) watch: Watch,
    pub(super) ears: Ears,
    audience: A,
    people: BTreeMap<PublicKey, MemberId>,
    /// The audience has left.
    pub(super) is_over: bool,
}

impl<A: Audience> Stage<A> {
    pub(super) fn new(audience: A) -> Self {
        Self {
            watch: Watch::closely(),
            ears: Ears::default(),
            audience,
            people: BTreeMap::new(),
            is_over: false,
        }
    }

    pub(super) fn tell(&mut self, now: Nanos, what: &Happening<'_>) {
        if !self.is_over {
            self.is_over = self.audience.happens(now, what).is_break();
        }
    }

    fn about(&self, endpoint: &Endpoint, event: &Event) -> Option<MemberId> {
        let by_number = |group, number: PeerNumber| {
            let mut peers = endpoint.group(group)?.active().iter();
            let peer = peers.find(|peer| peer.number == number)?;
            self.people.get(&peer.real_key).copied()
        };
        match event {
            Event::Invited { friend: key, .. }
            | Event::PeerJoined { real_key: key, .. }
            | Event::PeerLeft { real_key: key, .. }
            | Event::Evicted { real_key: key, .. } => self.people.get(key).copied(),
            Event::Named { group, peer, .. }
            | Event::Said { group, peer, .. }
            | Event::Heard { group, peer, .. } => by_number(*group, *peer),
            Event::Titled { group, by, .. } => by_number(*group, (*by)?),
            Event::Opened { .. }
            | Event::Connected { .. }
            | Event::Closed { .. }
            | Event::Impersonated { .. } => None,
        }
    }
}

impl<A: Audience> Observer for Stage<A> {
    fn before(&mut self, who: MemberId, endpoint: &Endpoint, input: &Input<'_>) {
        self.watch.before(who, endpoint, input);
    }

    fn after(
        &mut self,
        now: Nanos,
        who: MemberId,
        endpoint: &Endpoint,
        input: &Input<'_>,
        outputs: &[Output],
    ) {
        let was_sound = self.watch.finding().is_none();
        self.watch.after(now, who, endpoint, input, outputs);
        self.ears.after(now, who, endpoint, input, outputs);
        let mut from = None;
        match input {
            Input::ConnectionUp { friend, .. } | Input::ConnectionDown { friend, .. } => {
                if let Some(with) = self.people.get(friend).copied() {
                    let up = matches!(input, Input::ConnectionUp { .. });
                    self.tell(now, &Happening::Session { who, with, up });
                }
            }
            Input::Packet { friend, .. } => from = self.people.get(friend).copied(),
            Input::Request { .. } | Input::Tick { .. } => {}
        }
        for output in outputs {
            match output {
                Output::Event(event) => {
                    let about = self.about(endpoint, event);
                    self.tell(now, &Happening::Told { who, event, about });
                }
                Output::Send { friend, bytes } => {
                    if let Some(to) = self.people.get(friend).copied() {
                        self.tell(now, &Happening::Sent { from: who, to, bytes });
                    }
                }
                Output::Dropped(DropReason::NothingDue) => {}
                Output::Dropped(reason) => {
                    self.tell(now, &Happening::Dropped { who, from, reason: *reason });
                }
                Output::Open { .. } | Output::Release { .. } | Output::Saved(_) => {}
            }
        }
        let finding = self.watch.finding().filter(|_| was_sound).map(ToString::to_string);
        if let Some(what) = finding {
            self.tell(now, &Happening::Broken { who, what: &what });
        }
    }

    fn started(&mut self, now: Nanos, who: MemberId, endpoint: &Endpoint, save: Option<usize>) {
        self.people.insert(endpoint.real_key(), who);
        self.watch.started(now, who, endpoint, save);
        self.tell(now, &Happening::Starts { who, endpoint, save });
    }
}
