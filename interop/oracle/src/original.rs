//! The original: libtoxcore's conference code behind the same inputs as our machine.

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::ptr::{NonNull, null, null_mut};

use toxscope::conference::{Input, Request, Seconds};
use toxscope::wire::{
    Conference, ConferenceId, ConferenceType, GroupNumber, MAX_NAME_SIZE, Packet, PublicKey,
};

use crate::dice::StepDice;
use crate::ffi;
use crate::told::Told;
use crate::world::{self, Link};

/// Data id of what goes to the messenger, which hands it on (packets §8.1).
const INVITES: u8 = 0x60;
/// Data ids below the conference code: alive, friend request, shared relays (packets §7).
const NOT_PASSED_ON: [u8; 3] = [0x10, 0x11, 0x12];
/// Lossy id of audio.
const AUDIO: u8 = 0xc0;

/// The conference code of the libtoxcore that is linked, in a world of ours.
///
/// There can be one in each thread.
#[derive(Debug)]
pub struct Original {
    tox: NonNull<ffi::Tox>,
    /// The world is this thread's.
    bound: PhantomData<*mut ()>,
}

/// Who an endpoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its real key.
    pub real_key: PublicKey,
    /// Its DHT key.
    pub dht_key: PublicKey,
    /// Its name, 0 to 128 bytes.
    pub name: Vec<u8>,
}

/// A peer as the original lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<'a> {
    /// Its real key.
    pub key: PublicKey,
    /// Its name.
    pub name: &'a [u8],
    /// When it was last active; told of frozen ones only.
    pub last_active: Option<Seconds>,
}

/// The version of the library that is linked, such as `0.2.18`.
#[must_use]
pub fn version() -> String {
    // SAFETY: the three functions take nothing and return numbers.
    let parts =
        unsafe { [ffi::tox_version_major(), ffi::tox_version_minor(), ffi::tox_version_patch()] };
    parts.map(|part| part.to_string()).join(".")
}

impl Original {
    /// Starts libtoxcore without any network.
    ///
    /// # Panics
    ///
    /// If there is one in this thread already, or libtoxcore does not start.
    #[must_use]
    pub fn new() -> Self {
        let taken = world::with(|world| world.messenger.is_some());
        assert!(!taken, "one original at a time in each thread");
        let secret = [7; 32];
        // SAFETY: the options live until `tox_options_free`, the key longer than they do; the
        // functions that libtoxcore calls meanwhile are those of `world`.
        let tox = unsafe {
            let options = ffi::tox_options_new(null_mut());
            ffi::tox_options_set_udp_enabled(options, false);
            ffi::tox_options_set_local_discovery_enabled(options, false);
            ffi::tox_options_set_savedata_type(options, ffi::SAVEDATA_SECRET_KEY);
            ffi::tox_options_set_savedata_data(options, secret.as_ptr(), secret.len());
            let tox = ffi::tox_new(options, null_mut());
            ffi::tox_options_free(options);
            tox
        };
        let tox = NonNull::new(tox).expect("libtoxcore starts without network");
        let original = Self { tox, bound: PhantomData };
        original.listen();
        original
    }

    fn chats(&self) -> *mut ffi::GroupChats {
        world::with(|world| world.chats).expect("it registered as it was made")
    }

    fn messenger(&self) -> *mut ffi::Messenger {
        world::with(|world| world.messenger).expect("it registered as it was made")
    }

    /// Registers for all that the conference code tells.
    fn listen(&self) {
        let chats = self.chats();
        // SAFETY: the object is alive; the functions have the signatures that it calls.
        unsafe {
            ffi::g_callback_group_invite(chats, Some(invited));
            ffi::g_callback_group_connected(chats, Some(connected));
            ffi::g_callback_group_message(chats, Some(said));
            ffi::g_callback_group_title(chats, Some(titled));
            ffi::g_callback_peer_name(chats, Some(named));
            ffi::g_callback_peer_list_changed(chats, Some(changed));
            ffi::group_lossy_packet_registerhandler(chats, AUDIO, Some(heard));
        }
    }

    /// Registers for the peers of a conference.
    fn listen_to(&self, group: u32) {
        let chats = self.chats();
        // SAFETY: the object is alive; the functions have the signatures that it calls.
        unsafe {
            ffi::callback_groupchat_peer_new(chats, group, Some(joined));
            ffi::callback_groupchat_peer_delete(chats, group, Some(left));
        }
    }

    /// Starts from nothing: no conference, no friend, no connection. What was before says no more.
    pub fn begin(&mut self, now: Seconds, identity: &Identity) {
        let (chats, messenger) = (self.chats(), self.messenger());
        world::with(|world| world.muted = true);
        // SAFETY: all objects are alive; the old conferences are not used after their end, and
        // the new ones register with `world` at once.
        unsafe {
            let time = ffi::g_mono_time(chats);
            ffi::kill_groupchats(chats);
            ffi::new_groupchats(time, messenger);
        }
        world::with(|world| {
            world.clear();
            world.muted = false;
            world.now = now;
        });
        world::set_own_keys(identity.real_key, identity.dht_key);
        self.store_name(&identity.name);
        self.listen();
    }

    /// Loads a conferences section; says if the original took it.
    pub fn load(&mut self, section: &[u8]) -> bool {
        let mut status: c_int = 0;
        let length = u32::try_from(section.len()).unwrap_or(u32::MAX);
        // SAFETY: as many bytes are readable, and the original copies them.
        unsafe {
            ffi::conferences_load_state_section(
                self.chats(),
                section.as_ptr(),
                length,
                ffi::SECTION_CONFERENCES,
                &raw mut status,
            );
        }
        self.groups().into_iter().for_each(|group| self.listen_to(group));
        // Nobody listened to peers until now.
        world::with(|world| world.unmatched_changes = 0);
        status == 0
    }

    /// Takes in what happened. [`Self::told`] then has what followed.
    pub fn handle(&mut self, input: &Input<'_>, dice: StepDice) {
        world::with(|world| {
            world.told.clear();
            world.dice = dice;
            let seconds = input.at().as_nanos().max(0).unsigned_abs() / 1_000_000_000;
            world.now = world.now.max(seconds);
        });
        match *input {
            Input::ConnectionUp { friend, dht_key, .. } => self.status(&friend, Some(dht_key)),
            Input::ConnectionDown { friend, .. } => self.status(&friend, None),
            Input::Packet { friend, bytes, .. } => self.packet(&friend, bytes),
            Input::Request { request, .. } => {
                if !self.request(&request) {
                    tell(Some(Told::Refused));
                }
            }
            // SAFETY: the object is alive; our callbacks ignore the user's data.
            Input::Tick { .. } => unsafe { ffi::do_groupchats(self.chats(), null_mut()) },
        }
    }

    /// What followed from the last input, in order.
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        world::with(|world| std::mem::take(&mut world.told))
    }

    /// How many random values the last input took.
    #[must_use]
    pub fn drawn(&self) -> u32 {
        world::with(|world| world.dice.drawn())
    }

    /// Whether each change of a peer list was about one peer that came or went.
    #[must_use]
    pub fn changes_match(&self) -> bool {
        world::with(|world| world.unmatched_changes == 0)
    }

    /// What happens below as a session begins or ends: the status, the callback for all
    /// connections, that of this one.
    fn status(&self, friend: &PublicKey, dht_key: Option<PublicKey>) {
        let up = dht_key.is_some();
        let any = world::with(|world| {
            let id = world.find(friend)?;
            let link = world.link_mut(id).filter(|link| link.up != up)?;
            link.up = up;
            link.dht_key = dht_key.unwrap_or(link.dht_key);
            Some((id, world.any_status?, world.chats?))
        });
        let Some((id, any, chats)) = any else { return };
        let number = c_int::try_from(id).unwrap_or(-1);
        // SAFETY: the object is alive, the function is the one it registered.
        unsafe { any(chats.cast(), number, up, null_mut()) };
        let handlers = world::with(|world| world.link(id).and_then(|link| link.handlers));
        if let Some(handlers) = handlers
            && let Some(status) = handlers.status
        {
            // SAFETY: the object is alive, the function is the one it registered.
            unsafe { status(handlers.object, handlers.number, up, null_mut()) };
        }
    }

    /// What happens below as a packet arrives.
    fn packet(&self, friend: &PublicKey, bytes: &[u8]) {
        let found = world::with(|world| {
            let id = world.find(friend)?;
            let link = world.link(id).filter(|link| link.up)?;
            Some((id, link.friend, link.handlers, world.invite, world.messenger))
        });
        let Some((id, is_friend, handlers, invite, messenger)) = found else { return };
        let Some((data_id, rest)) = bytes.split_first() else { return };
        let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        match *data_id {
            INVITES if is_friend && !rest.is_empty() => {
                let (Some(invite), Some(messenger)) = (invite, messenger) else { return };
                let friend = u32::try_from(id).unwrap_or(u32::MAX);
                // SAFETY: the messenger is alive, the function is the one that was registered
                // with it, and as many bytes are readable.
                unsafe { invite(messenger, friend, rest.as_ptr(), length(rest), null_mut()) };
            }
            INVITES | 0..0x10 | 0xff => {}
            data_id if NOT_PASSED_ON.contains(&data_id) => {}
            data_id => {
                let Some(handlers) = handlers else { return };
                let handler = if data_id < 0xc0 { handlers.data } else { handlers.lossy };
                let Some(handler) = handler else { return };
                // SAFETY: the object is alive, the function is the one it registered, and as many
                // bytes are readable.
                unsafe {
                    handler(
                        handlers.object,
                        handlers.number,
                        bytes.as_ptr(),
                        length(bytes),
                        null_mut(),
                    )
                };
            }
        }
    }

    /// The number of a friend, which is that of its connection.
    fn friend(&self, key: &PublicKey) -> Option<u32> {
        world::with(|world| {
            let id = world.find(key)?;
            world.link(id).filter(|link| link.friend)?;
            u32::try_from(id).ok()
        })
    }

    /// What the public interface does for a client; says if it took the request.
    fn request(&mut self, request: &Request<'_>) -> bool {
        let chats = self.chats();
        let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        // SAFETY, for all calls below: the object is alive, and as many bytes are readable as
        // is said; whatever number of a conference is given is looked up.
        match *request {
            Request::AddFriend(key) => add_friend(key),
            Request::RemoveFriend(key) => remove_friend(&key),
            Request::SetDhtKey(key) => world::set_own_keys(world::own_key(), key),
            Request::Create(kind) => {
                // The public interface offers no other types.
                return kind.0 <= 1
                    && self.begun(unsafe { ffi::add_groupchat(chats, null(), kind.0) });
            }
            Request::Accept { friend, invitation } => {
                let mut packet = Vec::new();
                Packet::Invite(invitation).emit(&mut packet);
                let kind = invitation.conference.kind.0;
                let Some(friend) = self.friend(&friend).filter(|_| kind <= 1) else { return false };
                // The cookie is the packet without data id and kind.
                let cookie = packet.get(2..).unwrap_or_default();
                return self.begun(unsafe {
                    ffi::join_groupchat(chats, friend, kind, cookie.as_ptr(), length(cookie))
                });
            }
            Request::Invite { group, friend } => {
                let Some(friend) = self.friend(&friend) else { return false };
                return unsafe { ffi::invite_friend(chats, friend, group.0.into()) } == 0;
            }
            Request::Say { group, text } => {
                let (group, size) = (group.0.into(), length(text));
                return unsafe { ffi::group_message_send(chats, group, text.as_ptr(), size) } == 0;
            }
            Request::Act { group, text } => {
                let (group, size) = (group.0.into(), length(text));
                return unsafe { ffi::group_action_send(chats, group, text.as_ptr(), size) } == 0;
            }
            Request::SendAudio { group, sequence_number, opus } => {
                // As libtoxav does, which is not linked: to audio conferences, if there is audio.
                let group = group.0.into();
                let kind = unsafe { ffi::group_get_type(chats, group) };
                let data = [&[AUDIO], &sequence_number.to_be_bytes()[..], opus].concat();
                let size = length(&data);
                return kind == c_int::from(ConferenceType::AUDIO.0)
                    && !opus.is_empty()
                    && unsafe { ffi::send_group_lossy_packet(chats, group, data.as_ptr(), size) }
                        == 0;
            }
            Request::SetTitle { group, title } => {
                // B-19: a longer one would be narrowed to 8 bits.
                let size = u8::try_from(title.len()).unwrap_or(u8::MAX);
                let group = group.0.into();
                return unsafe { ffi::group_title_send(chats, group, title.as_ptr(), size) } == 0;
            }
            Request::SetName(name) => {
                if !self.store_name(name) {
                    return false;
                }
                unsafe { ffi::send_name_all_groups(chats) };
            }
            Request::SetFrozenLimit { group, limit } => {
                return unsafe { ffi::group_set_max_frozen(chats, group.0.into(), limit) } == 0;
            }
            Request::Delete { group } => {
                // It would tell of every peer that it left; ours says once that all is gone.
                return unsafe {
                    ffi::callback_groupchat_peer_delete(chats, group.0.into(), None);
                    ffi::del_groupchat(chats, group.0.into(), true)
                };
            }
            Request::Save => {}
            Request::ShutDown => {
                for group in self.groups() {
                    unsafe { ffi::callback_groupchat_peer_delete(chats, group, None) };
                }
                unsafe {
                    let (time, messenger) = (ffi::g_mono_time(chats), self.messenger());
                    ffi::kill_groupchats(chats);
                    ffi::new_groupchats(time, messenger);
                }
                self.listen();
            }
        }
        true
    }

    /// Listens to a conference that was just opened, if it was.
    fn begun(&self, group: c_int) -> bool {
        let group = u32::try_from(group);
        if let Ok(group) = group {
            self.listen_to(group);
        }
        group.is_ok()
    }

    fn store_name(&self, name: &[u8]) -> bool {
        let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
        // SAFETY: the messenger is alive and copies as many bytes, at most 128.
        unsafe { ffi::setname(self.messenger(), name.as_ptr(), length) == 0 }
    }

    /// The numbers of all conferences, in order.
    #[must_use]
    pub fn groups(&self) -> Vec<u32> {
        let chats = self.chats();
        // SAFETY: the object is alive, and the list has room for as many numbers.
        unsafe {
            let mut list = vec![0; ffi::count_chatlist(chats) as usize];
            let size = u32::try_from(list.len()).unwrap_or(0);
            let count = ffi::copy_chatlist(chats, list.as_mut_ptr(), size);
            list.truncate(count as usize);
            list
        }
    }

    /// Type and id of a conference that exists.
    #[must_use]
    pub fn conference(&self, group: u32) -> Conference {
        let mut id = [0; 32];
        // SAFETY: the object is alive, and there is room for 32 bytes.
        let kind = unsafe {
            ffi::conference_get_id(self.chats(), group, id.as_mut_ptr());
            ffi::group_get_type(self.chats(), group)
        };
        Conference {
            kind: ConferenceType(u8::try_from(kind).unwrap_or(u8::MAX)),
            id: ConferenceId(id),
        }
    }

    /// The title of a conference, which is put into `room`; empty if unset.
    #[must_use]
    pub fn title<'a>(&self, group: u32, room: &'a mut [u8; MAX_NAME_SIZE]) -> &'a [u8] {
        // SAFETY: the object is alive, and titles have at most 128 bytes.
        let length = unsafe { ffi::group_title_get(self.chats(), group, room.as_mut_ptr()) };
        room.get(..usize::try_from(length).unwrap_or(0)).unwrap_or_default()
    }

    /// How many peers are active or frozen.
    #[must_use]
    pub fn count(&self, group: u32, frozen: bool) -> usize {
        // SAFETY: the object is alive.
        let count = unsafe { ffi::group_number_peers(self.chats(), group, frozen) };
        usize::try_from(count).unwrap_or(0)
    }

    /// An active or frozen peer by its index, its name put into `room`.
    #[must_use]
    pub fn peer<'a>(
        &self,
        group: u32,
        index: usize,
        frozen: bool,
        room: &'a mut [u8; MAX_NAME_SIZE],
    ) -> Listed<'a> {
        let (chats, index) = (self.chats(), u32::try_from(index).unwrap_or(u32::MAX));
        let (mut key, mut active) = ([0; 32], 0);
        // SAFETY: the object is alive; keys have 32 bytes, names at most 128.
        let (length, told) = unsafe {
            ffi::group_peer_pubkey(chats, group, index, key.as_mut_ptr(), frozen);
            let length = ffi::group_peername(chats, group, index, room.as_mut_ptr(), frozen);
            let told =
                frozen && ffi::group_frozen_last_active(chats, group, index, &raw mut active) == 0;
            (length, told)
        };
        Listed {
            key: PublicKey(key),
            name: room.get(..usize::try_from(length).unwrap_or(0)).unwrap_or_default(),
            last_active: told.then_some(active),
        }
    }

    /// Whether our own number in a conference is known, and that of the active peer at `index`.
    #[must_use]
    pub fn is_ours(&self, group: u32, index: usize) -> bool {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        // SAFETY: the object is alive.
        unsafe { ffi::group_peernumber_is_ours(self.chats(), group, index) == 1 }
    }

    /// The conferences section, without its header, put into `room`.
    pub fn save<'a>(&self, room: &'a mut Vec<u8>) -> &'a [u8] {
        /// Length, type and magic of the section (packets §12.1).
        const HEADER: usize = 8;
        let chats = self.chats();
        // SAFETY: the object is alive, and there is room for as many bytes as it asks for.
        unsafe {
            room.resize(ffi::conferences_size(chats) as usize, 0);
            ffi::conferences_save(chats, room.as_mut_ptr());
        }
        room.get(HEADER..).unwrap_or_default()
    }

    /// The friend connections, in order of their keys: key, DHT key, up, friend, users.
    pub(crate) fn links<T>(&self, each: impl FnOnce(&mut dyn Iterator<Item = &Link>) -> T) -> T {
        world::with(|world| each(&mut world.links()))
    }
}

impl Default for Original {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Original {
    fn drop(&mut self) {
        world::with(|world| world.muted = true);
        // SAFETY: the instance is alive and not used after this.
        unsafe { ffi::tox_kill(self.tox.as_ptr()) };
        world::with(|world| {
            world.clear();
            world.messenger = None;
            world.muted = false;
        });
    }
}

/// The messenger holds a connection to every friend.
fn add_friend(key: PublicKey) {
    world::with(|world| {
        let known = world.find(&key).and_then(|id| world.link(id)).is_some_and(|link| link.friend);
        if key != world::own_key() && !known {
            let id = world.create(key);
            if let Some(link) = world.link_mut(id) {
                link.friend = true;
            }
        }
    });
}

fn remove_friend(key: &PublicKey) {
    world::with(|world| {
        let Some(id) = world.find(key) else { return };
        if let Some(link) = world.link_mut(id)
            && link.friend
        {
            link.friend = false;
            world.kill(id);
        }
    });
}

// What the conference code tells. Each is called with a conference that exists, and with indexes of
// peers that are active.

fn group_number(group: u32) -> GroupNumber {
    GroupNumber(u16::try_from(group).unwrap_or(u16::MAX))
}

/// The real key of an active peer.
fn key_of(group: u32, peer: u32) -> Option<PublicKey> {
    let chats = world::with(|world| world.chats)?;
    let mut key = [0; 32];
    // SAFETY: the object is alive, and a key has 32 bytes.
    let found = unsafe { ffi::group_peer_pubkey(chats, group, peer, key.as_mut_ptr(), false) };
    (found == 0).then_some(PublicKey(key))
}

fn tell(told: Option<Told>) {
    if let Some(told) = told {
        world::with(|world| world.tell(told));
    }
}

extern "C" fn invited(
    _m: *mut ffi::Messenger,
    friend: u32,
    _kind: c_int,
    cookie: *const u8,
    length: usize,
    _user_data: *mut c_void,
) {
    // SAFETY: as many bytes are readable.
    let packet = [&[INVITES, 0][..], unsafe { world::bytes(cookie, length) }].concat();
    let key = world::with(|world| world.link(friend as usize).map(|link| link.key));
    let (Some(friend), Ok(Packet::Invite(invitation))) = (key, Packet::parse(&packet)) else {
        return;
    };
    tell(Some(Told::Invited { friend, invitation }));
}

extern "C" fn connected(_m: *mut ffi::Messenger, group: u32, _user_data: *mut c_void) {
    tell(Some(Told::Connected { group: group_number(group) }));
}

extern "C" fn changed(_m: *mut ffi::Messenger, _group: u32, _user_data: *mut c_void) {
    world::with(|world| world.unmatched_changes += 1);
}

extern "C" fn joined(_object: *mut c_void, group: u32, peer: u32) {
    let Some(key) = key_of(group, peer) else { return };
    let mark = world::with(|world| {
        world.unmatched_changes -= 1;
        world.joined.push(key);
        world.tell(Told::Joined { group: group_number(group), key });
        (world.joined.len(), world.chats)
    });
    if let (mark, Some(chats)) = mark {
        let mark = std::ptr::without_provenance_mut(mark);
        // SAFETY: the object is alive; it keeps the mark and never follows it.
        unsafe { ffi::group_peer_set_object(chats, group, peer, mark) };
    }
}

extern "C" fn left(_object: *mut c_void, group: u32, mark: *mut c_void) {
    world::with(|world| {
        world.unmatched_changes -= 1;
        // Who was there before we listened is ourselves.
        let joined = mark.addr().checked_sub(1).and_then(|index| world.joined.get(index));
        let key = joined.copied().unwrap_or_else(world::own_key);
        world.tell(Told::Left { group: group_number(group), key });
    });
}

extern "C" fn said(
    _m: *mut ffi::Messenger,
    group: u32,
    peer: u32,
    kind: c_int,
    text: *const u8,
    length: usize,
    _user_data: *mut c_void,
) {
    // SAFETY: as many bytes are readable.
    let text = unsafe { world::bytes(text, length) }.to_vec();
    let (group_number, action) = (group_number(group), kind == 1);
    tell(key_of(group, peer).map(|key| Told::Said { group: group_number, key, action, text }));
}

extern "C" fn titled(
    _m: *mut ffi::Messenger,
    group: u32,
    peer: u32,
    title: *const u8,
    length: usize,
    _user_data: *mut c_void,
) {
    // SAFETY: as many bytes are readable.
    let title = unsafe { world::bytes(title, length) }.to_vec();
    tell(Some(Told::Titled { group: group_number(group), by: key_of(group, peer), title }));
}

extern "C" fn named(
    _m: *mut ffi::Messenger,
    group: u32,
    peer: u32,
    name: *const u8,
    length: usize,
    _user_data: *mut c_void,
) {
    // SAFETY: as many bytes are readable.
    let name = unsafe { world::bytes(name, length) }.to_vec();
    let group_number = group_number(group);
    tell(key_of(group, peer).map(|key| Told::Named { group: group_number, key, name }));
}

/// As libtoxav takes audio: a count of two bytes and at least one more.
extern "C" fn heard(
    _object: *mut c_void,
    group: u32,
    peer: u32,
    _mark: *mut c_void,
    data: *const u8,
    length: u16,
) -> c_int {
    // SAFETY: as many bytes are readable.
    let data = unsafe { world::bytes(data, length.into()) };
    let Some((count, opus)) = data.split_first_chunk::<2>() else { return -1 };
    if opus.is_empty() {
        return -1;
    }
    let (sequence_number, opus) = (u16::from_be_bytes(*count), opus.to_vec());
    let group_number = group_number(group);
    let key = key_of(group, peer);
    tell(key.map(|key| Told::Heard { group: group_number, key, sequence_number, opus }));
    0
}
