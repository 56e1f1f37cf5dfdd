//! The world that the original lives in: friend connections, clock, dice, and a record of what it
//! does.
//!
//! The linker leads the calls that the conference code makes downwards to the `__wrap_…` functions
//! here (`--wrap`, see `build.rs`). There is one world for each thread, since those functions are
//! told nothing that leads to more.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::{c_int, c_uint, c_void};
use std::slice;

use toxscope::conference::Dice;
use toxscope::wire::PublicKey;

use crate::dice::StepDice;
use crate::ffi::{DataFn, GroupChats, InviteFn, Messenger, StatusFn};
use crate::told::Told;

/// What the conference code registers for each friend connection that it uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handlers {
    pub(crate) status: Option<StatusFn>,
    pub(crate) data: Option<DataFn>,
    pub(crate) lossy: Option<DataFn>,
    pub(crate) object: *mut c_void,
    pub(crate) number: c_int,
}

/// A friend connection. A new one to the same key has the same number, and nobody else has it.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) key: PublicKey,
    pub(crate) dht_key: PublicKey,
    pub(crate) up: bool,
    pub(crate) friend: bool,
    /// How often it was locked; it is gone at the kill after the last.
    pub(crate) locks: u32,
    pub(crate) handlers: Option<Handlers>,
}

/// All that the conference code sees of the rest.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) now: u64,
    links: Vec<Option<Link>>,
    numbers: BTreeMap<PublicKey, usize>,
    pub(crate) dice: StepDice,
    /// What the original did, in order, unless it is muted.
    pub(crate) told: Vec<Told>,
    pub(crate) muted: bool,
    /// Calls of the callback for changed peer lists, less those for single peers.
    pub(crate) unmatched_changes: i64,
    /// Keys of peers that joined; a peer's object is its index here, plus one.
    pub(crate) joined: Vec<PublicKey>,
    pub(crate) messenger: Option<*mut Messenger>,
    pub(crate) invite: Option<InviteFn>,
    pub(crate) any_status: Option<StatusFn>,
    pub(crate) chats: Option<*mut GroupChats>,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::default();
    /// Handed out by address, so they stay where they are.
    static REAL_KEY: Cell<[u8; 32]> = const { Cell::new([1; 32]) };
    static DHT_KEY: Cell<[u8; 32]> = const { Cell::new([2; 32]) };
}

/// Borrows this thread's world. The conference code must not be called meanwhile.
pub(crate) fn with<T>(f: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with_borrow_mut(f)
}

/// Makes us who we are.
pub(crate) fn set_own_keys(real_key: PublicKey, dht_key: PublicKey) {
    REAL_KEY.set(real_key.0);
    DHT_KEY.set(dht_key.0);
}

pub(crate) fn own_key() -> PublicKey {
    PublicKey(REAL_KEY.get())
}

impl World {
    pub(crate) fn tell(&mut self, told: Told) {
        if !self.muted {
            self.told.push(told);
        }
    }

    /// Every friend connection is gone, and nothing was said yet.
    pub(crate) fn clear(&mut self) {
        self.links.clear();
        self.numbers.clear();
        self.told.clear();
        self.joined.clear();
        self.unmatched_changes = 0;
    }

    pub(crate) fn find(&self, key: &PublicKey) -> Option<usize> {
        let id = *self.numbers.get(key)?;
        self.link(id).map(|_| id)
    }

    pub(crate) fn link(&self, id: usize) -> Option<&Link> {
        self.links.get(id)?.as_ref()
    }

    pub(crate) fn link_mut(&mut self, id: usize) -> Option<&mut Link> {
        self.links.get_mut(id)?.as_mut()
    }

    pub(crate) fn links(&self) -> impl Iterator<Item = &Link> {
        self.numbers.values().filter_map(|id| self.link(*id))
    }

    fn of(&self, id: c_int) -> Option<&Link> {
        self.link(usize::try_from(id).ok()?)
    }

    /// A new friend connection, or one lock more on that which exists.
    pub(crate) fn create(&mut self, key: PublicKey) -> usize {
        if let Some(id) = self.find(&key) {
            if let Some(link) = self.link_mut(id) {
                link.locks += 1;
            }
            return id;
        }
        let id = *self.numbers.entry(key).or_insert(self.links.len());
        if self.links.len() <= id {
            self.links.push(None);
        }
        let dht_key = PublicKey([0; 32]);
        let link = Link { key, dht_key, up: false, friend: false, locks: 0, handlers: None };
        if let Some(place) = self.links.get_mut(id) {
            *place = Some(link);
        }
        id
    }

    /// One lock less; the connection is gone with the last.
    pub(crate) fn kill(&mut self, id: usize) {
        let Some(link) = self.link_mut(id) else { return };
        if link.locks > 0 {
            link.locks -= 1;
            return;
        }
        let key = link.key;
        if let Some(place) = self.links.get_mut(id) {
            *place = None;
        }
        self.tell(Told::Released { key });
    }

    fn send(&mut self, id: c_int, bytes: Vec<u8>) -> bool {
        match self.of(id) {
            Some(link) if link.up => {
                let to = link.key;
                self.tell(Told::Sent { to, bytes });
                true
            }
            Some(_) | None => false,
        }
    }
}

/// The bytes behind a pointer that the conference code gave.
///
/// # Safety
///
/// `length` bytes are readable at `data`, unless it is zero.
pub(crate) unsafe fn bytes<'a>(data: *const u8, length: usize) -> &'a [u8] {
    if length == 0 {
        return &[];
    }
    // SAFETY: as promised by the caller.
    unsafe { slice::from_raw_parts(data, length) }
}

/// The key behind a pointer.
///
/// # Safety
///
/// 32 bytes are readable at `key`.
unsafe fn key_at(key: *const u8) -> PublicKey {
    // SAFETY: as promised by the caller.
    PublicKey(unsafe { key.cast::<[u8; 32]>().read() })
}

fn number(id: usize) -> c_int {
    c_int::try_from(id).unwrap_or(-1)
}

// The functions below have the names that the linker looks for, and the signatures of what they
// stand for. They cannot unwind: nothing in them panics but for a broken invariant, which aborts.

macro_rules! wraps {
    ($($(#[$doc:meta])* fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block)*) => {
        $(
            $(#[$doc])*
            // SAFETY: the name is the linker's own for this purpose, and used nowhere else.
            #[unsafe(no_mangle)]
            extern "C" fn $name($($argument: $type),*) $(-> $result)? $body
        )*
    };
}

wraps! {
    fn __wrap_mono_time_get(_time: *const c_void) -> u64 {
        with(|world| world.now)
    }

    fn __wrap_mono_time_is_timeout(_time: *const c_void, stamp: u64, timeout: u64) -> bool {
        with(|world| stamp.wrapping_add(timeout) <= world.now)
    }

    fn __wrap_random_u16(_dice: *const c_void) -> u16 {
        with(|world| world.dice.peer_number())
    }

    fn __wrap_new_symmetric_key(_dice: *const c_void, key: *mut u8) {
        let id = with(|world| world.dice.conference_id());
        // SAFETY: the caller has room for a key of 32 bytes.
        unsafe { key.cast::<[u8; 32]>().write(id) };
    }

    fn __wrap_dht_get_self_public_key(_dht: *const c_void) -> *const u8 {
        DHT_KEY.with(|key| key.as_ptr().cast_const().cast())
    }

    fn __wrap_nc_get_self_public_key(_crypto: *const c_void) -> *const u8 {
        REAL_KEY.with(|key| key.as_ptr().cast_const().cast())
    }

    fn __wrap_m_callback_conference_invite(m: *mut Messenger, function: Option<InviteFn>) {
        with(|world| (world.messenger, world.invite) = (Some(m), function));
    }

    fn __wrap_set_global_status_callback(
        _connections: *mut c_void,
        function: Option<StatusFn>,
        object: *mut c_void,
    ) {
        with(|world| {
            world.any_status = function;
            world.chats = function.map(|_| object.cast());
        });
    }

    fn __wrap_friend_connection_callbacks(
        _connections: *const c_void,
        id: c_int,
        index: c_uint,
        status: Option<StatusFn>,
        data: Option<DataFn>,
        lossy: Option<DataFn>,
        object: *mut c_void,
        number: c_int,
    ) -> c_int {
        /// Who registers: 0 is the messenger, 1 the conference code.
        const CONFERENCES: c_uint = 1;
        with(|world| {
            let link = usize::try_from(id).ok().and_then(|id| world.link_mut(id));
            match link {
                Some(link) if index == CONFERENCES => {
                    link.handlers = Some(Handlers { status, data, lossy, object, number });
                    0
                }
                Some(_) | None => -1,
            }
        })
    }

    fn __wrap_friendconn_net_crypto(connections: *const c_void) -> *mut c_void {
        // Only handed on to the two functions that send, which do not look at it.
        connections.cast_mut()
    }

    fn __wrap_getfriend_conn_id_pk(_connections: *const c_void, key: *const u8) -> c_int {
        // SAFETY: the caller hands in a key.
        let key = unsafe { key_at(key) };
        with(|world| world.find(&key).map_or(-1, number))
    }

    fn __wrap_new_friend_connection(_connections: *mut c_void, key: *const u8) -> c_int {
        // SAFETY: the caller hands in a key.
        let key = unsafe { key_at(key) };
        with(|world| {
            let id = world.create(key);
            world.tell(Told::Opened { key, dht_key: PublicKey([0; 32]) });
            number(id)
        })
    }

    fn __wrap_set_dht_temp_pk(
        _connections: *mut c_void,
        id: c_int,
        dht_key: *const u8,
        _user_data: *mut c_void,
    ) {
        // SAFETY: the caller hands in a key.
        let new = unsafe { key_at(dht_key) };
        with(|world| {
            let Some(link) = usize::try_from(id).ok().and_then(|id| world.link_mut(id)) else {
                return;
            };
            link.dht_key = new;
            let of = link.key;
            // Belongs to the connection that was just started.
            if let Some(Told::Opened { key, dht_key }) = world.told.last_mut()
                && *key == of
            {
                *dht_key = new;
            }
        });
    }

    fn __wrap_kill_friend_connection(_connections: *mut c_void, id: c_int) -> c_int {
        with(|world| {
            let Some(id) = usize::try_from(id).ok().filter(|id| world.link(*id).is_some()) else {
                return -1;
            };
            world.kill(id);
            0
        })
    }

    fn __wrap_friend_connection_lock(_connections: *const c_void, id: c_int) -> c_int {
        with(|world| match usize::try_from(id).ok().and_then(|id| world.link_mut(id)) {
            Some(link) => {
                link.locks += 1;
                0
            }
            None => -1,
        })
    }

    fn __wrap_friend_con_connected(_connections: *const c_void, id: c_int) -> c_uint {
        // None, connecting, connected.
        with(|world| world.of(id).map_or(0, |link| 1 + c_uint::from(link.up)))
    }

    fn __wrap_get_friendcon_public_keys(
        real_key: *mut u8,
        dht_key: *mut u8,
        _connections: *const c_void,
        id: c_int,
    ) -> c_int {
        with(|world| {
            let Some(link) = world.of(id) else { return -1 };
            for (place, key) in [(real_key, link.key), (dht_key, link.dht_key)] {
                if !place.is_null() {
                    // SAFETY: the caller has room for a key of 32 bytes.
                    unsafe { place.cast::<[u8; 32]>().write(key.0) };
                }
            }
            0
        })
    }

    /// The number of the session is that of the connection.
    fn __wrap_friend_connection_crypt_connection_id(
        _connections: *const c_void,
        id: c_int,
    ) -> c_int {
        with(|world| if world.of(id).is_some_and(|link| link.up) { id } else { -1 })
    }

    fn __wrap_getfriend_id(_m: *const Messenger, key: *const u8) -> i32 {
        // SAFETY: the caller hands in a key.
        let key = unsafe { key_at(key) };
        with(|world| {
            let id = world.find(&key);
            id.filter(|id| world.link(*id).is_some_and(|link| link.friend)).map_or(-1, number)
        })
    }

    /// A friend goes by the number of its connection.
    fn __wrap_getfriendcon_id(_m: *const Messenger, friend: i32) -> c_int {
        with(|world| if world.of(friend).is_some_and(|link| link.friend) { friend } else { -1 })
    }

    fn __wrap_write_cryptpacket(
        _crypto: *mut c_void,
        session: c_int,
        data: *const u8,
        length: u16,
        _congestion_control: bool,
    ) -> i64 {
        // SAFETY: the caller hands in a packet.
        let packet = unsafe { bytes(data, length.into()) }.to_vec();
        if with(|world| world.send(session, packet)) { 0 } else { -1 }
    }

    fn __wrap_send_lossy_cryptpacket(
        _crypto: *mut c_void,
        session: c_int,
        data: *const u8,
        length: u16,
    ) -> c_int {
        // SAFETY: the caller hands in a packet.
        let packet = unsafe { bytes(data, length.into()) }.to_vec();
        if with(|world| world.send(session, packet)) { 0 } else { -1 }
    }

    fn __wrap_send_conference_invite_packet(
        _m: *const Messenger,
        friend: i32,
        data: *const u8,
        length: u16,
    ) -> bool {
        // SAFETY: the caller hands in a packet without its data id.
        let packet = [&[0x60][..], unsafe { bytes(data, length.into()) }].concat();
        with(|world| {
            let friendly = world.of(friend).is_some_and(|link| link.friend);
            friendly && world.send(friend, packet)
        })
    }
}
