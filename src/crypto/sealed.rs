//! Why a packet stays closed.

/// Why a packet could not be opened. A value, not an error: the packet stays in the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sealed {
    /// There is no key at all to try.
    NoKeyLog,
    /// The packet is not as long as its kind always is, or too short to hold anything.
    BadLength,
    /// The capture kept only the beginning of the packet.
    Truncated,
    /// A cookie response whose request was not captured, or not opened.
    NoRequest,
    /// No handshake between the two addresses was captured, and no known session fits.
    NoHandshake,
    /// The beginning of the connection to a relay was not captured, and no `NONCE` line fits.
    NoRelayHandshake,
    /// No key in the log opens the handshake.
    NoKey,
    /// The handshake was opened, but the log lacks the key of its session.
    NoSessionKey,
    /// The session key is known, but not the nonce that this direction began with: its handshake
    /// was not captured or not opened, and no `NONCE` line gives one.
    NoNonce,
    /// The session's key and nonce are known, but the tag does not verify: a damaged or forged
    /// packet, or one of another session.
    BadTag,
    /// Bytes before it are missing in the capture of a TCP connection.
    Hole,
    /// It opened, but holds nothing that net_crypto would deliver.
    Empty,
    /// The search for a key was given up: more sealed packets and keys than can be tried.
    Budget,
}

impl Sealed {
    /// All reasons, in the order in which they are listed.
    pub const ALL: [Self; 13] = [
        Self::NoKeyLog,
        Self::BadLength,
        Self::Truncated,
        Self::NoRequest,
        Self::NoHandshake,
        Self::NoRelayHandshake,
        Self::NoKey,
        Self::NoSessionKey,
        Self::NoNonce,
        Self::BadTag,
        Self::Hole,
        Self::Empty,
        Self::Budget,
    ];

    /// Why a packet stays closed as long as there are no keys at all.
    #[must_use]
    pub const fn without_keys(truncated: bool) -> Self {
        if truncated { Self::Truncated } else { Self::NoKeyLog }
    }

    /// The name in JSON lines and filters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoKeyLog => "no_key_log",
            Self::BadLength => "bad_length",
            Self::Truncated => "truncated",
            Self::NoRequest => "no_request",
            Self::NoHandshake => "no_handshake",
            Self::NoRelayHandshake => "no_relay_handshake",
            Self::NoKey => "no_key",
            Self::NoSessionKey => "no_session_key",
            Self::NoNonce => "no_nonce",
            Self::BadTag => "bad_tag",
            Self::Hole => "hole",
            Self::Empty => "empty",
            Self::Budget => "budget",
        }
    }

    /// The reason in words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::NoKeyLog => "no key log",
            Self::BadLength => "impossible length",
            Self::Truncated => "cut by the snap length",
            Self::NoRequest => "its cookie request was not seen or not opened",
            Self::NoHandshake => "no handshake seen",
            Self::NoRelayHandshake => "the connection to the relay began before the capture",
            Self::NoKey => "no key in the log opens the handshake",
            Self::NoSessionKey => "the log lacks the session key",
            Self::NoNonce => "the first nonce of this direction is unknown",
            Self::Hole => "bytes before it are missing in the capture",
            Self::BadTag => "tag does not verify: damaged, forged, or of another session",
            Self::Empty => "opened, but nothing inside",
            Self::Budget => "search for its key given up",
        }
    }
}
