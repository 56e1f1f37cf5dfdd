//! The functions of libsodium that the program calls through us.
//!
//! Each calls the function behind it first and hands its result on; what it learned is looked at
//! only after a success, when the arguments are known to be good. Inside libsodium the general
//! spellings call the `curve25519xsalsa20poly1305` ones and the `easy` ones call the `detached`
//! ones, through us again; the tables make one line of it.

use libc::{c_int, c_uchar, c_ulonglong, c_void};

use crate::logger::LOGGER;
use crate::quiet::wipe;
use crate::tables::Direction;
use crate::{Key, Nonce};

/// What libsodium returns when it has not done what it was asked to.
const FAILED: c_int = -1;

/// Defines wrappers `name(arguments) => deed`, where the deed gets the function behind and the
/// arguments.
macro_rules! wrap {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $kind:ty),*) => $deed:expr;)*) => {
        /// The functions behind ours, by the same names.
        #[allow(non_upper_case_globals, reason = "they are named like functions")]
        mod reals {
            use crate::real::Real;

            $(pub(super) static $name: Real = Real::new(
                match std::ffi::CStr::from_bytes_with_nul(
                    concat!(stringify!($name), "\0").as_bytes(),
                ) {
                    Ok(name) => name,
                    Err(_) => c"",
                },
            );)*
        }

        /// Looks all functions up before the program runs, and not in one of its signal handlers
        /// or children.
        pub(crate) fn look_up() {
            $(reals::$name.address($name as *const c_void);)*
        }

        $(
        $(#[$doc])*
        ///
        /// # Safety
        ///
        /// As libsodium's function of this name.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: $kind),*) -> c_int {
            type Function = unsafe extern "C" fn($($kind),*) -> c_int;
            let address = reals::$name.address($name as *const c_void);
            if address.is_null() {
                return FAILED;
            }
            // SAFETY: the address is that of libsodium's function of this name, whose signature
            // this one repeats.
            let real = unsafe { std::mem::transmute::<*mut c_void, Function>(address) };
            let deed: fn(Function, $($kind),*) -> c_int = $deed;
            deed(real, $($argument),*)
        }
        )*
    };
}

fn derive(
    real: unsafe extern "C" fn(*mut c_uchar, *const c_uchar, *const c_uchar) -> c_int,
    key: *mut c_uchar,
    public: *const c_uchar,
    secret: *const c_uchar,
) -> c_int {
    if !LOGGER.is_logging() {
        // SAFETY: these are the program's own arguments.
        return unsafe { real(key, public, secret) };
    }
    // The key may be written over what it was made from, so both are copied first.
    // SAFETY: beforenm reads 32 bytes from each.
    let (theirs, mut ours) = unsafe { (*public.cast::<Key>(), *secret.cast::<Key>()) };
    // SAFETY: these are the program's own arguments.
    let result = unsafe { real(key, public, secret) };
    if result == 0 {
        // SAFETY: beforenm has succeeded and so has written 32 bytes there.
        LOGGER.derived(&ours, &theirs, unsafe { &*key.cast::<Key>() });
    }
    wipe(&mut ours);
    result
}

fn note(direction: Direction, result: c_int, nonce: *const c_uchar, key: *const c_uchar) -> c_int {
    if result == 0 && LOGGER.is_logging() {
        // SAFETY: the function behind us has succeeded and so has read 24 and 32 bytes from
        // these; byte arrays need no alignment.
        let (nonce, key) = unsafe { (&*nonce.cast::<Nonce>(), &*key.cast::<Key>()) };
        LOGGER.used(direction, key, nonce);
    }
    result
}

wrap! {
    /// Precomputes a key: worth a `SHARED` line.
    crypto_box_beforenm(k: *mut c_uchar, pk: *const c_uchar, sk: *const c_uchar) => derive;

    /// Precomputes a key: worth a `SHARED` line.
    crypto_box_curve25519xsalsa20poly1305_beforenm(
        k: *mut c_uchar, pk: *const c_uchar, sk: *const c_uchar
    ) => derive;

    /// Seals a box whose plaintext begins with 32 zero bytes.
    crypto_box_afternm(
        c: *mut c_uchar, m: *const c_uchar, mlen: c_ulonglong, n: *const c_uchar, k: *const c_uchar
    ) => |real, c, m, mlen, n, k| {
        // SAFETY: these are the program's own arguments.
        note(Direction::Seal, unsafe { real(c, m, mlen, n, k) }, n, k)
    };

    /// Seals a box whose plaintext begins with 32 zero bytes.
    crypto_box_curve25519xsalsa20poly1305_afternm(
        c: *mut c_uchar, m: *const c_uchar, mlen: c_ulonglong, n: *const c_uchar, k: *const c_uchar
    ) => |real, c, m, mlen, n, k| {
        // SAFETY: these are the program's own arguments.
        note(Direction::Seal, unsafe { real(c, m, mlen, n, k) }, n, k)
    };

    /// Seals a box.
    crypto_box_easy_afternm(
        c: *mut c_uchar, m: *const c_uchar, mlen: c_ulonglong, n: *const c_uchar, k: *const c_uchar
    ) => |real, c, m, mlen, n, k| {
        // SAFETY: these are the program's own arguments.
        note(Direction::Seal, unsafe { real(c, m, mlen, n, k) }, n, k)
    };

    /// Seals a box, its tag apart.
    crypto_box_detached_afternm(
        c: *mut c_uchar, mac: *mut c_uchar, m: *const c_uchar, mlen: c_ulonglong,
        n: *const c_uchar, k: *const c_uchar
    ) => |real, c, mac, m, mlen, n, k| {
        // SAFETY: these are the program's own arguments.
        note(Direction::Seal, unsafe { real(c, mac, m, mlen, n, k) }, n, k)
    };

    /// Opens a box that begins with 16 zero bytes.
    crypto_box_open_afternm(
        m: *mut c_uchar, c: *const c_uchar, clen: c_ulonglong, n: *const c_uchar, k: *const c_uchar
    ) => |real, m, c, clen, n, k| {
        // SAFETY: these are the program's own arguments.
        note(Direction::Open, unsafe { real(m, c, clen, n, k) }, n, k)
    };

    /// Opens a box that begins with 16 zero bytes.
    crypto_box_curve25519xsalsa20poly1305_open_afternm(
        m: *mut c_uchar, c: *const c_uchar, clen: c_ulonglong, n: *const c_uchar, k: *const c_uchar
    ) => |real, m, c, clen, n, k| {
        // SAFETY: these are the program's own arguments.
        note(Direction::Open, unsafe { real(m, c, clen, n, k) }, n, k)
    };

    /// Opens a box.
    crypto_box_open_easy_afternm(
        m: *mut c_uchar, c: *const c_uchar, clen: c_ulonglong, n: *const c_uchar, k: *const c_uchar
    ) => |real, m, c, clen, n, k| {
        // SAFETY: these are the program's own arguments.
        note(Direction::Open, unsafe { real(m, c, clen, n, k) }, n, k)
    };

    /// Opens a box whose tag is apart.
    crypto_box_open_detached_afternm(
        m: *mut c_uchar, c: *const c_uchar, mac: *const c_uchar, clen: c_ulonglong,
        n: *const c_uchar, k: *const c_uchar
    ) => |real, m, c, mac, clen, n, k| {
        // SAFETY: these are the program's own arguments.
        note(Direction::Open, unsafe { real(m, c, mac, clen, n, k) }, n, k)
    };
}
