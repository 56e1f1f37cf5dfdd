//! The fuzz targets of the machine on random inputs, so that every run of the tests fuzzes a little.

use proptest::prelude::*;
use toxscope::fuzzing;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// G-022, O-014.
    #[test]
    fn the_machine_keeps_its_invariants(
        data in proptest::collection::vec(any::<u8>(), 0..2000),
    ) {
        fuzzing::machine_steps(&data);
    }

    /// C-008, T-017.
    #[test]
    fn sections_load_and_are_saved(data in proptest::collection::vec(any::<u8>(), 0..400)) {
        fuzzing::save_section(&data);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    /// G-004, G-005, G-007, G-022.
    #[test]
    fn worlds_heal_whatever_happens_to_them(data in proptest::collection::vec(any::<u8>(), 0..120)) {
        fuzzing::network(&data);
    }
}
