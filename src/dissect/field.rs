//! The field table: every name that filters, JSON lines, `fields` and exports know, defined once.
//!
//! A record answers for each field with any number of [`Value`]s (none: the field is absent).

use std::net::SocketAddr;
use std::ops::ControlFlow;

use super::record::{NOT_TOX, RELAY_ANSWER, RELAY_FRAME, RELAY_HANDSHAKE, Transport};
use crate::crypto::Sealed;
use crate::time::Timestamp;
use crate::wire::{DataId, Kind, RelayKind, ToxKind};

/// What kind of value a field has; decides what a filter may compare it with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// True or false.
    Bool,
    /// A number without sign.
    Unsigned,
    /// A moment.
    Time,
    /// A span of time in seconds.
    Seconds,
    /// One of a closed list of names, see [`FieldId::choices`].
    Name,
    /// Text as it came: bytes that are UTF-8 most of the time.
    Text,
    /// Bytes that are not text, written as hexadecimal digits.
    Bytes,
    /// A public key or an id of 32 bytes, written as 64 hexadecimal digits.
    Key,
    /// An IP address with a port.
    Address,
}

impl FieldType {
    /// The word for people and for `fields --format json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "boolean",
            Self::Unsigned => "number",
            Self::Time => "time",
            Self::Seconds => "seconds",
            Self::Name => "name",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Key => "key",
            Self::Address => "address",
        }
    }
}

/// One value of a field of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Of a [`FieldType::Bool`] field.
    Bool(bool),
    /// Of a [`FieldType::Unsigned`] field.
    Unsigned(u64),
    /// Of a [`FieldType::Time`] field.
    Time(Timestamp),
    /// Of a [`FieldType::Seconds`] field, in nanoseconds.
    Nanos(i64),
    /// Of a [`FieldType::Name`] field.
    Name(&'static str),
    /// Of a [`FieldType::Text`] field.
    Text(&'a [u8]),
    /// Of a [`FieldType::Bytes`] field.
    Bytes(&'a [u8]),
    /// Of a [`FieldType::Key`] field.
    Key(&'a [u8; 32]),
    /// Of a [`FieldType::Address`] field.
    Address(SocketAddr),
}

impl Value<'_> {
    /// The type of field that it is a value of.
    #[must_use]
    pub const fn ty(&self) -> FieldType {
        match self {
            Self::Bool(_) => FieldType::Bool,
            Self::Unsigned(_) => FieldType::Unsigned,
            Self::Time(_) => FieldType::Time,
            Self::Nanos(_) => FieldType::Seconds,
            Self::Name(_) => FieldType::Name,
            Self::Text(_) => FieldType::Text,
            Self::Bytes(_) => FieldType::Bytes,
            Self::Key(_) => FieldType::Key,
            Self::Address(_) => FieldType::Address,
        }
    }
}

/// Anything that answers for the fields of the table: a record, or a test's stand-in.
pub trait Fields {
    /// Hands every value to `each` until it breaks, but for fields that are
    /// [on demand](FieldId::is_on_demand): first the fields from [`FieldId::Frame`] to
    /// [`FieldId::RelayPingId`] in the order of the table, then those of the payload in the order of
    /// the packet. Each of `peers` begins with its [`FieldId::PeersPeerNumber`].
    fn each(&self, each: &mut dyn FnMut(FieldId, Value<'_>) -> ControlFlow<()>) -> ControlFlow<()>;

    /// Hands every value of `field` to `each`, in the order of the packet, until it breaks.
    fn values(
        &self,
        field: FieldId,
        each: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.each(&mut |id, value| {
            if id == field { each(value) } else { ControlFlow::Continue(()) }
        })
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name in filters, JSON lines and `-e`; `peers.name` is the `name` of each of `peers`.
    pub name: &'static str,
    /// What kind of value it has.
    pub ty: FieldType,
    /// The unit of a number, or an empty string.
    pub unit: &'static str,
    /// What it means, in one line.
    pub meaning: &'static str,
}

macro_rules! fields {
    ($($id:ident $name:literal $ty:ident $unit:literal $meaning:literal;)*) => {
        /// Names a row of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FieldId {
            $(#[doc = $meaning] $id,)*
        }

        impl FieldId {
            /// Every field, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$id,)*];

            /// The row of the table.
            #[must_use]
            pub const fn field(self) -> &'static Field {
                match self {
                    $(Self::$id => &Field {
                        name: $name,
                        ty: FieldType::$ty,
                        unit: $unit,
                        meaning: $meaning,
                    },)*
                }
            }

            /// The field of that name.
            #[must_use]
            pub fn of(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$id),)*
                    _ => None,
                }
            }
        }
    };
}

fields! {
    // Where it was.
    Frame "frame" Unsigned "" "number of the frame in the file, counted from 1";
    Time "time" Time "" "when the frame was captured, UTC";
    Rel "rel" Seconds "s" "time since the first frame of the file";
    Src "src" Address "" "address and port that the datagram came from";
    Dst "dst" Address "" "address and port that the datagram went to";
    Transport "transport" Name "" "what carried the packet";
    // Whose it was.
    From "from" Key "" "long-term public key of the sender";
    To "to" Key "" "long-term public key of the receiver";
    Session "session" Unsigned "" "number of the session, counted from 1 as sessions appear in the file";
    Number "number" Unsigned "packets" "packet number: a lossless packet's own, else the sender's next";
    Ack "ack" Unsigned "packets" "next lossless packet that the sender still waits for";
    Resend "resend" Bool "" "whether the same lossless packet was seen before";
    // What it was.
    Kind "kind" Name "" "what the packet is";
    Bytes "bytes" Unsigned "bytes" "size of the packet, from its id on, without padding";
    Sealed "sealed" Name "" "why the packet could not be opened";
    Copy "copy" Bool "" "true where the very same packet was seen before, also on the other half of its way through a relay";
    // Where it is in a connection to a relay.
    RelayStream "relay.stream" Unsigned "" "number of the TCP connection, counted from 1 as connections appear in the file";
    RelayKind "relay.kind" Name "" "what the relay's packet is";
    RelayConnectionId "relay.connection_id" Unsigned "" "number of the connection through the relay, as the client counts";
    RelayDhtKey "relay.dht_key" Key "" "DHT public key of the client at the other end of it";
    RelayPingId "relay.ping_id" Bytes "" "which ping, or the answer to which";
    // What earlier packets tell about it.
    Conference "conference" Key "" "id of the conference that the packet names or that its group number means";
    Author "author" Key "" "long-term public key of the member that the packet's peer number means";
    // Payload (packets §8).
    GroupNumber "group_number" Unsigned "" "index of the conference at the receiver; at the sender in invitations, their answers, and online packets";
    ReceiverGroupNumber "receiver_group_number" Unsigned "" "index of the conference at the receiver, copied from its invitation";
    ConferenceType "conference_type" Name "" "text or audio";
    ConferenceId "conference_id" Key "" "the 32 random bytes that name a conference";
    PeerNumber "peer_number" Unsigned "" "who a message is of, or who joins, by number in the conference";
    MessageNumber "message_number" Unsigned "" "the author's count of messages; of lossy messages in a lossy message";
    MessageId "message_id" Unsigned "" "what a group message or lossy message holds";
    NewPeerNumber "new_peer_number" Unsigned "" "number of the member that is announced";
    KilledPeerNumber "killed_peer_number" Unsigned "" "number of the member that leaves";
    FrozenPeerNumber "frozen_peer_number" Unsigned "" "number of the member that goes away for a while";
    RealKey "real_key" Key "" "long-term public key of the member that is announced";
    DhtKey "dht_key" Key "" "DHT public key of the member that is announced";
    PeersPeerNumber "peers.peer_number" Unsigned "" "number of each member in a list";
    PeersRealKey "peers.real_key" Key "" "long-term public key of each member in a list";
    PeersDhtKey "peers.dht_key" Key "" "DHT public key of each member in a list";
    PeersName "peers.name" Text "" "name of each member in a list";
    Name "name" Text "" "new name of the author";
    Title "title" Text "" "title of the conference";
    Text "text" Text "" "a message or an action";
    SequenceNumber "sequence_number" Unsigned "" "count of audio frames of the author";
    Opus "opus" Bytes "" "one packet of Opus audio";
    Id "id" Unsigned "" "first byte of a packet that is unknown or malformed";
    InviteKind "invite_kind" Unsigned "" "second byte of such a packet, if it is an invitation";
    DirectKind "direct_kind" Unsigned "" "fourth byte of such a packet, if it is a direct one";
    Body "body" Bytes "" "what follows the ids in a packet of unknown kind";
    Trailing "trailing" Bytes "" "bytes after the end of the packet's layout";
    // What was wrong with it.
    ErrorField "error.field" Text "" "field of a malformed packet that could not be read";
    ErrorOffset "error.offset" Unsigned "bytes" "where that field begins, counted from the packet's id";
    ErrorReason "error.reason" Text "" "what was wrong";
    // For filters and columns alone.
    FromName "from.name" Text "" "what the sender is called by a key log, or else calls itself; filters and columns only";
    ToName "to.name" Text "" "the same of the receiver";
    AuthorName "author.name" Text "" "the same of the author";
    Addr "addr" Address "" "src, and dst; filters and columns only";
    Packet "packet" Bytes "" "the bytes that the field bytes counts; filters and columns only";
    Datagram "datagram" Bytes "" "what UDP carried, or a relay passes on; filters and columns only";
}

/// What every other packet is called: by its first byte, or by its data id once opened.
fn others() -> impl Iterator<Item = &'static str> {
    let data = DataId::all().filter(|id| !id.is_conference()).map(DataId::name);
    let known = ToxKind::all().filter(|kind| kind.is_known()).map(ToxKind::name);
    let relay = [RELAY_HANDSHAKE, RELAY_ANSWER, RELAY_FRAME];
    known.chain([NOT_TOX]).chain(data).chain(relay).chain(RelayKind::all().map(RelayKind::name))
}

impl FieldId {
    /// Whether [`Fields::each`] leaves the field out, and only [`Fields::values`] gives it.
    #[must_use]
    pub const fn is_on_demand(self) -> bool {
        self as usize >= Self::FromName as usize
    }

    /// The values that a [`FieldType::Name`] field can have; empty for fields of other types.
    #[must_use]
    pub fn choices(self) -> Vec<&'static str> {
        match self {
            Self::Kind => {
                let mut kinds: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
                for name in others() {
                    if !kinds.contains(&name) {
                        kinds.push(name);
                    }
                }
                kinds
            }
            Self::Transport => vec![Transport::Udp.name(), Transport::Tcp.name()],
            Self::RelayKind => {
                let mut kinds: Vec<_> = RelayKind::all().map(RelayKind::name).collect();
                kinds.dedup();
                kinds
            }
            Self::ConferenceType => vec!["text", "audio", "unknown"],
            Self::Sealed => Sealed::ALL.iter().map(|why| why.name()).collect(),
            _ => Vec::new(),
        }
    }

    /// The field whose name is most like `name`, if any is like it at all.
    #[must_use]
    pub fn nearest(name: &str) -> Option<Self> {
        nearest(name, Self::ALL.iter().map(|id| (id.field().name, *id)))
    }
}

/// The entry whose name is most like `name`, if any is like it at all.
pub(crate) fn nearest<T>(name: &str, among: impl Iterator<Item = (&'static str, T)>) -> Option<T> {
    let name: String = name.chars().take(64).collect();
    among
        .map(|(known, entry)| (strsim::jaro_winkler(&name, known), entry))
        .filter(|(likeness, _)| *likeness >= 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, entry)| entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_its_name_and_names_differ() {
        for id in FieldId::ALL {
            assert_eq!(FieldId::of(id.field().name), Some(*id));
        }
        assert_eq!(FieldId::of("no_such_field"), None);
    }

    #[test]
    fn a_misspelt_name_finds_its_neighbour() {
        let nearest = |name| FieldId::nearest(name).map(|id| id.field().name);
        assert_eq!(nearest("grup_number"), Some("group_number"));
        assert_eq!(nearest("kinds"), Some("kind"));
        assert_eq!(nearest("peer.name"), Some("peers.name"));
        assert_eq!(nearest("zzz"), None);
    }
}
