//! Passing group messages on.

use super::RelayBack;
use super::group::{Context, Group};
use crate::wire::PublicKey;

impl Group {
    /// on to every online slot but the one it came through; R-119: and back to its
    /// author if it came straight from there. Bytes after the group number stay as they are.
    /// own messages that come back are passed on like any other.
    pub(super) fn relay(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        from: &PublicKey,
        author: &PublicKey,
    ) {
        // D-034; R-245: old releases send it back whoever wrote it.
        let back = match cx.profile.relay_back {
            RelayBack::Never => false,
            RelayBack::ToAuthor => from == author,
            RelayBack::Always => true,
        };
        let Some((id, rest)) = bytes.split_first() else { return };
        let Some((_, rest)) = rest.split_first_chunk::<2>() else { return };
        for slot in self.slots.online() {
            if slot.friend == *from && !back {
                continue;
            }
            let Some(number) = slot.group_number else { continue };
            let mut copy = Vec::with_capacity(bytes.len());
            copy.push(*id);
            copy.extend_from_slice(&number.0.to_be_bytes());
            copy.extend_from_slice(rest);
            cx.send_bytes(&slot.friend, copy);
        }
    }
}
