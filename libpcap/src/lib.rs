//! Opens libpcap when it is first used.
//!
//! The `pcap` crate is linked with `-lpcap`, which needs libpcap's development files to build and
//! libpcap to start. This crate satisfies `-lpcap` with a small archive instead (`src/forward.c`): each
//! function that the crate declares, forwarding to the one of the real library, which is opened with
//! `dlopen` at the first call. Without libpcap the program builds, starts and does everything else;
//! opening a device fails with a message that says what to install.
//!
//! With `TOXSCOPE_LINK_LIBPCAP=1` in the environment of the build there is no archive, and the system's
//! linker finds libpcap as usual: for packagers. There is no Rust code here.
#![forbid(unsafe_code)]
