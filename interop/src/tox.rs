//! One libtoxcore instance behind a safe interface.
//!
//! What libtoxcore tells by callback during [`Tox::iterate`] is queued and handed back as [`Event`]s.

use std::cell::RefCell;
use std::ffi::{CString, c_int, c_void};
use std::ptr::{NonNull, null_mut};
use std::slice;

use anyhow::{Result, bail, ensure};

use crate::ffi;

/// A public key, a DHT key or a conference id.
pub type Key = [u8; ffi::KEY];

/// What libtoxcore reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Our own connection: 0 none, 1 TCP, 2 UDP.
    SelfConnection(c_int),
    /// The connection of a friend, by friend number: 0 none, 1 TCP, 2 UDP.
    FriendConnection(u32, c_int),
    /// Somebody with this key wants to be a friend.
    FriendRequest(Key),
    /// A friend writes, outside of conferences.
    FriendMessage(u32, Vec<u8>),
    /// A friend invites us; the cookie is bytes 2 to 36 of the packet (packets §8.1).
    Invited {
        /// Friend number.
        friend: u32,
        /// An audio conference.
        audio: bool,
        /// Group number at the inviter, type, id.
        cookie: Vec<u8>,
    },
    /// Joining the conference has succeeded.
    Connected(u32),
    /// A message or an action, our own included.
    Message {
        /// Conference number.
        conference: u32,
        /// Who wrote it.
        author: Option<Key>,
        /// "/me".
        action: bool,
        /// Bytes as received.
        text: Vec<u8>,
    },
    /// The title is another one now; without an author when it came with a list of peers.
    Title {
        /// Conference number.
        conference: u32,
        /// Who set it.
        author: Option<Key>,
        /// Bytes as received.
        title: Vec<u8>,
    },
    /// A member has a new name.
    Name {
        /// Conference number.
        conference: u32,
        /// Whose.
        author: Option<Key>,
        /// Bytes as received.
        name: Vec<u8>,
    },
    /// Somebody came or went.
    PeersChanged(u32),
    /// Decoded sound.
    Audio {
        /// Conference number.
        conference: u32,
        /// Who spoke.
        author: Option<Key>,
        /// Samples per channel.
        samples: u32,
        /// 1 or 2.
        channels: u8,
        /// Samples a second.
        rate: u32,
    },
}

/// A member of a conference as the instance lists it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Real public key.
    pub key: Key,
    /// Name, empty when unknown.
    pub name: Vec<u8>,
}

/// How to start an instance.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The UDP port; `None` for no UDP at all.
    pub port: Option<u16>,
    /// The port at which it is a relay, if it is one.
    pub relay_port: Option<u16>,
    /// IPv6 on.
    pub ipv6: bool,
    /// What the instance begins with.
    pub from: Origin,
}

/// What an instance begins with.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A long-term secret key and nothing else.
    SecretKey(Key),
    /// What [`Tox::savedata`] returned earlier.
    Savedata(Vec<u8>),
}

/// One running instance; dropping it shuts it down as a client would.
pub struct Tox {
    tox: NonNull<ffi::Tox>,
    /// Boxed: libtoxcore keeps the address for sound.
    inbox: Box<RefCell<Vec<Event>>>,
}

/// The version of the library that is linked, such as `0.2.18`.
#[must_use]
pub fn version() -> String {
    // SAFETY: the three functions take nothing and only return numbers.
    let (major, minor, patch) =
        unsafe { (ffi::tox_version_major(), ffi::tox_version_minor(), ffi::tox_version_patch()) };
    format!("{major}.{minor}.{patch}")
}

impl Tox {
    /// Starts an instance: LAN discovery and hole punching off.
    ///
    /// # Errors
    ///
    /// libtoxcore's number for what went wrong (a taken port, bad savedata).
    pub fn start(setup: &Setup) -> Result<Self> {
        let mut error = 0;
        // SAFETY: `options` is checked and freed once; the savedata outlives `tox_new`, which
        // copies it; the other arguments are plain values.
        let tox = unsafe {
            let options = ffi::tox_options_new(&raw mut error);
            ensure!(!options.is_null(), "libtoxcore has no memory for options");
            ffi::tox_options_set_udp_enabled(options, setup.port.is_some());
            ffi::tox_options_set_ipv6_enabled(options, setup.ipv6);
            ffi::tox_options_set_local_discovery_enabled(options, false);
            ffi::tox_options_set_hole_punching_enabled(options, false);
            if let Some(port) = setup.port {
                ffi::tox_options_set_start_port(options, port);
                ffi::tox_options_set_end_port(options, port);
            }
            ffi::tox_options_set_tcp_port(options, setup.relay_port.unwrap_or(0));
            let (kind, data) = match &setup.from {
                Origin::SecretKey(key) => (ffi::SAVEDATA_SECRET_KEY, key.as_slice()),
                Origin::Savedata(data) => (ffi::SAVEDATA_TOX_SAVE, data.as_slice()),
            };
            ffi::tox_options_set_savedata_type(options, kind);
            ffi::tox_options_set_savedata_data(options, data.as_ptr(), data.len());
            let tox = ffi::tox_new(options, &raw mut error);
            ffi::tox_options_free(options);
            tox
        };
        let Some(tox) = NonNull::new(tox) else {
            bail!("libtoxcore does not start on port {:?}: error {error}", setup.port)
        };
        // SAFETY: the instance is alive and the callbacks have the signatures of `tox.h`.
        unsafe {
            let tox = tox.as_ptr();
            ffi::tox_callback_self_connection_status(tox, Some(on_self_connection));
            ffi::tox_callback_friend_connection_status(tox, Some(on_friend_connection));
            ffi::tox_callback_friend_request(tox, Some(on_friend_request));
            ffi::tox_callback_friend_message(tox, Some(on_friend_message));
            ffi::tox_callback_conference_invite(tox, Some(on_invite));
            ffi::tox_callback_conference_connected(tox, Some(on_connected));
            ffi::tox_callback_conference_message(tox, Some(on_message));
            ffi::tox_callback_conference_title(tox, Some(on_title));
            ffi::tox_callback_conference_peer_name(tox, Some(on_name));
            ffi::tox_callback_conference_peer_list_changed(tox, Some(on_peers));
        }
        Ok(Self { tox, inbox: Box::default() })
    }

    /// One turn of the main loop; what was reported meanwhile, in order.
    pub fn iterate(&mut self) -> Vec<Event> {
        // SAFETY: the instance is alive; the callbacks get the inbox, which outlives the call and
        // is not borrowed during it.
        unsafe { ffi::tox_iterate(self.tox.as_ptr(), self.inbox_pointer()) };
        self.inbox.take()
    }

    /// The complete state, as a client writes it to disk.
    #[must_use]
    pub fn savedata(&self) -> Vec<u8> {
        // SAFETY: the buffer has the size libtoxcore asks for and nothing happens in between.
        unsafe {
            let mut data = vec![0; ffi::tox_get_savedata_size(self.tox.as_ptr())];
            ffi::tox_get_savedata(self.tox.as_ptr(), data.as_mut_ptr());
            data
        }
    }

    /// Makes another node known.
    ///
    /// # Errors
    ///
    /// When libtoxcore refuses the address.
    pub fn bootstrap(&mut self, host: &str, port: u16, dht_key: &Key) -> Result<()> {
        let host = CString::new(host)?;
        let mut error = 0;
        // SAFETY: all pointers are to live values of the sizes that `tox.h` demands.
        let done = unsafe {
            ffi::tox_bootstrap(
                self.tox.as_ptr(),
                host.as_ptr(),
                port,
                dht_key.as_ptr(),
                &raw mut error,
            )
        };
        ensure!(done, "bootstrap to port {port}: error {error}");
        Ok(())
    }

    /// Gives the instance a relay to connect to.
    ///
    /// # Errors
    ///
    /// libtoxcore's number for what went wrong.
    pub fn add_relay(&mut self, host: &str, port: u16, dht_key: &Key) -> Result<()> {
        let host = CString::new(host)?;
        let mut error = 0;
        // SAFETY: all pointers are to live values of the sizes that `tox.h` demands.
        let done = unsafe {
            ffi::tox_add_tcp_relay(
                self.tox.as_ptr(),
                host.as_ptr(),
                port,
                dht_key.as_ptr(),
                &raw mut error,
            )
        };
        ensure!(done, "relay at port {port}: error {error}");
        Ok(())
    }

    /// The real public key.
    #[must_use]
    pub fn key(&self) -> Key {
        let mut key = [0; ffi::KEY];
        // SAFETY: a live instance and 32 writable bytes.
        unsafe { ffi::tox_self_get_public_key(self.tox.as_ptr(), key.as_mut_ptr()) };
        key
    }

    /// The Tox ID, by which others ask to be friends.
    #[must_use]
    pub fn address(&self) -> [u8; ffi::ADDRESS] {
        let mut address = [0; ffi::ADDRESS];
        // SAFETY: a live instance and room for an address.
        unsafe { ffi::tox_self_get_address(self.tox.as_ptr(), address.as_mut_ptr()) };
        address
    }

    /// The DHT public key of this run.
    #[must_use]
    pub fn dht_key(&self) -> Key {
        let mut key = [0; ffi::KEY];
        // SAFETY: a live instance and 32 writable bytes.
        unsafe { ffi::tox_self_get_dht_id(self.tox.as_ptr(), key.as_mut_ptr()) };
        key
    }

    /// The UDP port that is bound, 0 if none.
    #[must_use]
    pub fn port(&self) -> u16 {
        // SAFETY: a live instance; the error may be null.
        unsafe { ffi::tox_self_get_udp_port(self.tox.as_ptr(), null_mut()) }
    }

    /// Takes another name, of 0 to 128 bytes.
    ///
    /// # Errors
    ///
    /// When libtoxcore refuses it.
    pub fn set_name(&mut self, name: &[u8]) -> Result<()> {
        let mut error = 0;
        // SAFETY: a live instance and a live slice.
        let done = unsafe {
            ffi::tox_self_set_name(self.tox.as_ptr(), name.as_ptr(), name.len(), &raw mut error)
        };
        ensure!(done, "set name: error {error}");
        Ok(())
    }

    /// Adds a friend without asking; its friend number.
    ///
    /// # Errors
    ///
    /// When libtoxcore refuses the key.
    pub fn befriend(&mut self, key: &Key) -> Result<u32> {
        let mut error = 0;
        // SAFETY: a live instance and 32 readable bytes.
        let friend = unsafe {
            ffi::tox_friend_add_norequest(self.tox.as_ptr(), key.as_ptr(), &raw mut error)
        };
        ensure!(friend != u32::MAX, "add friend: error {error}");
        Ok(friend)
    }

    /// Founds a conference; its number.
    ///
    /// # Errors
    ///
    /// When libtoxcore refuses.
    pub fn found(&mut self, audio: bool) -> Result<u32> {
        // SAFETY: a live instance; the inbox lives as long as it does (see `Drop`).
        let number = unsafe {
            let tox = self.tox.as_ptr();
            if audio {
                let made = ffi::toxav_add_av_groupchat(tox, Some(on_audio), self.inbox_pointer());
                u32::try_from(made).unwrap_or(u32::MAX)
            } else {
                ffi::tox_conference_new(tox, null_mut())
            }
        };
        ensure!(number != u32::MAX, "libtoxcore founds no conference");
        Ok(number)
    }

    /// Invites a friend.
    ///
    /// # Errors
    ///
    /// When libtoxcore cannot send the invitation.
    pub fn invite(&mut self, friend: u32, conference: u32) -> Result<()> {
        let mut error = 0;
        // SAFETY: a live instance and plain numbers.
        let done = unsafe {
            ffi::tox_conference_invite(self.tox.as_ptr(), friend, conference, &raw mut error)
        };
        ensure!(done, "invite: error {error}");
        Ok(())
    }

    /// Accepts an invitation; the number of the conference.
    ///
    /// # Errors
    ///
    /// When libtoxcore refuses, for one because it is a member already.
    pub fn join(&mut self, friend: u32, cookie: &[u8], audio: bool) -> Result<u32> {
        let mut error = 0;
        // SAFETY: a live instance and a live slice; the inbox lives as long as the instance.
        let number = unsafe {
            let tox = self.tox.as_ptr();
            if audio {
                let length = u16::try_from(cookie.len())?;
                let inbox = self.inbox_pointer();
                let joined = ffi::toxav_join_av_groupchat(
                    tox,
                    friend,
                    cookie.as_ptr(),
                    length,
                    Some(on_audio),
                    inbox,
                );
                u32::try_from(joined).unwrap_or(u32::MAX)
            } else {
                ffi::tox_conference_join(tox, friend, cookie.as_ptr(), cookie.len(), &raw mut error)
            }
        };
        ensure!(number != u32::MAX, "join: error {error}");
        Ok(number)
    }

    /// Leaves a conference for good.
    ///
    /// # Errors
    ///
    /// When there is no such conference.
    pub fn leave(&mut self, conference: u32) -> Result<()> {
        let mut error = 0;
        // SAFETY: a live instance and a plain number.
        let done =
            unsafe { ffi::tox_conference_delete(self.tox.as_ptr(), conference, &raw mut error) };
        ensure!(done, "leave: error {error}");
        Ok(())
    }

    /// Says something, or does it with `action`.
    ///
    /// # Errors
    ///
    /// When libtoxcore cannot send, for one because nobody is connected.
    pub fn say(&mut self, conference: u32, action: bool, text: &[u8]) -> Result<()> {
        let kind = if action { ffi::MESSAGE_ACTION } else { ffi::MESSAGE_NORMAL };
        let mut error = 0;
        // SAFETY: a live instance and a live slice.
        let done = unsafe {
            ffi::tox_conference_send_message(
                self.tox.as_ptr(),
                conference,
                kind,
                text.as_ptr(),
                text.len(),
                &raw mut error,
            )
        };
        ensure!(done, "send message: error {error}");
        Ok(())
    }

    /// Sets the title, 1 to 128 bytes.
    ///
    /// # Errors
    ///
    /// When libtoxcore refuses it.
    pub fn set_title(&mut self, conference: u32, title: &[u8]) -> Result<()> {
        let mut error = 0;
        // SAFETY: a live instance and a live slice.
        let done = unsafe {
            ffi::tox_conference_set_title(
                self.tox.as_ptr(),
                conference,
                title.as_ptr(),
                title.len(),
                &raw mut error,
            )
        };
        ensure!(done, "set title: error {error}");
        Ok(())
    }

    /// Sends one frame of mono sound at 48 kHz (120, 240, 480, 960, 1920 or 2880 samples).
    ///
    /// # Errors
    ///
    /// When libtoxcore refuses it.
    pub fn send_audio(&mut self, conference: u32, samples: &[i16]) -> Result<()> {
        let count = u32::try_from(samples.len())?;
        // SAFETY: a live instance and `count` readable samples of one channel.
        let result = unsafe {
            ffi::toxav_group_send_audio(
                self.tox.as_ptr(),
                conference,
                samples.as_ptr(),
                count,
                1,
                48_000,
            )
        };
        ensure!(result == 0, "send audio: {result}");
        Ok(())
    }

    /// The numbers of all conferences.
    #[must_use]
    pub fn conferences(&self) -> Vec<u32> {
        // SAFETY: the buffer has the size libtoxcore asks for.
        unsafe {
            let mut list = vec![0; ffi::tox_conference_get_chatlist_size(self.tox.as_ptr())];
            ffi::tox_conference_get_chatlist(self.tox.as_ptr(), list.as_mut_ptr());
            list
        }
    }

    /// The 32 random bytes of a conference.
    #[must_use]
    pub fn conference_id(&self, conference: u32) -> Option<Key> {
        let mut id = [0; ffi::KEY];
        // SAFETY: a live instance and 32 writable bytes.
        let known =
            unsafe { ffi::tox_conference_get_id(self.tox.as_ptr(), conference, id.as_mut_ptr()) };
        known.then_some(id)
    }

    /// Whether a conference carries sound.
    #[must_use]
    pub fn is_audio(&self, conference: u32) -> bool {
        // SAFETY: a live instance and a plain number.
        let kind =
            unsafe { ffi::tox_conference_get_type(self.tox.as_ptr(), conference, null_mut()) };
        kind == ffi::CONFERENCE_AV
    }

    /// The title of a conference, empty if it has none.
    #[must_use]
    pub fn title(&self, conference: u32) -> Vec<u8> {
        let tox = self.tox.as_ptr();
        // SAFETY: the buffer has the size libtoxcore asks for; `usize::MAX` means "failed".
        unsafe {
            let size = ffi::tox_conference_get_title_size(tox, conference, null_mut());
            let mut title = vec![0; if size == usize::MAX { 0 } else { size }];
            ffi::tox_conference_get_title(tox, conference, title.as_mut_ptr(), null_mut());
            title
        }
    }

    /// The members that are there, ourselves included, by ascending key.
    #[must_use]
    pub fn members(&self, conference: u32) -> Vec<Listed> {
        let tox = self.tox.as_ptr();
        // SAFETY: a live instance; an unknown conference counts as `u32::MAX`.
        let count = unsafe { ffi::tox_conference_peer_count(tox, conference, null_mut()) };
        let one = |index| {
            let key = member_key(tox, conference, index)?;
            // SAFETY: the buffer has the size libtoxcore asks for.
            let name = unsafe {
                let size =
                    ffi::tox_conference_peer_get_name_size(tox, conference, index, null_mut());
                let mut name = vec![0; if size == usize::MAX { 0 } else { size }];
                ffi::tox_conference_peer_get_name(
                    tox,
                    conference,
                    index,
                    name.as_mut_ptr(),
                    null_mut(),
                );
                name
            };
            Some(Listed { key, name })
        };
        sorted(count, one)
    }

    /// The members that are frozen, by ascending key.
    #[must_use]
    pub fn frozen(&self, conference: u32) -> Vec<Listed> {
        let tox = self.tox.as_ptr();
        // SAFETY: a live instance; an unknown conference counts as `u32::MAX`.
        let count = unsafe { ffi::tox_conference_offline_peer_count(tox, conference, null_mut()) };
        let one = |index| {
            let mut key = [0; ffi::KEY];
            // SAFETY: 32 writable bytes, and a buffer of the size libtoxcore asks for.
            unsafe {
                let known = ffi::tox_conference_offline_peer_get_public_key(
                    tox,
                    conference,
                    index,
                    key.as_mut_ptr(),
                    null_mut(),
                );
                let size = ffi::tox_conference_offline_peer_get_name_size(
                    tox,
                    conference,
                    index,
                    null_mut(),
                );
                let mut name = vec![0; if size == usize::MAX { 0 } else { size }];
                ffi::tox_conference_offline_peer_get_name(
                    tox,
                    conference,
                    index,
                    name.as_mut_ptr(),
                    null_mut(),
                );
                known.then_some(Listed { key, name })
            }
        };
        sorted(count, one)
    }

    fn inbox_pointer(&self) -> *mut c_void {
        (&raw const *self.inbox).cast_mut().cast()
    }
}

impl Drop for Tox {
    fn drop(&mut self) {
        // SAFETY: the instance is alive and nobody else has it; the inbox is dropped afterwards.
        unsafe { ffi::tox_kill(self.tox.as_ptr()) };
    }
}

fn sorted(count: u32, one: impl Fn(u32) -> Option<Listed>) -> Vec<Listed> {
    let count = if count == u32::MAX { 0 } else { count };
    let mut listed: Vec<_> = (0..count).filter_map(one).collect();
    listed.sort();
    listed
}

/// The real key of a listed member; `None` for an index that is none.
fn member_key(tox: *const ffi::Tox, conference: u32, index: u32) -> Option<Key> {
    let mut key = [0; ffi::KEY];
    // SAFETY: callers pass a live instance; 32 writable bytes.
    let known = unsafe {
        ffi::tox_conference_peer_get_public_key(
            tox,
            conference,
            index,
            key.as_mut_ptr(),
            null_mut(),
        )
    };
    known.then_some(key)
}

/// Queues an event in the inbox that was given as user data.
fn queue(user_data: *mut c_void, event: Event) {
    // SAFETY: `iterate`, `found` and `join` pass the address of an inbox that outlives the
    // instance; it is only borrowed inside this function and between calls into libtoxcore.
    let inbox = unsafe { &*user_data.cast::<RefCell<Vec<Event>>>() };
    inbox.borrow_mut().push(event);
}

/// Copies `length` bytes that libtoxcore shows during a callback.
fn copied(bytes: *const u8, length: usize) -> Vec<u8> {
    if bytes.is_null() || length == 0 {
        return Vec::new();
    }
    // SAFETY: libtoxcore promises `length` readable bytes for the time of the callback.
    unsafe { slice::from_raw_parts(bytes, length) }.to_vec()
}

extern "C" fn on_self_connection(_: *mut ffi::Tox, status: c_int, data: *mut c_void) {
    queue(data, Event::SelfConnection(status));
}

extern "C" fn on_friend_connection(
    _: *mut ffi::Tox,
    friend: u32,
    status: c_int,
    data: *mut c_void,
) {
    queue(data, Event::FriendConnection(friend, status));
}

extern "C" fn on_friend_request(
    _: *mut ffi::Tox,
    key: *const u8,
    _: *const u8,
    _: usize,
    data: *mut c_void,
) {
    if let Some(key) = copied(key, ffi::KEY).first_chunk() {
        queue(data, Event::FriendRequest(*key));
    }
}

extern "C" fn on_friend_message(
    _: *mut ffi::Tox,
    friend: u32,
    _: c_int,
    text: *const u8,
    length: usize,
    data: *mut c_void,
) {
    queue(data, Event::FriendMessage(friend, copied(text, length)));
}

extern "C" fn on_invite(
    _: *mut ffi::Tox,
    friend: u32,
    kind: c_int,
    cookie: *const u8,
    length: usize,
    data: *mut c_void,
) {
    let audio = kind == ffi::CONFERENCE_AV;
    queue(data, Event::Invited { friend, audio, cookie: copied(cookie, length) });
}

extern "C" fn on_connected(_: *mut ffi::Tox, conference: u32, data: *mut c_void) {
    queue(data, Event::Connected(conference));
}

extern "C" fn on_message(
    tox: *mut ffi::Tox,
    conference: u32,
    index: u32,
    kind: c_int,
    text: *const u8,
    length: usize,
    data: *mut c_void,
) {
    let author = member_key(tox, conference, index);
    let action = kind == ffi::MESSAGE_ACTION;
    queue(data, Event::Message { conference, author, action, text: copied(text, length) });
}

extern "C" fn on_title(
    tox: *mut ffi::Tox,
    conference: u32,
    index: u32,
    title: *const u8,
    length: usize,
    data: *mut c_void,
) {
    let author = member_key(tox, conference, index);
    queue(data, Event::Title { conference, author, title: copied(title, length) });
}

extern "C" fn on_name(
    tox: *mut ffi::Tox,
    conference: u32,
    index: u32,
    name: *const u8,
    length: usize,
    data: *mut c_void,
) {
    let author = member_key(tox, conference, index);
    queue(data, Event::Name { conference, author, name: copied(name, length) });
}

extern "C" fn on_peers(_: *mut ffi::Tox, conference: u32, data: *mut c_void) {
    queue(data, Event::PeersChanged(conference));
}

extern "C" fn on_audio(
    tox: *mut c_void,
    conference: u32,
    index: u32,
    _samples: *const i16,
    samples: u32,
    channels: u8,
    rate: u32,
    data: *mut c_void,
) {
    let author = member_key(tox.cast(), conference, index);
    queue(data, Event::Audio { conference, author, samples, channels, rate });
}
