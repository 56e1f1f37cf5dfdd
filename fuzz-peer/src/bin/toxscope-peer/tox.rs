//! One libtoxcore instance behind a safe interface.

use std::cell::RefCell;
use std::ffi::{CString, c_int, c_uint, c_void};
use std::ptr::{NonNull, null_mut};
use std::slice;

use crate::api::{self, Api, Instance};

/// What libtoxcore reported.
pub(crate) enum Event {
    /// Somebody with this key wants to be a friend.
    Request([u8; api::KEY]),
    /// A friend is there, or not any more.
    Friend(u32, bool),
    /// A friend invites to a conference, with audio or without.
    Invited { friend: u32, has_audio: bool, cookie: Vec<u8> },
}

type Inbox = RefCell<Vec<Event>>;

/// A running instance; dropping it shuts it down as a client would.
pub(crate) struct Tox<'a> {
    api: &'a Api,
    tox: NonNull<Instance>,
}

/// What it begins with.
pub(crate) enum Origin<'a> {
    SecretKey(&'a [u8]),
    Saved(&'a [u8]),
}

/// libtoxcore's word for "no such thing".
const NONE: u32 = u32::MAX;

impl<'a> Tox<'a> {
    /// Starts one that finds nobody by itself: no discovery on the local network.
    pub(crate) fn start(api: &'a Api, ipv6: bool, origin: &Origin<'_>) -> Result<Self, String> {
        let (kind, data) = match origin {
            Origin::SecretKey(key) => (api::SECRET_KEY, *key),
            Origin::Saved(data) => (api::TOX_SAVE, *data),
        };
        let mut error = 0;
        // SAFETY: the options are checked and freed once; tox_new copies the data, which outlives it.
        let tox = unsafe {
            let options = (api.tox_options_new)(&raw mut error);
            if options.is_null() {
                return Err("libtoxcore has no memory for options".to_owned());
            }
            (api.tox_options_set_ipv6_enabled)(options, ipv6);
            (api.tox_options_set_local_discovery_enabled)(options, false);
            (api.tox_options_set_hole_punching_enabled)(options, false);
            (api.tox_options_set_savedata_type)(options, kind);
            (api.tox_options_set_savedata_data)(options, data.as_ptr(), data.len());
            let tox = (api.tox_new)(options, &raw mut error);
            (api.tox_options_free)(options);
            tox
        };
        let tox = NonNull::new(tox).ok_or(format!("libtoxcore does not start: error {error}"))?;
        let it = Self { api, tox };
        // SAFETY: the instance is alive and the callbacks have the signatures of `tox.h`.
        unsafe {
            (api.tox_callback_friend_request)(it.pointer(), Some(on_request));
            (api.tox_callback_friend_connection_status)(it.pointer(), Some(on_friend));
            (api.tox_callback_conference_invite)(it.pointer(), Some(on_invite));
        }
        // Audio is to be turned on anew in conferences that were saved.
        for conference in it.conferences() {
            if it.has_audio(conference) {
                // SAFETY: a live instance; the callback needs no data.
                unsafe {
                    (api.toxav_groupchat_enable_av)(
                        it.pointer(),
                        conference,
                        Some(on_audio),
                        null_mut(),
                    )
                };
            }
        }
        Ok(it)
    }

    fn pointer(&self) -> *mut Instance {
        self.tox.as_ptr()
    }

    /// One pass of its main loop.
    pub(crate) fn iterate(&mut self) -> Vec<Event> {
        let inbox = Inbox::default();
        // SAFETY: a live instance; the callbacks get the inbox, which outlives the call.
        unsafe { (self.api.tox_iterate)(self.pointer(), (&raw const inbox).cast_mut().cast()) };
        inbox.into_inner()
    }

    pub(crate) fn saved(&self) -> Vec<u8> {
        // SAFETY: as many bytes are written as the size says.
        unsafe {
            let mut data = vec![0; (self.api.tox_get_savedata_size)(self.pointer())];
            (self.api.tox_get_savedata)(self.pointer(), data.as_mut_ptr());
            data
        }
    }

    pub(crate) fn bootstrap(&mut self, host: &str, port: u16, key: &[u8; 32]) -> bool {
        let Ok(host) = CString::new(host) else { return false };
        // SAFETY: the name ends with a zero byte, the key has its size.
        unsafe {
            (self.api.tox_bootstrap)(self.pointer(), host.as_ptr(), port, key.as_ptr(), null_mut())
        }
    }

    pub(crate) fn address(&self) -> [u8; api::ADDRESS] {
        let mut address = [0; api::ADDRESS];
        // SAFETY: room for an address.
        unsafe { (self.api.tox_self_get_address)(self.pointer(), address.as_mut_ptr()) };
        address
    }

    pub(crate) fn set_nospam(&mut self, nospam: u32) {
        // SAFETY: a live instance.
        unsafe { (self.api.tox_self_set_nospam)(self.pointer(), nospam) };
    }

    pub(crate) fn set_name(&mut self, name: &[u8]) {
        // SAFETY: a live instance and a live slice.
        unsafe {
            (self.api.tox_self_set_name)(self.pointer(), name.as_ptr(), name.len(), null_mut())
        };
    }

    /// Friends that are there.
    pub(crate) fn friends(&self) -> Vec<u32> {
        // SAFETY: as many numbers are written as the size says.
        let mut friends = unsafe {
            let mut list = vec![0; (self.api.tox_self_get_friend_list_size)(self.pointer())];
            (self.api.tox_self_get_friend_list)(self.pointer(), list.as_mut_ptr());
            list
        };
        // SAFETY: a live instance.
        friends.retain(|friend| unsafe {
            (self.api.tox_friend_get_connection_status)(self.pointer(), *friend, null_mut()) != 0
        });
        friends
    }

    /// Asks somebody to be a friend.
    pub(crate) fn ask(&mut self, address: &[u8; api::ADDRESS]) {
        let text =
            b"toxscope fuzz-peer: invite me to a conference, and I shall send it odd packets";
        // SAFETY: the address has its size, the text is a live slice.
        unsafe {
            (self.api.tox_friend_add)(
                self.pointer(),
                address.as_ptr(),
                text.as_ptr(),
                text.len(),
                null_mut(),
            )
        };
    }

    /// Has somebody as a friend who asked, or who knows already.
    pub(crate) fn befriend(&mut self, key: &[u8; api::KEY]) {
        // SAFETY: the key has its size.
        unsafe { (self.api.tox_friend_add_norequest)(self.pointer(), key.as_ptr(), null_mut()) };
    }

    pub(crate) fn tell(&mut self, friend: u32, text: &[u8]) {
        // SAFETY: a live instance and a live slice.
        unsafe {
            (self.api.tox_friend_send_message)(
                self.pointer(),
                friend,
                0,
                text.as_ptr(),
                text.len(),
                null_mut(),
            )
        };
    }

    pub(crate) fn conferences(&self) -> Vec<u32> {
        // SAFETY: as many numbers are written as the size says.
        unsafe {
            let mut list = vec![0; (self.api.tox_conference_get_chatlist_size)(self.pointer())];
            (self.api.tox_conference_get_chatlist)(self.pointer(), list.as_mut_ptr());
            list
        }
    }

    pub(crate) fn has_audio(&self, conference: u32) -> bool {
        // SAFETY: a live instance.
        unsafe { (self.api.tox_conference_get_type)(self.pointer(), conference, null_mut()) == 1 }
    }

    /// How many members are present, ourselves included.
    pub(crate) fn members(&self, conference: u32) -> u32 {
        // SAFETY: a live instance.
        let count =
            unsafe { (self.api.tox_conference_peer_count)(self.pointer(), conference, null_mut()) };
        if count == NONE { 0 } else { count }
    }

    /// Founds a conference and invites a friend to it.
    pub(crate) fn found(&mut self, friend: u32) {
        // SAFETY: a live instance.
        unsafe {
            let conference = (self.api.tox_conference_new)(self.pointer(), null_mut());
            if conference != NONE {
                (self.api.tox_conference_invite)(self.pointer(), friend, conference, null_mut());
            }
        }
    }

    pub(crate) fn join(&mut self, friend: u32, has_audio: bool, cookie: &[u8]) {
        let Ok(length) = u16::try_from(cookie.len()) else { return };
        // SAFETY: a live instance and a live slice; the callback needs no data.
        unsafe {
            let (tox, cookie) = (self.pointer(), cookie.as_ptr());
            if has_audio {
                (self.api.toxav_join_av_groupchat)(
                    tox,
                    friend,
                    cookie,
                    length,
                    Some(on_audio),
                    null_mut(),
                );
            } else {
                (self.api.tox_conference_join)(tox, friend, cookie, length.into(), null_mut());
            }
        }
    }

    pub(crate) fn leave(&mut self, conference: u32) {
        // SAFETY: a live instance.
        unsafe { (self.api.tox_conference_delete)(self.pointer(), conference, null_mut()) };
    }

    pub(crate) fn say(&mut self, conference: u32, is_action: bool, text: &[u8]) {
        // SAFETY: a live instance and a live slice.
        unsafe {
            (self.api.tox_conference_send_message)(
                self.pointer(),
                conference,
                is_action.into(),
                text.as_ptr(),
                text.len(),
                null_mut(),
            )
        };
    }

    pub(crate) fn set_title(&mut self, conference: u32, title: &[u8]) {
        // SAFETY: a live instance and a live slice.
        unsafe {
            (self.api.tox_conference_set_title)(
                self.pointer(),
                conference,
                title.as_ptr(),
                title.len(),
                null_mut(),
            )
        };
    }

    /// Sends 20 ms of sound.
    pub(crate) fn sound(&mut self, conference: u32, tone: u64) {
        let wave: Vec<i16> = (0..960_u64).map(|n| ((n * (tone % 50 + 1)) % 4096) as i16).collect();
        // SAFETY: so many samples of one channel.
        unsafe {
            (self.api.toxav_group_send_audio)(
                self.pointer(),
                conference,
                wave.as_ptr(),
                960,
                1,
                48_000,
            )
        };
    }
}

impl Drop for Tox<'_> {
    fn drop(&mut self) {
        // SAFETY: a live instance, which nobody has any more.
        unsafe { (self.api.tox_kill)(self.pointer()) };
    }
}

/// # Safety
///
/// `data` is null or the inbox that [`Tox::iterate`] handed to libtoxcore.
unsafe fn push(data: *mut c_void, event: Event) {
    // SAFETY: says the caller.
    if let Some(inbox) = unsafe { data.cast::<Inbox>().as_ref() } {
        inbox.borrow_mut().push(event);
    }
}

extern "C" fn on_request(
    _: *mut Instance,
    key: *const u8,
    _: *const u8,
    _: usize,
    data: *mut c_void,
) {
    // SAFETY: libtoxcore gives a key of its size, and the inbox.
    unsafe { push(data, Event::Request(*key.cast::<[u8; api::KEY]>())) };
}

extern "C" fn on_friend(_: *mut Instance, friend: u32, status: c_int, data: *mut c_void) {
    // SAFETY: libtoxcore gives the inbox.
    unsafe { push(data, Event::Friend(friend, status != 0)) };
}

extern "C" fn on_invite(
    _: *mut Instance,
    friend: u32,
    kind: c_int,
    cookie: *const u8,
    length: usize,
    data: *mut c_void,
) {
    // SAFETY: libtoxcore gives so many bytes, and the inbox.
    unsafe {
        let cookie = slice::from_raw_parts(cookie, length).to_vec();
        push(data, Event::Invited { friend, has_audio: kind == 1, cookie });
    }
}

extern "C" fn on_audio(
    _: *mut c_void,
    _: u32,
    _: u32,
    _: *const i16,
    _: c_uint,
    _: u8,
    _: c_uint,
    _: *mut c_void,
) {
}
