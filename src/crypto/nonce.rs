//! From the sixteen bits of a nonce that are on the wire to the whole of it (packets §5.2).

use crate::wire::Nonce;

/// How far the low 16 bits go before they repeat.
const WRAP: u64 = 1 << 16;

/// The nonces with the given low 16 bits that are nearest to `anchor`: the nearest first, then one wrap
/// ahead, then one wrap behind. So a gap of up to 98303 packets either way is bridged (C-006).
pub(super) fn near(anchor: &Nonce, low: u16) -> impl Iterator<Item = Nonce> + use<> {
    let ahead = low.wrapping_sub(anchor.low16());
    let nearest = if ahead <= 1 << 15 {
        anchor.wrapping_add(u64::from(ahead))
    } else {
        anchor.wrapping_sub(WRAP - u64::from(ahead))
    };
    (0..3).map(move |place| match place {
        0 => nearest,
        1 => nearest.wrapping_add(WRAP),
        _ => nearest.wrapping_sub(WRAP),
    })
}

/// Whether `nonce` is after `anchor`, and by less than the wraps that [`near`] bridges.
pub(super) fn is_ahead(nonce: &Nonce, anchor: &Nonce) -> bool {
    distance(nonce, anchor).is_some_and(|packets| packets > 0)
}

/// Whether [`near`] of either could have led to the other.
pub(super) fn are_close(one: &Nonce, other: &Nonce) -> bool {
    distance(one, other).is_some() || distance(other, one).is_some()
}

/// By how many packets `nonce` is ahead of `anchor`, if by fewer than two wraps.
fn distance(nonce: &Nonce, anchor: &Nonce) -> Option<u64> {
    let ahead = nonce.low16().wrapping_sub(anchor.low16());
    [u64::from(ahead), u64::from(ahead) + WRAP]
        .into_iter()
        .find(|&packets| anchor.wrapping_add(packets) == *nonce)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// C-006, across wraps of the low 16 bits and of the whole number.
        #[test]
        fn any_nonce_within_the_gap_is_among_the_nearest(
            low_start in prop::sample::select(vec![0u64, 1, 40_000, 65_535]),
            high in prop::sample::select(vec![0u8, 0xff]),
            gap in 0u64..98_303,
        ) {
            let mut bytes = [high; 24];
            bytes[22..].copy_from_slice(&(low_start as u16).to_be_bytes());
            let anchor = Nonce(bytes);
            let later = anchor.wrapping_add(gap);
            prop_assert!(near(&anchor, later.low16()).any(|nonce| nonce == later));
            prop_assert!(near(&later, anchor.low16()).any(|nonce| nonce == anchor));
            prop_assert!(are_close(&anchor, &later));
            prop_assert_eq!(is_ahead(&later, &anchor), gap > 0);
            prop_assert!(!is_ahead(&anchor, &later));
        }
    }
}
