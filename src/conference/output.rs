//! What follows from an input.

use std::fmt;

use super::Input;
use crate::wire::{Conference, Fault, GroupNumber, Invite, MessageNumber, PeerNumber, PublicKey};

/// One input and all it caused, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// What happened.
    pub input: Input<'a>,
    /// What followed.
    pub outputs: Vec<Output>,
}

/// One thing that an endpoint does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Send a packet on a friend connection that is up: lossless, except 0xc7.
    Send {
        /// The real key at the other side.
        friend: PublicKey,
        /// The packet, from its data id on: at most 1373 bytes.
        bytes: Vec<u8>,
    },
    /// Start a friend connection to a stranger.
    Open {
        /// Its real key.
        friend: PublicKey,
        /// Where to look for it.
        dht_key: PublicKey,
    },
    /// Nobody needs this friend connection any longer: end it.
    Release {
        /// The real key at the other side.
        friend: PublicKey,
    },
    /// Something that the client wants to know.
    Event(Event),
    /// The conferences section that was asked for.
    Saved(Vec<u8>),
    /// Why the input, or a part of it, had no effect.
    Dropped(DropReason),
}

/// Why a peer is not in a conference any more, as clients see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Departure {
    /// It left for good.
    Killed,
    /// It is silent, went away for a while, or nobody can be reached.
    Frozen,
    /// It is silent, and peers are not kept.
    Deleted,
    /// It is there again under another number.
    Replaced,
}

/// Something that a client wants to know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A friend invites us; refusing is not to answer.
    Invited {
        /// Who.
        friend: PublicKey,
        /// What [`Request::Accept`](super::Request::Accept) needs.
        invitation: Invite,
    },
    /// The conference is there: created, or accepted and not yet connected.
    Opened {
        /// Its number.
        group: GroupNumber,
        /// Its type and id.
        conference: Conference,
    },
    /// We know our own number, so we are a member.
    Connected {
        /// Where.
        group: GroupNumber,
    },
    /// The conference is gone.
    Closed {
        /// Its number.
        group: GroupNumber,
    },
    /// A peer is there, new or back.
    PeerJoined {
        /// Where.
        group: GroupNumber,
        /// Its number.
        peer: PeerNumber,
        /// Its real key.
        real_key: PublicKey,
        /// It was frozen.
        thawed: bool,
    },
    /// A peer is not there any more.
    PeerLeft {
        /// Where.
        group: GroupNumber,
        /// Its number.
        peer: PeerNumber,
        /// Its real key.
        real_key: PublicKey,
        /// Why.
        why: Departure,
    },
    /// A frozen peer is forgotten.
    Evicted {
        /// Where.
        group: GroupNumber,
        /// Its number.
        peer: PeerNumber,
        /// Its real key.
        real_key: PublicKey,
    },
    /// A peer has another name.
    Named {
        /// Where.
        group: GroupNumber,
        /// Who.
        peer: PeerNumber,
        /// 0 to 128 bytes.
        name: Vec<u8>,
    },
    /// The conference has another title.
    Titled {
        /// Where.
        group: GroupNumber,
        /// Who set it; nobody, if it came in a Title Response.
        by: Option<PeerNumber>,
        /// 1 to 128 bytes.
        title: Vec<u8>,
    },
    /// Somebody says something; ourselves too, once it came back.
    Said {
        /// Where.
        group: GroupNumber,
        /// Who.
        peer: PeerNumber,
        /// It is an action.
        action: bool,
        /// At least 1 byte.
        text: Vec<u8>,
    },
    /// Audio.
    Heard {
        /// Where.
        group: GroupNumber,
        /// Who.
        peer: PeerNumber,
        /// The audio's own count.
        sequence_number: u16,
        /// One Opus packet.
        opus: Vec<u8>,
    },
    /// Somebody sends in our name: a number that we have not used yet.
    Impersonated {
        /// Where.
        group: GroupNumber,
        /// The number.
        message_number: MessageNumber,
    },
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $reason:ident $name:literal $text:literal,)*) => {
        /// Why an input, or a part of it, had no effect.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum DropReason {
            $($(#[$doc])* $reason,)*
            /// The bytes are no packet: field, offset, reason.
            Malformed(Fault),
            /// An entry of a peer response was refused; the others stand.
            EntryRefused(PeerNumber),
        }

        impl DropReason {
            /// The reasons without a value of their own, in order.
            pub const ALL: &'static [Self] = &[$(Self::$reason,)*];

            /// Name in JSON, in snake case.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$reason => $name,)*
                    Self::Malformed(_) => "malformed",
                    Self::EntryRefused(_) => "entry_refused",
                }
            }
        }

        impl fmt::Display for DropReason {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$reason => f.write_str($text),)*
                    Self::Malformed(fault) => fmt::Display::fmt(fault, f),
                    Self::EntryRefused(peer) => {
                        write!(f, "the entry of peer {peer} contradicts what is known")
                    }
                }
            }
        }
    };
}

reasons! {
    /// There is no session on this friend connection.
    NotConnected "not_connected" "the friend connection is not up",
    /// The session is there already.
    AlreadyUp "already_up" "the friend connection is up already",
    /// Nobody wants a connection to this key.
    Unwanted "unwanted" "nobody needs a connection to this key",
    /// Not for the conference code: it never had a slot on this connection (B-10).
    NotListening "not_listening" "no conference ever used this friend connection",
    /// No conference packet.
    OtherPacket "other_packet" "not a conference packet",
    /// A kind or id that nobody knows.
    UnknownKind "unknown_kind" "a kind that this endpoint does not know",
    /// Invitations come from friends.
    NotAFriend "not_a_friend" "the sender is not a friend",
    /// There is no such conference here.
    NoConference "no_conference" "there is no such conference here",
    /// The number is that of another conference.
    OtherConference "other_conference" "the number belongs to another conference",
    /// Neither text nor audio.
    UnknownType "unknown_type" "conferences of this type cannot be joined",
    /// The conference is there already.
    AlreadyJoined "already_joined" "the conference is open here already",
    /// Our own number is not known yet.
    StillJoining "still_joining" "the own peer number is not known yet",
    /// All tries met numbers in use.
    NoFreeNumber "no_free_number" "no free peer number was found",
    /// All numbers of conferences are in use (B-16).
    TooManyConferences "too_many_conferences" "there are 65535 conferences already",
    /// The number belongs to another key.
    NumberTaken "number_taken" "the peer number belongs to another key",
    /// The key is known under another number, and that stands (D-064).
    KnownOtherwise "known_otherwise" "the key is known under another number",
    /// It would remove, rename or renumber ourselves.
    AboutOurselves "about_ourselves" "it would change or remove our own entry",
    /// The peer list is full (D-024).
    TooManyPeers "too_many_peers" "the peer list is full",
    /// The sender has no slot in this conference.
    NoSlot "no_slot" "the sender has no slot in this conference",
    /// The slot is online already.
    SlotOnline "slot_online" "the slot is online already",
    /// The slot is not online yet.
    SlotConnecting "slot_connecting" "the slot is not online yet",
    /// We do not introduce this peer.
    NotIntroducing "not_introducing" "we are not introducing this peer",
    /// A list without entries, or without anything new.
    NothingNew "nothing_new" "everything in it is known already",
    /// The title stands.
    TitleFresh "title_fresh" "the present title is fresh",
    /// The author is neither active nor frozen.
    UnknownAuthor "unknown_author" "the author is not known",
    /// The author is frozen, and this does not thaw it.
    AuthorFrozen "author_frozen" "the author is frozen",
    /// The author left a moment ago.
    AuthorKilled "author_killed" "the author left a moment ago",
    /// The author is ourselves.
    OwnLossy "own_lossy" "the author is this endpoint",
    /// This number was here before.
    AlreadySeen "already_seen" "the number was accepted before",
    /// Older than all numbers remembered.
    TooOld "too_old" "the number is older than all that are remembered",
    /// A newer name or title was here before.
    Superseded "superseded" "a newer message of this kind was accepted before",
    /// A Kill or Freeze about another than its author.
    NotAboutAuthor "not_about_author" "it names another peer than its author",
    /// Lossy messages are for audio conferences.
    NotForText "not_for_text" "text conferences have no lossy messages",
    /// The sender of a Rejoin is neither active nor frozen.
    UnknownPeer "unknown_peer" "the sender is not known in the conference",
    /// The table of slots is full.
    NoFreeSlot "no_free_slot" "all slots of the conference are in use",
    /// Nobody can be reached.
    NoOnlineSlot "no_online_slot" "no connection of the conference is online",
    /// Nothing to send.
    Empty "empty" "it is empty",
    /// Longer than the format allows.
    TooLong "too_long" "it is longer than the format allows",
    /// The title is that already.
    SameTitle "same_title" "the title is that already",
    /// The value is that already.
    Unchanged "unchanged" "that is so already",
    /// The program ended.
    Ended "ended" "the endpoint was shut down",
    /// Nothing is due.
    NothingDue "nothing_due" "nothing was due",
}
