//! The one place that knows which library implements NaCl's `crypto_box`.
//!
//! `box(K, n, m)` of packets §0: XSalsa20-Poly1305 under a *precomputed* key (X25519 followed by
//! HSalsa20, NaCl's "beforenm" value), the 16-byte tag in front of the ciphertext.

use dryoc::classic::crypto_box::crypto_box_beforenm;
use dryoc::classic::crypto_core::crypto_scalarmult_base;
use dryoc::classic::crypto_hash::crypto_hash_sha512;
use dryoc::classic::crypto_secretbox::{crypto_secretbox_detached, crypto_secretbox_open_detached};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::wire::{Nonce, PublicKey};

/// Length in bytes of the Poly1305 tag in front of every box.
pub const TAG_LENGTH: usize = 16;

/// A precomputed 32-byte box key. It opens boxes of both directions (packets §0).
///
/// A secret: no `Debug`, no `Display`, wiped when dropped.
#[derive(Clone, PartialEq, Eq, Hash, Zeroize, ZeroizeOnDrop)]
pub struct BoxKey([u8; 32]);

/// A 32-byte X25519 secret key. A secret: no `Debug`, no `Display`, wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretKey([u8; 32]);

impl BoxKey {
    /// Wraps the 32 bytes of a precomputed key.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key that `ours` and `theirs` share, or `None` for a `theirs` of low order, which no honest
    /// party has. Costs about a hundred times what opening a short box does.
    #[must_use]
    pub fn derive(theirs: &PublicKey, ours: &SecretKey) -> Option<Self> {
        crypto_box_beforenm(&theirs.0, &ours.0).ok().map(Self)
    }

    /// The 32 bytes, for a key log or for a peer implementation.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Opens `sealed` (tag and ciphertext) into `plain`, which is cleared first. `false` when the tag
    /// does not verify or `sealed` has no room for one; `plain` is then empty.
    #[must_use]
    pub fn open(&self, nonce: &Nonce, sealed: &[u8], plain: &mut Vec<u8>) -> bool {
        let Some((tag, ciphertext)) = sealed.split_first_chunk::<TAG_LENGTH>() else {
            plain.clear();
            return false;
        };
        // Not cleared first: what was there need not be zeroed to be written over.
        plain.resize(ciphertext.len(), 0);
        let opened = crypto_secretbox_open_detached(plain, ciphertext, tag, &nonce.0, &self.0);
        if opened.is_err() {
            plain.clear();
        }
        opened.is_ok()
    }

    /// Seals `plain` and appends tag and ciphertext, `plain.len() + 16` bytes, to `out`.
    pub fn seal(&self, nonce: &Nonce, plain: &[u8], out: &mut Vec<u8>) {
        let tag_at = out.len();
        out.resize(tag_at + TAG_LENGTH + plain.len(), 0);
        let (tag, ciphertext) = out
            .get_mut(tag_at..)
            .and_then(<[u8]>::split_first_chunk_mut::<TAG_LENGTH>)
            .expect("the tag's room was made on the line above");
        crypto_secretbox_detached(ciphertext, tag, plain, &nonce.0, &self.0)
            .expect("a message in memory is far below the cipher's limit and its room was made");
    }
}

impl SecretKey {
    /// Wraps the 32 bytes of a secret key.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The public key that belongs to this secret key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        let mut public = [0; 32];
        crypto_scalarmult_base(&mut public, &self.0);
        PublicKey(public)
    }
}

/// SHA-512 of `bytes`, as handshakes carry it of their cookie (packets §4.4).
#[must_use]
pub fn sha512(bytes: &[u8]) -> [u8; 64] {
    let mut digest = [0; 64];
    crypto_hash_sha512(&mut digest, bytes);
    digest
}
