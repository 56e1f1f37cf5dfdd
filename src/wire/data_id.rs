//! Data ids: the first byte of what a crypto data packet carries (packets §5.4, §7).

use std::fmt;

use arbitrary::Arbitrary;

/// The first byte of the data in a crypto data packet. Every value has a name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Arbitrary)]
pub struct DataId(pub u8);

/// How the session layer treats a data id (packets §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataClass {
    /// 0: not an id; leading zero bytes are stripped.
    Padding,
    /// 1 and 2: the session layer's own packets, lossy.
    Own,
    /// 3 to 15: refused.
    Reserved,
    /// 16 to 191: delivered in order, exactly once.
    Lossless,
    /// 192 to 254: delivered at once, perhaps never or twice.
    Lossy,
    /// 255: refused by c-toxcore, lossless in the specification (D-071).
    Rejected,
}

impl DataId {
    /// Request for lost packets.
    pub const PACKET_REQUEST: Self = Self(0x01);
    /// End of the session.
    pub const KILL_SESSION: Self = Self(0x02);
    /// Sign of life of a friend connection.
    pub const ALIVE: Self = Self(0x10);
    /// Messenger: "I am online for you".
    pub const MESSENGER_ONLINE: Self = Self(0x18);
    /// Messenger: what its sender is called.
    pub const NICKNAME: Self = Self(0x30);
    /// Conference invitation and its answers.
    pub const CONFERENCE_INVITE: Self = Self(0x60);
    /// "The conference is open here".
    pub const CONFERENCE_ONLINE: Self = Self(0x61);
    /// Conference packets between neighbours.
    pub const CONFERENCE_DIRECT: Self = Self(0x62);
    /// Conference packets for everybody.
    pub const CONFERENCE_MESSAGE: Self = Self(0x63);
    /// "Take me back into the conference".
    pub const CONFERENCE_REJOIN: Self = Self(0x64);
    /// Conference audio.
    pub const CONFERENCE_LOSSY: Self = Self(0xc7);

    /// All 256 ids, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }

    /// How the session layer treats this id.
    #[must_use]
    pub const fn class(self) -> DataClass {
        match self.0 {
            0 => DataClass::Padding,
            1..=2 => DataClass::Own,
            3..=15 => DataClass::Reserved,
            16..=191 => DataClass::Lossless,
            192..=254 => DataClass::Lossy,
            255 => DataClass::Rejected,
        }
    }

    /// Whether the data is a conference packet.
    #[must_use]
    pub const fn is_conference(self) -> bool {
        matches!(self.0, 0x60..=0x64 | 0xc7)
    }

    /// Name in JSON and filters, in snake case.
    ///
    /// Ids that nobody has assigned are named for their class, such as `unknown_lossless`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            0x00 => "padding",
            0x01 => "packet_request",
            0x02 => "kill_session",
            0x03..=0x0f => "reserved",
            0x10 => "alive",
            0x11 => "share_relays",
            0x12 => "friend_request",
            0x18 => "messenger_online",
            0x19 => "messenger_offline",
            0x30 => "nickname",
            0x31 => "status_message",
            0x32 => "user_status",
            0x33 => "typing",
            0x40 => "friend_message",
            0x41 => "friend_action",
            0x42 => "friend_correction",
            0x45 => "msi",
            0x50 => "file_send_request",
            0x51 => "file_control",
            0x52 => "file_data",
            0x5f => "group_invite",
            0x60 => "conference_invite",
            0x61 => "conference_online",
            0x62 => "conference_direct",
            0x63 => "conference_message",
            0x64 => "conference_rejoin",
            0xa0..=0xbf => "custom_lossless",
            0xc0 => "audio",
            0xc1 => "video",
            0xc4 => "bandwidth_control",
            0xc7 => "conference_lossy",
            0xc8..=0xfe => "custom_lossy",
            0xff => "rejected",
            0x13..=0x9f => "unknown_lossless",
            0xc2..=0xc6 => "unknown_lossy",
        }
    }
}

impl fmt::Display for DataId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for DataId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(0x{:02x})", self.name(), self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-009.
    #[test]
    fn every_data_id_has_a_name_that_fits_its_class() {
        for id in DataId::all() {
            let name = id.name();
            match id.class() {
                DataClass::Padding => assert_eq!(name, "padding"),
                DataClass::Own => assert!(["packet_request", "kill_session"].contains(&name)),
                DataClass::Reserved => assert_eq!(name, "reserved"),
                DataClass::Lossless => assert!(!name.contains("lossy"), "{id:?}"),
                DataClass::Lossy => assert!(!name.contains("lossless"), "{id:?}"),
                DataClass::Rejected => assert_eq!(name, "rejected"),
            }
            assert_eq!(id.is_conference(), name.starts_with("conference_"));
        }
    }
}
