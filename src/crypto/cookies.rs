//! Who presents which cookie, and so, which of two people sent a handshake.
//!
//! The key of a handshake proves which two people it is between, not which of them sent it. Addresses
//! prove nothing: anybody can send from any, and send a packet again with its addresses swapped. What
//! tells is the cookie outside the handshake, which a hash inside ties to it. It was issued for the
//! sender: in a cookie response, or in the handshake of the other side (packets §4.2 to §4.4).
//!
//! The long-term key in a cookie request is no more than a *claim*: the box of a request proves who has a
//! DHT key. A receiver of a handshake takes the claim, which its own cookie brings back, to decide whose
//! key to open it with. So a claim counts here only for the handshake that presents the cookie which
//! answered it, and there decides between the two people that the handshake's key stands for.

use super::keyring::KeyId;
use super::link::to_front;
use crate::recent::Recent;
use crate::wire::PublicKey;
use crate::wire::net_crypto::{COOKIE_SIZE, CookieRequestPlain, CookieResponsePlain};

/// How many DHT keys are remembered for the requests opened with them, and how many cookies.
const REQUESTS: usize = 1 << 14;
const COOKIES: usize = 1 << 16;

/// Cookies, and the requests that they answer.
pub(super) struct Cookies {
    /// By their keys, so that whoever sends many requests displaces no others'.
    requests: Recent<KeyId, Vec<Request>>,
    /// By the cookies themselves: to hash each of them would take longer than to open what it came in.
    issued: Recent<Cookie, Issued>,
}

/// A cookie as it is on the way: sealed by whom issued it.
pub(super) type Cookie = [u8; COOKIE_SIZE];

struct Request {
    echo_id: [u8; 8],
    claimed: PublicKey,
}

/// Long-term keys of those whom a cookie concerns, as far as they are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Issued {
    /// For whom it was issued; claimed, if it was issued in a cookie response.
    pub(super) presenter: Option<PublicKey>,
    /// Who issued it.
    pub(super) issuer: Option<PublicKey>,
}

impl Cookies {
    pub(super) fn new() -> Self {
        Self { requests: Recent::new(REQUESTS), issued: Recent::new(COOKIES) }
    }

    /// Notes a request that `key` opened. Whoever has the key may repeat an echo id: the first counts.
    pub(super) fn request(&mut self, key: KeyId, plain: &CookieRequestPlain) {
        let requests = self.requests.get_or_insert(key, Vec::new);
        let CookieRequestPlain { echo_id, real_key: claimed, .. } = *plain;
        if !requests.iter().any(|known| known.echo_id == echo_id) {
            to_front(requests, Request { echo_id, claimed }, |_| false);
        }
    }

    /// Notes a response that `key` opened; gives what the request that it answers claims.
    pub(super) fn response(
        &mut self,
        key: KeyId,
        plain: &CookieResponsePlain<'_>,
    ) -> Option<PublicKey> {
        let requests = self.requests.get(&key)?;
        let request = requests.iter().find(|request| request.echo_id == plain.echo_id)?;
        let claimed = request.claimed;
        self.issue(plain.cookie, Issued { presenter: Some(claimed), issuer: None });
        Some(claimed)
    }

    /// Notes a cookie that was issued. Once it has been seen outside, anybody can say that it was for
    /// somebody else: what was noted first counts.
    pub(super) fn issue(&mut self, cookie: &Cookie, issued: Issued) {
        self.issued.get_or_insert(*cookie, || issued);
    }

    /// Whom a cookie concerns.
    pub(super) fn issued(&self, cookie: &Cookie) -> Option<Issued> {
        self.issued.peek(cookie).copied()
    }

    /// The keys that opened requests, the one used last first.
    pub(super) fn keys(&self) -> impl Iterator<Item = KeyId> {
        self.requests.iter().map(|(key, _)| *key)
    }

    /// How many were forgotten for want of room.
    pub(super) const fn forgotten(&self) -> u64 {
        self.requests.forgotten() + self.issued.forgotten()
    }
}

/// Sender and receiver of a handshake: which is which of the `parties` that are known to share its key,
/// told by its cookie. `is_theirs` says whether the session key in it is known to be of the one party
/// that is known, when only one is: a key log that leaves out whose it is.
pub(super) fn orient(
    parties: [Option<PublicKey>; 2],
    issued: Option<Issued>,
    is_theirs: impl FnOnce() -> bool,
) -> [Option<PublicKey>; 2] {
    let Some(Issued { presenter, issuer }) = issued else { return [None, None] };
    match parties {
        [Some(one), Some(other)] => {
            if presenter == Some(one) || presenter != Some(other) && issuer == Some(other) {
                [Some(one), Some(other)]
            } else if presenter == Some(other) || issuer == Some(one) {
                [Some(other), Some(one)]
            } else {
                [None, None]
            }
        }
        [Some(one), None] | [None, Some(one)] => match (presenter, issuer) {
            (Some(presenter), issuer) if presenter == one => [Some(one), issuer],
            (presenter, Some(issuer)) if issuer == one => [presenter, Some(one)],
            (None, Some(issuer)) => [Some(one), Some(issuer)],
            (Some(presenter), _) if !is_theirs() => [Some(presenter), Some(one)],
            _ => [None, None],
        },
        [None, None] => [None, None],
    }
}
