//! What either side does and tells, in the words that both have.

use std::fmt;

use toxscope::wire::{GroupNumber, Invite, Packet, PublicKey};

/// One thing that follows from an input. Peers go by their real key: the original's callbacks know
/// no peer numbers.
#[derive(Clone, PartialEq, Eq)]
pub enum Told {
    /// A packet was sent.
    Sent {
        /// On the friend connection to this real key.
        to: PublicKey,
        /// From the data id on.
        bytes: Vec<u8>,
    },
    /// A friend connection to a stranger was started.
    Opened {
        /// Its real key.
        key: PublicKey,
        /// Where to look for it.
        dht_key: PublicKey,
    },
    /// A friend connection was ended.
    Released {
        /// The real key at the other side.
        key: PublicKey,
    },
    /// A friend invites us.
    Invited {
        /// Who.
        friend: PublicKey,
        /// To what.
        invitation: Invite,
    },
    /// We know our own number.
    Connected {
        /// Where.
        group: GroupNumber,
    },
    /// A peer became active.
    Joined {
        /// Where.
        group: GroupNumber,
        /// Who.
        key: PublicKey,
    },
    /// A peer is not active any more.
    Left {
        /// Where.
        group: GroupNumber,
        /// Who.
        key: PublicKey,
    },
    /// A peer has another name.
    Named {
        /// Where.
        group: GroupNumber,
        /// Who.
        key: PublicKey,
        /// 0 to 128 bytes.
        name: Vec<u8>,
    },
    /// The title is another one.
    Titled {
        /// Where.
        group: GroupNumber,
        /// Who set it; nobody, if it came in a Title Response.
        by: Option<PublicKey>,
        /// 1 to 128 bytes.
        title: Vec<u8>,
    },
    /// Text.
    Said {
        /// Where.
        group: GroupNumber,
        /// Who.
        key: PublicKey,
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
        key: PublicKey,
        /// The audio's own count.
        sequence_number: u16,
        /// At least 1 byte.
        opus: Vec<u8>,
    },
    /// What the client wanted was refused.
    Refused,
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent { to, bytes } => write!(f, "sent {} {}", short(to), shown(bytes)),
            Self::Opened { key, dht_key } => {
                write!(f, "opened {} at {}", short(key), short(dht_key))
            }
            Self::Released { key } => write!(f, "released {}", short(key)),
            Self::Invited { friend, invitation } => {
                write!(f, "invited by {} {invitation:?}", short(friend))
            }
            Self::Connected { group } => write!(f, "connected in {group}"),
            Self::Joined { group, key } => write!(f, "joined in {group}: {}", short(key)),
            Self::Left { group, key } => write!(f, "left {group}: {}", short(key)),
            Self::Named { group, key, name } => {
                write!(f, "named in {group}: {} {}", short(key), name.escape_ascii())
            }
            Self::Titled { group, by, title } => {
                let by = by.as_ref().map(short);
                write!(f, "titled {group} by {by:?}: {}", title.escape_ascii())
            }
            Self::Said { group, key, action, text } => {
                let length = text.len();
                write!(f, "said in {group}: {}, action {action}, {length} bytes", short(key))
            }
            Self::Heard { group, key, sequence_number, opus } => {
                let (who, length) = (short(key), opus.len());
                write!(f, "heard in {group}: {who}, number {sequence_number}, {length} bytes")
            }
            Self::Refused => f.write_str("refused"),
        }
    }
}

/// The beginning of a key.
#[must_use]
pub fn short(key: &PublicKey) -> String {
    key.to_string().chars().take(8).collect()
}

/// A packet for people: its kind and the first of its bytes.
#[must_use]
pub fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 100;
    let kind = match Packet::parse(bytes) {
        Ok(packet) => format!("{:?}", packet.kind()),
        Err(malformed) => format!("malformed ({malformed})"),
    };
    let hex: String = bytes.iter().take(MOST).map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > MOST { "…" } else { "" };
    format!("{kind}, {} bytes {hex}{more}", bytes.len())
}
