//! Where there is no original, it is said that nothing is compared with it.

#![cfg(not(original))]

#[test]
#[ignore = "libtoxcore-dev is not installed: nothing is compared with the original"]
fn both_sides_do_the_same() {}
