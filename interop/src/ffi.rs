//! The part of libtoxcore's C interface that the scenarios use (`tox.h`, `toxav.h` of 0.2.18).
//!
//! Enumerations are plain `c_int`s here; every function takes its error pointer, which may be null.

use std::ffi::{c_char, c_int, c_uint, c_void};

/// One Tox instance.
#[repr(C)]
pub struct Tox {
    opaque: [u8; 0],
}

/// Start-up options of an instance.
#[repr(C)]
pub struct Options {
    opaque: [u8; 0],
}

/// Bytes of a public key, a DHT key and a conference id.
pub const KEY: usize = 32;
/// Bytes of a Tox ID.
pub const ADDRESS: usize = 38;
/// `TOX_SAVEDATA_TYPE_TOX_SAVE`.
pub const SAVEDATA_TOX_SAVE: c_int = 1;
/// `TOX_SAVEDATA_TYPE_SECRET_KEY`.
pub const SAVEDATA_SECRET_KEY: c_int = 2;
/// `TOX_MESSAGE_TYPE_NORMAL`.
pub const MESSAGE_NORMAL: c_int = 0;
/// `TOX_MESSAGE_TYPE_ACTION`.
pub const MESSAGE_ACTION: c_int = 1;
/// `TOX_CONFERENCE_TYPE_TEXT`.
pub const CONFERENCE_TEXT: c_int = 0;
/// `TOX_CONFERENCE_TYPE_AV`.
pub const CONFERENCE_AV: c_int = 1;

/// Our own connection went up or down.
pub type SelfConnectionCb = extern "C" fn(*mut Tox, c_int, *mut c_void);
/// A friend went on- or offline.
pub type FriendConnectionCb = extern "C" fn(*mut Tox, u32, c_int, *mut c_void);
/// Somebody wants to be a friend: key, text.
pub type FriendRequestCb = extern "C" fn(*mut Tox, *const u8, *const u8, usize, *mut c_void);
/// A friend writes: friend, kind, text.
pub type FriendMessageCb = extern "C" fn(*mut Tox, u32, c_int, *const u8, usize, *mut c_void);
/// A friend invites: friend, type, cookie.
pub type InviteCb = extern "C" fn(*mut Tox, u32, c_int, *const u8, usize, *mut c_void);
/// A conference was joined, or its peer list changed.
pub type ConferenceCb = extern "C" fn(*mut Tox, u32, *mut c_void);
/// A message: conference, peer index, kind, text.
pub type MessageCb = extern "C" fn(*mut Tox, u32, u32, c_int, *const u8, usize, *mut c_void);
/// A title or a name: conference, peer index, text.
pub type TextCb = extern "C" fn(*mut Tox, u32, u32, *const u8, usize, *mut c_void);
/// Sound: conference, peer index, samples, samples per channel, channels, rate.
pub type AudioCb = extern "C" fn(*mut c_void, u32, u32, *const i16, u32, u8, u32, *mut c_void);

unsafe extern "C" {
    pub fn tox_version_major() -> u32;
    pub fn tox_version_minor() -> u32;
    pub fn tox_version_patch() -> u32;

    pub fn tox_options_new(error: *mut c_int) -> *mut Options;
    pub fn tox_options_free(options: *mut Options);
    pub fn tox_options_set_ipv6_enabled(options: *mut Options, on: bool);
    pub fn tox_options_set_udp_enabled(options: *mut Options, on: bool);
    pub fn tox_options_set_local_discovery_enabled(options: *mut Options, on: bool);
    pub fn tox_options_set_hole_punching_enabled(options: *mut Options, on: bool);
    pub fn tox_options_set_start_port(options: *mut Options, port: u16);
    pub fn tox_options_set_end_port(options: *mut Options, port: u16);
    pub fn tox_options_set_tcp_port(options: *mut Options, port: u16);
    pub fn tox_options_set_savedata_type(options: *mut Options, kind: c_int);
    pub fn tox_options_set_savedata_data(options: *mut Options, data: *const u8, length: usize);

    pub fn tox_new(options: *const Options, error: *mut c_int) -> *mut Tox;
    pub fn tox_kill(tox: *mut Tox);
    pub fn tox_iterate(tox: *mut Tox, user_data: *mut c_void);
    pub fn tox_get_savedata_size(tox: *const Tox) -> usize;
    pub fn tox_get_savedata(tox: *const Tox, data: *mut u8);
    pub fn tox_bootstrap(
        tox: *mut Tox,
        host: *const c_char,
        port: u16,
        dht_key: *const u8,
        error: *mut c_int,
    ) -> bool;

    pub fn tox_add_tcp_relay(
        tox: *mut Tox,
        host: *const c_char,
        port: u16,
        dht_key: *const u8,
        error: *mut c_int,
    ) -> bool;

    pub fn tox_self_get_public_key(tox: *const Tox, key: *mut u8);
    pub fn tox_self_get_address(tox: *const Tox, address: *mut u8);
    pub fn tox_self_get_dht_id(tox: *const Tox, key: *mut u8);
    pub fn tox_self_get_udp_port(tox: *const Tox, error: *mut c_int) -> u16;
    pub fn tox_self_set_name(
        tox: *mut Tox,
        name: *const u8,
        length: usize,
        error: *mut c_int,
    ) -> bool;
    pub fn tox_friend_add_norequest(tox: *mut Tox, key: *const u8, error: *mut c_int) -> u32;

    pub fn tox_conference_new(tox: *mut Tox, error: *mut c_int) -> u32;
    pub fn tox_conference_delete(tox: *mut Tox, conference: u32, error: *mut c_int) -> bool;
    pub fn tox_conference_get_id(tox: *const Tox, conference: u32, id: *mut u8) -> bool;
    pub fn tox_conference_get_type(tox: *const Tox, conference: u32, error: *mut c_int) -> c_int;
    pub fn tox_conference_get_chatlist_size(tox: *const Tox) -> usize;
    pub fn tox_conference_get_chatlist(tox: *const Tox, list: *mut u32);
    pub fn tox_conference_invite(
        tox: *mut Tox,
        friend: u32,
        conference: u32,
        error: *mut c_int,
    ) -> bool;
    pub fn tox_conference_join(
        tox: *mut Tox,
        friend: u32,
        cookie: *const u8,
        length: usize,
        error: *mut c_int,
    ) -> u32;
    pub fn tox_conference_send_message(
        tox: *mut Tox,
        conference: u32,
        kind: c_int,
        text: *const u8,
        length: usize,
        error: *mut c_int,
    ) -> bool;
    pub fn tox_conference_set_title(
        tox: *mut Tox,
        conference: u32,
        title: *const u8,
        length: usize,
        error: *mut c_int,
    ) -> bool;
    pub fn tox_conference_get_title_size(
        tox: *const Tox,
        conference: u32,
        error: *mut c_int,
    ) -> usize;
    pub fn tox_conference_get_title(
        tox: *const Tox,
        conference: u32,
        title: *mut u8,
        error: *mut c_int,
    ) -> bool;

    pub fn tox_conference_peer_count(tox: *const Tox, conference: u32, error: *mut c_int) -> u32;
    pub fn tox_conference_peer_get_public_key(
        tox: *const Tox,
        conference: u32,
        index: u32,
        key: *mut u8,
        error: *mut c_int,
    ) -> bool;
    pub fn tox_conference_peer_get_name_size(
        tox: *const Tox,
        conference: u32,
        index: u32,
        error: *mut c_int,
    ) -> usize;
    pub fn tox_conference_peer_get_name(
        tox: *const Tox,
        conference: u32,
        index: u32,
        name: *mut u8,
        error: *mut c_int,
    ) -> bool;
    pub fn tox_conference_offline_peer_count(
        tox: *const Tox,
        conference: u32,
        error: *mut c_int,
    ) -> u32;
    pub fn tox_conference_offline_peer_get_public_key(
        tox: *const Tox,
        conference: u32,
        index: u32,
        key: *mut u8,
        error: *mut c_int,
    ) -> bool;
    pub fn tox_conference_offline_peer_get_name_size(
        tox: *const Tox,
        conference: u32,
        index: u32,
        error: *mut c_int,
    ) -> usize;
    pub fn tox_conference_offline_peer_get_name(
        tox: *const Tox,
        conference: u32,
        index: u32,
        name: *mut u8,
        error: *mut c_int,
    ) -> bool;

    pub fn tox_callback_self_connection_status(tox: *mut Tox, callback: Option<SelfConnectionCb>);
    pub fn tox_callback_friend_connection_status(
        tox: *mut Tox,
        callback: Option<FriendConnectionCb>,
    );
    pub fn tox_callback_friend_request(tox: *mut Tox, callback: Option<FriendRequestCb>);
    pub fn tox_callback_friend_message(tox: *mut Tox, callback: Option<FriendMessageCb>);
    pub fn tox_callback_conference_invite(tox: *mut Tox, callback: Option<InviteCb>);
    pub fn tox_callback_conference_connected(tox: *mut Tox, callback: Option<ConferenceCb>);
    pub fn tox_callback_conference_message(tox: *mut Tox, callback: Option<MessageCb>);
    pub fn tox_callback_conference_title(tox: *mut Tox, callback: Option<TextCb>);
    pub fn tox_callback_conference_peer_name(tox: *mut Tox, callback: Option<TextCb>);
    pub fn tox_callback_conference_peer_list_changed(tox: *mut Tox, callback: Option<ConferenceCb>);

    pub fn toxav_add_av_groupchat(
        tox: *mut Tox,
        callback: Option<AudioCb>,
        user_data: *mut c_void,
    ) -> c_int;
    pub fn toxav_join_av_groupchat(
        tox: *mut Tox,
        friend: u32,
        cookie: *const u8,
        length: u16,
        callback: Option<AudioCb>,
        user_data: *mut c_void,
    ) -> c_int;
    pub fn toxav_group_send_audio(
        tox: *mut Tox,
        conference: u32,
        samples: *const i16,
        count: c_uint,
        channels: u8,
        rate: u32,
    ) -> c_int;
}
