//! Whoever looks on as a world goes its way.

use super::{KeyPair, MemberId, Nanos};
use crate::conference::{Endpoint, Input, Output};

/// A session that is being made (packets §4).
#[derive(Clone, Copy, Debug)]
pub struct Made {
    /// Who asks.
    pub from: MemberId,
    /// Who is asked.
    pub to: MemberId,
    /// Which session between the two it is, from 1.
    pub generation: u32,
    /// When the cookie request, the cookie response, the handshake, and the handshake that answers
    /// it were sent.
    pub sent: [Nanos; 4],
    /// When the first packet is there that shows the session to work: at who asked, and at who was
    /// asked.
    pub up: [Nanos; 2],
}

/// A packet on its way.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// Whose it is.
    pub from: MemberId,
    /// Whom it is for.
    pub to: MemberId,
    /// The session between the two.
    pub generation: u32,
    /// Its place among the lossless packets of this direction, from 0; of a lossy packet, that of the
    /// next one.
    pub number: u32,
    /// From the data id on.
    pub bytes: &'a [u8],
    /// When it was sent for the first time, now, and when for the last time.
    pub attempts: [Nanos; 2],
    /// When the receiver has it; nothing if it is lost, or waits for the way to open.
    pub arrives: Option<Nanos>,
}

/// Sees everything that happens, as it happens.
pub trait Observer {
    /// An endpoint is about to take something in.
    fn before(&mut self, _who: MemberId, _endpoint: &Endpoint, _input: &Input<'_>) {}

    /// An endpoint took something in, and this is what followed.
    fn after(
        &mut self,
        _now: Nanos,
        _who: MemberId,
        _endpoint: &Endpoint,
        _input: &Input<'_>,
        _outputs: &[Output],
    ) {
    }

    /// The program of a member was started, for the first time or again, from the save with that place
    /// or from none.
    fn started(&mut self, _now: Nanos, _who: MemberId, _endpoint: &Endpoint, _save: Option<usize>) {
    }

    /// A member has these keys from now on.
    fn keys(&mut self, _who: MemberId, _real: &KeyPair, _dht: &KeyPair) {}

    /// Two members make a session.
    fn session(&mut self, _made: &Made) {}

    /// A packet was sent.
    fn sent(&mut self, _sent: &Sent<'_>) {}

    /// A packet that waited for its way to open was sent again, and arrives.
    fn sent_again(&mut self, _sent: &Sent<'_>) {}

    /// One side has no session any more, and sends nothing in it but perhaps that.
    fn closed(&mut self, _now: Nanos, _from: MemberId, _to: MemberId, _generation: u32) {}

    /// One side ended a session and tells the other.
    fn ended(&mut self, _now: Nanos, _from: MemberId, _to: MemberId, _generation: u32) {}
}

/// Nobody.
impl Observer for () {}

macro_rules! both {
    ($($name:ident($($argument:ident: $type:ty),*);)*) => {
        /// One after the other.
        impl<A: Observer, B: Observer> Observer for (A, B) {
            $(fn $name(&mut self, $($argument: $type),*) {
                self.0.$name($($argument),*);
                self.1.$name($($argument),*);
            })*
        }
    };
}

both! {
    before(who: MemberId, endpoint: &Endpoint, input: &Input<'_>);
    after(now: Nanos, who: MemberId, endpoint: &Endpoint, input: &Input<'_>, outputs: &[Output]);
    started(now: Nanos, who: MemberId, endpoint: &Endpoint, save: Option<usize>);
    keys(who: MemberId, real: &KeyPair, dht: &KeyPair);
    session(made: &Made);
    sent(sent: &Sent<'_>);
    sent_again(sent: &Sent<'_>);
    closed(now: Nanos, from: MemberId, to: MemberId, generation: u32);
    ended(now: Nanos, from: MemberId, to: MemberId, generation: u32);
}
