//! People in text: what they are called, and whose key it is.

use std::fmt;
use std::net::SocketAddr;

use crate::dissect::Party;
use crate::printable::printable;
use crate::wire::{Hex, PublicKey};

/// Digits of a key that tell people apart well enough in a list.
const SHORT_KEY: usize = 4;

/// Columns of a name in a list.
const NAME_WIDTH: usize = 11;

/// Columns that most senders and receivers fill: an IPv4 address with port.
pub(super) const WIDTH: usize = 21;

/// The beginning of a key, for lists.
pub(super) fn short(key: &[u8; 32]) -> Hex<'_> {
    Hex(key.get(..SHORT_KEY).unwrap_or(key))
}

/// Somebody in a list: name and short key, or else the address. Anybody can take any name, so it
/// never stands alone.
pub(super) struct Who<'a> {
    pub(super) party: &'a Party<'a>,
    pub(super) address: Option<SocketAddr>,
}

/// Pads to the width asked for, counted in columns of a terminal.
impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = match (self.party.real_key, self.party.name, self.address) {
            (Some(PublicKey(key)), Some(name), _) if !name.is_empty() => {
                let name = printable(name).cut(NAME_WIDTH);
                write!(f, "{name} {}", short(&key))?;
                name.width() + 1 + 2 * SHORT_KEY
            }
            (Some(PublicKey(key)), ..) => {
                short(&key).fmt(f)?;
                2 * SHORT_KEY
            }
            (None, _, Some(address)) => {
                let address = address.to_string();
                f.write_str(&address)?;
                address.len()
            }
            (None, _, None) => {
                f.write_str("?")?;
                1
            }
        };
        let room = f.width().unwrap_or(0).saturating_sub(width);
        write!(f, "{:room$}", "")
    }
}
