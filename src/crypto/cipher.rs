//! The one place that knows which libraries implement NaCl's `crypto_box`.
//!
//! `box(K, n, m)` of packets §0: XSalsa20-Poly1305 under a *precomputed* key (X25519 followed by
//! HSalsa20, NaCl's "beforenm" value), the 16-byte tag in front of the ciphertext.

use dryoc::classic::crypto_box::crypto_box_beforenm;
use dryoc::classic::crypto_core::{crypto_core_hsalsa20, crypto_scalarmult_base};
use dryoc::classic::crypto_hash::crypto_hash_sha512;
use dryoc::classic::crypto_onetimeauth::crypto_onetimeauth_verify;
use dryoc::classic::crypto_secretbox::{crypto_secretbox_detached, crypto_secretbox_open_detached};
use salsa20::Salsa20;
use salsa20::cipher::{KeyIvInit as _, StreamCipher as _};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::wire::{Nonce, PublicKey};

/// Length in bytes of the Poly1305 tag in front of every box.
pub const TAG_LENGTH: usize = 16;

/// Up to this length in bytes, a ciphertext is opened faster with a [`CountKey`] than block by block side by side.
const SHORT: usize = 160;

/// A precomputed 32-byte box key. It opens boxes of both directions (packets §0).
///
/// A secret: no `Debug`, no `Display`, wiped when dropped.
#[derive(Clone, PartialEq, Eq, Hash, Zeroize, ZeroizeOnDrop)]
pub struct BoxKey([u8; 32]);

/// What a box key and the first 16 bytes of a nonce make of each other (HSalsa20): the same for all nonces that are
/// counted from one, but for one count in 2^64. To have it spares a third of the work for a short box.
///
/// A secret: no `Debug`, no `Display`, wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct CountKey {
    first: [u8; 16],
    key: [u8; 32],
}

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

    /// What opens boxes with nonces near this one in less time, by [`Self::open_counted`].
    pub(super) fn counted(&self, nonce: &Nonce) -> CountKey {
        let (first, _) = halves(nonce);
        let mut key = [0; 32];
        crypto_core_hsalsa20(&mut key, first, &self.0, None);
        CountKey { first: *first, key }
    }

    /// The same as [`Self::open`], in less time if `count` is of this key and fits the nonce.
    #[must_use]
    pub(super) fn open_counted(
        &self,
        count: &CountKey,
        nonce: &Nonce,
        sealed: &[u8],
        plain: &mut Vec<u8>,
    ) -> bool {
        let (first, last) = halves(nonce);
        match sealed.split_first_chunk::<TAG_LENGTH>() {
            Some((tag, ciphertext)) if ciphertext.len() <= SHORT && *first == count.first => {
                count.open(last, tag, ciphertext, plain)
            }
            _ => self.open(nonce, sealed, plain),
        }
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

impl CountKey {
    /// NaCl's `crypto_secretbox_open`, from where HSalsa20 is done.
    fn open(
        &self,
        last: &[u8; 8],
        tag: &[u8; TAG_LENGTH],
        ciphertext: &[u8],
        plain: &mut Vec<u8>,
    ) -> bool {
        let mut cipher = Salsa20::new(&self.key.into(), last.into());
        // The key of the tag, and the first of the key stream.
        let (mut mac_key, mut stream) = ([0; 32], [0; 32]);
        cipher.apply_keystream(&mut mac_key);
        cipher.apply_keystream(&mut stream);
        plain.clear();
        let opened = crypto_onetimeauth_verify(tag, ciphertext, &mac_key).is_ok();
        if opened {
            plain.extend_from_slice(ciphertext);
            plain.iter_mut().zip(&stream).for_each(|(byte, with)| *byte ^= with);
            cipher.apply_keystream(plain.get_mut(stream.len()..).unwrap_or_default());
        }
        mac_key.zeroize();
        stream.zeroize();
        opened
    }
}

/// The part of a nonce that HSalsa20 takes, and the part that Salsa20 takes.
fn halves(nonce: &Nonce) -> (&[u8; 16], &[u8; 8]) {
    let (first, last) = nonce.0.split_first_chunk().expect("a nonce has 24 bytes");
    (first, last.first_chunk().expect("so 8 are left"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_for_a_count_opens_what_the_key_itself_opens_and_nothing_else() {
        let key = BoxKey::new(std::array::from_fn(|i| i as u8));
        let nonce = Nonce([0xa5; 24]);
        let count = key.counted(&nonce);
        let mut elsewhere = nonce;
        elsewhere.0[0] ^= 1;
        for length in [0, 1, 31, 32, 33, 63, 64, 65, SHORT - 1, SHORT, SHORT + 1, 1400] {
            for nonce in [nonce, nonce.wrapping_add(1), nonce.wrapping_add(1 << 60), elsewhere] {
                let (message, mut sealed) = (vec![7; length], Vec::new());
                key.seal(&nonce, &message, &mut sealed);
                let mut plain = b"what was there".to_vec();
                assert!(key.open_counted(&count, &nonce, &sealed, &mut plain));
                assert_eq!(plain, message);
                let wrong = nonce.wrapping_add(2);
                assert!(!key.open_counted(&count, &wrong, &sealed, &mut plain));
                assert!(plain.is_empty());
                sealed[0] ^= 1;
                assert!(!key.open_counted(&count, &nonce, &sealed, &mut plain));
            }
        }
        assert!(!key.open_counted(&count, &nonce, &[0; TAG_LENGTH - 1], &mut Vec::new()));
    }
}
