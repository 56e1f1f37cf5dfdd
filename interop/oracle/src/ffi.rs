//! The part of libtoxcore 0.2.18 that is used: a few functions of its public interface, and those of
//! its conference module and messenger, which are no public interface and are declared by what they
//! take.

#![expect(missing_docs, reason = "each function does what its name says; see src/original.rs")]

use std::ffi::{c_int, c_void};

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

/// The messenger of an instance.
#[repr(C)]
pub struct Messenger {
    opaque: [u8; 0],
}

/// The conferences of an instance.
#[repr(C)]
pub struct GroupChats {
    opaque: [u8; 0],
}

/// The clock of an instance.
#[repr(C)]
pub struct MonoTime {
    opaque: [u8; 0],
}

/// `TOX_SAVEDATA_TYPE_SECRET_KEY`.
pub const SAVEDATA_SECRET_KEY: c_int = 2;
/// Type of the conferences section of a save file (packets §12.1).
pub const SECTION_CONFERENCES: u16 = 20;

/// A friend connection went up or down: object, its number, up.
pub type StatusFn = unsafe extern "C" fn(*mut c_void, c_int, bool, *mut c_void) -> c_int;
/// A packet on a friend connection: object, its number, bytes.
pub type DataFn = unsafe extern "C" fn(*mut c_void, c_int, *const u8, u16, *mut c_void) -> c_int;
/// A conference packet of a friend (0x60): friend number, bytes after the data id.
pub type InviteFn = unsafe extern "C" fn(*mut Messenger, u32, *const u8, u16, *mut c_void);

/// A friend invites: friend number, type, cookie.
pub type InvitedFn =
    unsafe extern "C" fn(*mut Messenger, u32, c_int, *const u8, usize, *mut c_void);
/// A conference: joined, or its peer list changed.
pub type ConferenceFn = unsafe extern "C" fn(*mut Messenger, u32, *mut c_void);
/// A message: conference, peer index, kind, text.
pub type MessageFn =
    unsafe extern "C" fn(*mut Messenger, u32, u32, c_int, *const u8, usize, *mut c_void);
/// A title or a name: conference, peer index, text.
pub type TextFn = unsafe extern "C" fn(*mut Messenger, u32, u32, *const u8, usize, *mut c_void);
/// Peer joined: object of the conference, conference, peer index.
pub type JoinFn = unsafe extern "C" fn(*mut c_void, u32, u32);
/// Peer left: object of the conference, conference, object of the peer.
pub type LeaveFn = unsafe extern "C" fn(*mut c_void, u32, *mut c_void);
/// A lossy packet: object, conference, peer index, object of the peer, bytes after the lossy id.
pub type LossyFn =
    unsafe extern "C" fn(*mut c_void, u32, u32, *mut c_void, *const u8, u16) -> c_int;

unsafe extern "C" {
    pub fn tox_options_new(error: *mut c_int) -> *mut Options;
    pub fn tox_options_free(options: *mut Options);
    pub fn tox_options_set_udp_enabled(options: *mut Options, on: bool);
    pub fn tox_options_set_local_discovery_enabled(options: *mut Options, on: bool);
    pub fn tox_options_set_savedata_type(options: *mut Options, kind: c_int);
    pub fn tox_options_set_savedata_data(options: *mut Options, data: *const u8, length: usize);
    pub fn tox_new(options: *const Options, error: *mut c_int) -> *mut Tox;
    pub fn tox_kill(tox: *mut Tox);
    pub fn tox_version_major() -> u32;
    pub fn tox_version_minor() -> u32;
    pub fn tox_version_patch() -> u32;

    pub fn setname(m: *mut Messenger, name: *const u8, length: u16) -> c_int;

    pub fn new_groupchats(time: *const MonoTime, m: *mut Messenger) -> *mut GroupChats;
    pub fn kill_groupchats(chats: *mut GroupChats);
    pub fn do_groupchats(chats: *mut GroupChats, user_data: *mut c_void);
    pub fn g_mono_time(chats: *const GroupChats) -> *const MonoTime;

    pub fn g_callback_group_invite(chats: *mut GroupChats, function: Option<InvitedFn>);
    pub fn g_callback_group_connected(chats: *mut GroupChats, function: Option<ConferenceFn>);
    pub fn g_callback_group_message(chats: *mut GroupChats, function: Option<MessageFn>);
    pub fn g_callback_group_title(chats: *mut GroupChats, function: Option<TextFn>);
    pub fn g_callback_peer_name(chats: *mut GroupChats, function: Option<TextFn>);
    pub fn g_callback_peer_list_changed(chats: *mut GroupChats, function: Option<ConferenceFn>);
    pub fn callback_groupchat_peer_new(
        chats: *const GroupChats,
        group: u32,
        function: Option<JoinFn>,
    ) -> c_int;
    pub fn callback_groupchat_peer_delete(
        chats: *const GroupChats,
        group: u32,
        function: Option<LeaveFn>,
    ) -> c_int;
    pub fn group_lossy_packet_registerhandler(
        chats: *mut GroupChats,
        id: u8,
        function: Option<LossyFn>,
    );
    pub fn group_peer_set_object(
        chats: *const GroupChats,
        group: u32,
        peer: u32,
        object: *mut c_void,
    ) -> c_int;

    pub fn add_groupchat(chats: *mut GroupChats, dice: *const c_void, kind: u8) -> c_int;
    pub fn del_groupchat(chats: *mut GroupChats, group: u32, for_good: bool) -> bool;
    pub fn invite_friend(chats: *const GroupChats, friend: u32, group: u32) -> c_int;
    pub fn join_groupchat(
        chats: *mut GroupChats,
        friend: u32,
        kind: u8,
        cookie: *const u8,
        length: u16,
    ) -> c_int;
    pub fn group_message_send(
        chats: *const GroupChats,
        group: u32,
        text: *const u8,
        length: u16,
    ) -> c_int;
    pub fn group_action_send(
        chats: *const GroupChats,
        group: u32,
        text: *const u8,
        length: u16,
    ) -> c_int;
    pub fn group_title_send(
        chats: *const GroupChats,
        group: u32,
        title: *const u8,
        length: u8,
    ) -> c_int;
    pub fn group_set_max_frozen(chats: *const GroupChats, group: u32, limit: u32) -> c_int;
    pub fn send_group_lossy_packet(
        chats: *const GroupChats,
        group: u32,
        data: *const u8,
        length: u16,
    ) -> c_int;
    pub fn send_name_all_groups(chats: *const GroupChats);

    pub fn count_chatlist(chats: *const GroupChats) -> u32;
    pub fn copy_chatlist(chats: *const GroupChats, list: *mut u32, size: u32) -> u32;
    pub fn group_get_type(chats: *const GroupChats, group: u32) -> c_int;
    pub fn conference_get_id(chats: *const GroupChats, group: u32, id: *mut u8) -> bool;
    pub fn group_title_get(chats: *const GroupChats, group: u32, title: *mut u8) -> c_int;
    pub fn group_number_peers(chats: *const GroupChats, group: u32, frozen: bool) -> c_int;
    pub fn group_peer_pubkey(
        chats: *const GroupChats,
        group: u32,
        peer: u32,
        key: *mut u8,
        frozen: bool,
    ) -> c_int;
    pub fn group_peername(
        chats: *const GroupChats,
        group: u32,
        peer: u32,
        name: *mut u8,
        frozen: bool,
    ) -> c_int;
    pub fn group_peernumber_is_ours(chats: *const GroupChats, group: u32, peer: u32) -> c_int;
    pub fn group_frozen_last_active(
        chats: *const GroupChats,
        group: u32,
        peer: u32,
        seconds: *mut u64,
    ) -> c_int;

    pub fn conferences_size(chats: *const GroupChats) -> u32;
    pub fn conferences_save(chats: *const GroupChats, data: *mut u8) -> *mut u8;
    pub fn conferences_load_state_section(
        chats: *mut GroupChats,
        data: *const u8,
        length: u32,
        kind: u16,
        status: *mut c_int,
    ) -> bool;
}
