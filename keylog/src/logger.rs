//! Which line a call is worth.

use std::ffi::CStr;
use std::ptr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::file::LogFile;
use crate::line::Line;
use crate::quiet::{errno, set_errno, wipe};
use crate::real::Real;
use crate::tables::{Direction, Keys, Seed, Written};
use crate::{Key, Nonce, wrappers};

/// The logger of this process.
pub(crate) static LOGGER: Logger = Logger {
    state: AtomicU8::new(UNKNOWN),
    seed: [const { AtomicU64::new(0) }; 2],
    written: Written::new(),
    keys: Keys::new(),
    file: LogFile::new(),
};

const UNKNOWN: u8 = 0;
const STARTING: u8 = 1;
const INERT: u8 = 2;
const LOGGING: u8 = 3;

pub(crate) struct Logger {
    state: AtomicU8,
    seed: [AtomicU64; 2],
    written: Written,
    keys: Keys,
    file: LogFile,
}

/// Runs when the library is loaded, before the program.
extern "C" fn loaded() {
    if !SCALARMULT_BASE.address(ptr::null()).is_null() {
        wrappers::look_up();
    }
    LOGGER.is_logging();
}

#[used]
#[unsafe(link_section = ".init_array")]
static LOADED: extern "C" fn() = loaded;

impl Logger {
    /// True if keys are to be logged. Brings the logger up on the first call.
    pub(crate) fn is_logging(&self) -> bool {
        match self.state.load(Ordering::Acquire) {
            LOGGING => true,
            UNKNOWN => self.start(),
            _ => false,
        }
    }

    #[cold]
    fn start(&self) -> bool {
        if self
            .state
            .compare_exchange(UNKNOWN, STARTING, Ordering::AcqRel, Ordering::Acquire)
            .is_err()
        {
            return false;
        }
        let errno = errno();
        let state = match log_path() {
            Some(path) => {
                self.begin(path);
                LOGGING
            }
            None => INERT,
        };
        self.state.store(state, Ordering::Release);
        set_errno(errno);
        state == LOGGING
    }

    fn begin(&self, path: &CStr) {
        // SAFETY: AT_RANDOM is the address of sixteen random bytes that live as long as the
        // process; they are read unaligned and never shown.
        let seed = unsafe {
            let random =
                ptr::with_exposed_provenance::<[u64; 2]>(libc::getauxval(libc::AT_RANDOM) as usize);
            if random.is_null() { [0; 2] } else { random.read_unaligned() }
        };
        for (to, from) in self.seed.iter().zip(seed) {
            to.store(from, Ordering::Relaxed);
        }
        self.file.note_stderr();
        // SAFETY: `start` lets one thread come here, once, and publishes the state afterwards.
        if !unsafe { self.file.set_path(path) } {
            self.file.refuse_name();
            return;
        }
        // A program that does not use libsodium (a shell that starts the client, say) leaves no
        // file behind. One that loads it later opens the log with its first line.
        if !SCALARMULT_BASE.address(ptr::null()).is_null() {
            self.file.open();
        }
    }

    fn seed(&self) -> Seed {
        let [a, b] = &self.seed;
        Seed([a.load(Ordering::Relaxed), b.load(Ordering::Relaxed)])
    }

    /// `key` was derived from our secret key and their public key.
    pub(crate) fn derived(&self, secret: &Key, theirs: &Key, key: &Key) {
        let seed = self.seed();
        self.keys.enter(seed.key(key));
        let print = seed.shared(theirs, key);
        if !self.written.claim(print) {
            return;
        }
        let errno = errno();
        let line = match public_key(secret) {
            Some(ours) => Line::shared(&ours, theirs, key),
            None => Line::sealed_box(theirs, key),
        };
        if !self.file.append(&line) {
            self.written.release(print);
        }
        set_errno(errno);
    }

    /// `key` has sealed or opened a box with this nonce.
    pub(crate) fn used(&self, direction: Direction, key: &Key, nonce: &Nonce) {
        let seed = self.seed();
        if self.keys.claim(seed, seed.key(key), direction, nonce) {
            // A line that is lost here is made good at the next step of the nonce.
            self.file.append(&Line::nonce(key, nonce));
        }
    }
}

/// The value of `TOX_LOG_KEYS`, unless the process has more rights than whoever started it.
fn log_path() -> Option<&'static CStr> {
    // SAFETY: getauxval has no side effect; the name ends with a zero byte, and what getenv points
    // to stays where it is at least until the program runs (see `LOADED`) or, later, while nobody
    // changes the environment, which is the program's own duty in a process with threads.
    unsafe {
        if libc::getauxval(libc::AT_SECURE) != 0 {
            return None;
        }
        let value = libc::getenv(c"TOX_LOG_KEYS".as_ptr());
        if value.is_null() {
            return None;
        }
        Some(CStr::from_ptr(value)).filter(|path| !path.is_empty())
    }
}

static SCALARMULT_BASE: Real = Real::new(c"crypto_scalarmult_curve25519_base");

/// Our public key.
fn public_key(secret: &Key) -> Option<Key> {
    type ScalarmultBase = unsafe extern "C" fn(*mut u8, *const u8) -> libc::c_int;
    let address = SCALARMULT_BASE.address(ptr::null());
    if address.is_null() {
        return None;
    }
    let mut public = [0; 32];
    // SAFETY: libsodium documents crypto_scalarmult_curve25519_base(q, n) with this signature,
    // q and n of 32 bytes each.
    let failed = unsafe {
        std::mem::transmute::<*mut libc::c_void, ScalarmultBase>(address)(
            public.as_mut_ptr(),
            secret.as_ptr(),
        )
    };
    if failed != 0 {
        wipe(&mut public);
        return None;
    }
    Some(public)
}
