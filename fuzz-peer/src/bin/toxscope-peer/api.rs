//! The part of libtoxcore's C interface that the peer uses (`tox.h`, `toxav.h` of 0.2.12 and later), looked
//! up when it runs. Enumerations are plain `c_int`s here; every function takes its error pointer, which may
//! be null.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};

/// Bytes of a key.
pub(crate) const KEY: usize = 32;
/// Bytes of a Tox ID: key, nospam, checksum.
pub(crate) const ADDRESS: usize = 38;
/// `TOX_SAVEDATA_TYPE_TOX_SAVE`, `TOX_SAVEDATA_TYPE_SECRET_KEY`.
pub(crate) const TOX_SAVE: c_int = 1;
pub(crate) const SECRET_KEY: c_int = 2;

/// One Tox instance, and its start-up options.
#[repr(C)]
pub(crate) struct Instance {
    opaque: [u8; 0],
}
#[repr(C)]
pub(crate) struct Options {
    opaque: [u8; 0],
}

pub(crate) type OnRequest = extern "C" fn(*mut Instance, *const u8, *const u8, usize, *mut c_void);
pub(crate) type OnFriend = extern "C" fn(*mut Instance, u32, c_int, *mut c_void);
pub(crate) type OnInvite = extern "C" fn(*mut Instance, u32, c_int, *const u8, usize, *mut c_void);
pub(crate) type OnAudio =
    extern "C" fn(*mut c_void, u32, u32, *const i16, c_uint, u8, c_uint, *mut c_void);

/// The names under which releases have been packaged.
const NAMES: [&CStr; 2] = [c"libtoxcore.so.2", c"libtoxcore.so"];

macro_rules! functions {
    ($($name:ident($($kind:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions, by their names.
        pub(crate) struct Api {
            $(pub(crate) $name: unsafe extern "C" fn($($kind),*) $(-> $result)?,)*
        }

        impl Api {
            /// Opens libtoxcore, which stays open.
            pub(crate) fn open() -> Result<Self, String> {
                // SAFETY: the names end with a zero byte; the library's initialisers are those that any
                // program over it runs.
                let handle = NAMES.iter().map(|name| unsafe {
                    libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL)
                }).find(|handle| !handle.is_null());
                let Some(handle) = handle else {
                    return Err("libtoxcore is missing: install it (Debian: libtoxcore2)".to_owned());
                };
                Ok(Self {$(
                    $name: {
                        let name = concat!(stringify!($name), "\0");
                        // SAFETY: the name ends with a zero byte, the handle is open.
                        let found = unsafe { libc::dlsym(handle, name.as_ptr().cast()) };
                        if found.is_null() {
                            return Err(format!("libtoxcore has no {}", stringify!($name)));
                        }
                        // SAFETY: this is the function of that name, whose signature is repeated below.
                        unsafe {
                            std::mem::transmute::<
                                *mut c_void,
                                unsafe extern "C" fn($($kind),*) $(-> $result)?
                            >(found)
                        }
                    },
                )*})
            }
        }
    };
}

functions! {
    tox_options_new(*mut c_int) -> *mut Options;
    tox_options_free(*mut Options);
    tox_options_set_ipv6_enabled(*mut Options, bool);
    tox_options_set_local_discovery_enabled(*mut Options, bool);
    tox_options_set_hole_punching_enabled(*mut Options, bool);
    tox_options_set_savedata_type(*mut Options, c_int);
    tox_options_set_savedata_data(*mut Options, *const u8, usize);
    tox_new(*const Options, *mut c_int) -> *mut Instance;
    tox_kill(*mut Instance);
    tox_iterate(*mut Instance, *mut c_void);
    tox_get_savedata_size(*const Instance) -> usize;
    tox_get_savedata(*const Instance, *mut u8);
    tox_bootstrap(*mut Instance, *const c_char, u16, *const u8, *mut c_int) -> bool;
    tox_self_get_address(*const Instance, *mut u8);
    tox_self_set_nospam(*mut Instance, u32);
    tox_self_set_name(*mut Instance, *const u8, usize, *mut c_int) -> bool;
    tox_self_get_friend_list_size(*const Instance) -> usize;
    tox_self_get_friend_list(*const Instance, *mut u32);
    tox_friend_get_connection_status(*const Instance, u32, *mut c_int) -> c_int;
    tox_friend_add(*mut Instance, *const u8, *const u8, usize, *mut c_int) -> u32;
    tox_friend_add_norequest(*mut Instance, *const u8, *mut c_int) -> u32;
    tox_friend_send_message(*mut Instance, u32, c_int, *const u8, usize, *mut c_int) -> u32;
    tox_conference_new(*mut Instance, *mut c_int) -> u32;
    tox_conference_delete(*mut Instance, u32, *mut c_int) -> bool;
    tox_conference_get_chatlist_size(*const Instance) -> usize;
    tox_conference_get_chatlist(*const Instance, *mut u32);
    tox_conference_get_type(*const Instance, u32, *mut c_int) -> c_int;
    tox_conference_peer_count(*const Instance, u32, *mut c_int) -> u32;
    tox_conference_invite(*mut Instance, u32, u32, *mut c_int) -> bool;
    tox_conference_join(*mut Instance, u32, *const u8, usize, *mut c_int) -> u32;
    tox_conference_send_message(*mut Instance, u32, c_int, *const u8, usize, *mut c_int) -> bool;
    tox_conference_set_title(*mut Instance, u32, *const u8, usize, *mut c_int) -> bool;
    tox_callback_friend_request(*mut Instance, Option<OnRequest>);
    tox_callback_friend_connection_status(*mut Instance, Option<OnFriend>);
    tox_callback_conference_invite(*mut Instance, Option<OnInvite>);
    toxav_join_av_groupchat(
        *mut Instance, u32, *const u8, u16, Option<OnAudio>, *mut c_void
    ) -> c_int;
    toxav_groupchat_enable_av(*mut Instance, u32, Option<OnAudio>, *mut c_void) -> c_int;
    toxav_group_send_audio(*mut Instance, u32, *const i16, c_uint, u8, c_uint) -> c_int;
}
