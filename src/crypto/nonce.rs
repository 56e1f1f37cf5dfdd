//! From the sixteen bits of a nonce that are on the wire to the whole of it (packets §5.2).

use crate::wire::Nonce;

/// How far the low 16 bits go before they repeat.
const WRAP: u64 = 1 << 16;

/// Nonces closer than this belong to one count: no session sends as many packets, and base nonces are
/// chosen from 2^192.
const SAME_COUNT: u64 = 1 << 48;

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

/// Whether both were counted from the same base nonce.
pub(super) fn same_count(one: &Nonce, other: &Nonce) -> bool {
    one.since(other).is_some_and(|count| count < SAME_COUNT)
        || other.since(one).is_some_and(|count| count < SAME_COUNT)
}

/// Whether `nonce` comes after `anchor` in the count that both belong to.
pub(super) fn is_ahead(nonce: &Nonce, anchor: &Nonce) -> bool {
    nonce.since(anchor).is_some_and(|count| (1..SAME_COUNT).contains(&count))
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
            prop_assert!(same_count(&anchor, &later) && same_count(&later, &anchor));
            prop_assert_eq!(is_ahead(&later, &anchor), gap > 0);
            prop_assert!(!is_ahead(&anchor, &later));
        }
    }

    #[test]
    fn nonces_far_from_each_other_belong_to_two_counts() {
        let anchor = Nonce([7; 24]);
        let later = anchor.wrapping_add(SAME_COUNT - 1);
        assert!(same_count(&anchor, &later) && is_ahead(&later, &anchor));
        for far in
            [anchor.wrapping_add(SAME_COUNT), anchor.wrapping_sub(SAME_COUNT), Nonce([9; 24])]
        {
            assert!(!same_count(&anchor, &far) && !same_count(&far, &anchor));
            assert!(!is_ahead(&far, &anchor) && !is_ahead(&anchor, &far));
        }
    }
}
