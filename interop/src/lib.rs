//! Real libtoxcore peers as witnesses: scripted stories, recorded with the truth beside them.
//!
//! * [`tox`] is libtoxcore behind a safe interface, [`ffi`] the part of its C interface used;
//! * [`net`] is the network of a story: a namespace, a filter for splits and loss, a recorder;
//! * [`keys`] makes key logs small;
//! * [`truth`] writes down what was done and what libtoxcore reported, [`savedata`] reads peer
//!   numbers from what it saves;
//! * [`target`] is a client that lets anybody into its conferences, to be sent whatever they like;
//! * [`world`] runs a story, [`scenarios`] are the stories.

#[expect(missing_docs, reason = "the functions are documented in tox.h and toxav.h")]
pub mod ffi;
pub mod keys;
pub mod net;
pub mod savedata;
pub mod scenarios;
pub mod target;
pub mod tox;
pub mod truth;
pub mod world;
