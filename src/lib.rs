//! Packet inspection and fuzzing toolkit for Tox conferences.
//!
//! The rooms, in floor order; a room uses rooms on lower floors only:
//!
//! | Floor | Room        | What it is for                                                   |
//! |------:|-------------|------------------------------------------------------------------|
//! |     0 | [`time`]    | the only notion of time below `cli`                              |
//! |     0 | `recent`    | tables of bounded size                                           |
//! |     0 | `printable` | foreign text, made visible                                       |
//! |     0 | [`wire`]    | bytes to packets and back, one file per packet                   |
//! |     1 | [`capture`] | capture files to datagrams and streams                           |
//! |     1 | [`crypto`]  | keys to plaintext: key logs, handshakes, sessions                |
//! |     2 | [`conference`] | the reference state machine, without I/O                      |
//! |     2 | [`dissect`] | datagrams and keys to one ordered stream of records              |
//! |     3 | [`simulate`] | many endpoints in a virtual network                             |
//! |     3 | [`replay`]  | what an endpoint received through the machine; what it sent, judged |
//! |     3 | [`reseal`]  | opened packets, edited and sealed again                          |
//! |     4 | [`lint`]    | what traffic and save files have that rules do not allow         |
//! |     4 | [`corpus`]  | fuzz seeds from captures                                         |
//! |     4 | [`mutate`]  | conference packets, changed by somebody who knows what they mean |
//! |     5 | [`report`]  | records and totals as text and JSON, for any writer              |
//! |     6 | [`cli`]     | arguments, wiring, exit codes                                    |
//!
//! `fuzzing` holds one function per fuzz target and may call every room but `cli`.
#![forbid(unsafe_code)]

pub mod capture;
pub mod cli;
pub mod conference;
pub mod corpus;
pub mod crypto;
pub mod dissect;
#[doc(hidden)]
pub mod fuzzing;
pub mod lint;
pub mod mutate;
mod printable;
mod recent;
pub mod replay;
pub mod report;
pub mod reseal;
pub mod simulate;
pub mod time;
pub mod wire;
