//! Properties over random inputs: T-009 to T-014, G-022, O-014.

use proptest::prelude::*;

use crate::conference::Duplicates;
use crate::conference::duplicates::Remembered;
use crate::wire::Chat;

proptest! {
    /// T-012, also over the wrap.
    #[test]
    fn with_little_disorder_each_number_is_accepted_once(
        first: u32,
        shuffle in proptest::collection::vec(0_usize..8, 1..100),
    ) {
        let mut keyed: Vec<_> = shuffle.iter().enumerate()
            .map(|(i, more)| (i + more, first.wrapping_add(i as u32))).collect();
        keyed.sort_by_key(|(place, _)| *place);
        let mut remembered = Remembered::default();
        for (_, number) in &keyed {
            let accepted = remembered.accept(*number, Chat::ID, Duplicates::Wrapping);
            prop_assert_eq!(accepted, Ok(()), "{}", number);
            prop_assert!(remembered.accept(*number, Chat::ID, Duplicates::Wrapping).is_err());
        }
        for (_, number) in &keyed {
            prop_assert!(remembered.accept(*number, Chat::ID, Duplicates::Wrapping).is_err());
        }
    }
}
