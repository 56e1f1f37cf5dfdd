//! Sealing again what was opened: for those who edit captures, and who write them.

use super::cipher::BoxKey;
use super::keyring::KeyId;
use super::nonce;
use crate::wire::Nonce;
use crate::wire::net_crypto::{CryptoData, CryptoPlain};

/// Appends the data packet that seals `plain` (packets §5.1).
pub fn seal_data(key: &BoxKey, nonce: &Nonce, plain: &CryptoPlain<'_>, out: &mut Vec<u8>) {
    let (mut bytes, mut sealed) = (Vec::new(), Vec::new());
    plain.emit(&mut bytes);
    key.seal(nonce, &bytes, &mut sealed);
    CryptoData { nonce_low: nonce.low16(), sealed: &sealed }.emit(out);
}

/// What a data packet was sealed with: a session key, by its number, and a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seal {
    pub(super) key: KeyId,
    /// Which of the session's two directions, 0 or 1.
    pub direction: u8,
    /// The nonce, whole.
    pub nonce: Nonce,
}

impl Seal {
    /// Whether both were counted from one base nonce: by one sender, under one session key.
    #[must_use]
    pub fn same_count(&self, other: &Self) -> bool {
        self.is_beside(other)
            && self.direction == other.direction
            && nonce::same_count(&self.nonce, &other.nonce)
    }

    /// The same with another nonce.
    #[must_use]
    pub const fn with(self, nonce: Nonce) -> Self {
        Self { nonce, ..self }
    }

    /// Whether both have one session key.
    #[must_use]
    pub fn is_beside(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
