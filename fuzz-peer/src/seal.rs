//! The functions of libsodium that seal packets.
//!
//! c-toxcore calls `crypto_box_afternm`. The longer spellings are what libsodium calls itself, and are left
//! alone, so that no packet is shown twice.

use std::ffi::{c_int, c_uchar, c_ulonglong, c_void};
use std::{mem, ptr, slice};

use crate::fence::settings;
use crate::line::{self, TAG};
use crate::real::{Real, errno, set_errno};

/// Bytes of zero before what is sealed, and before a box (`crypto_box_ZEROBYTES`, `crypto_box_BOXZEROBYTES`).
const ZEROS: usize = 32;
const BOX_ZEROS: usize = 16;

/// Bytes of a precomputed key.
const KEY: usize = 32;

/// What precedes a data id: acknowledgement and number (packets §5.3).
const HEAD: usize = 8;

/// What libsodium returns when it has not done what it was asked to.
const FAILED: c_int = -1;

type Seal = unsafe extern "C" fn(
    *mut c_uchar,
    *const c_uchar,
    c_ulonglong,
    *const c_uchar,
    *const c_uchar,
) -> c_int;

static AFTERNM: Real = Real::new(c"crypto_box_afternm");
static EASY_AFTERNM: Real = Real::new(c"crypto_box_easy_afternm");

fn seal_of(real: &Real) -> Option<Seal> {
    let address = real.address();
    if address.is_null() {
        return None;
    }
    // SAFETY: the address is that of libsodium's function of this name, which has this signature.
    Some(unsafe { mem::transmute::<*mut c_void, Seal>(address) })
}

/// A copy of what is about to be sealed, if it may be a conference packet (packets §7). What a datagram
/// becomes is decided later, by what is sent; so it does no harm if it is something else.
///
/// # Safety
///
/// `plain` has `length` readable bytes.
unsafe fn candidate(plain: *const c_uchar, length: usize) -> Option<Vec<u8>> {
    settings()?;
    // SAFETY: says the caller.
    let plain = unsafe { slice::from_raw_parts(plain, length) };
    let id = plain.get(HEAD..)?.iter().find(|byte| **byte != 0)?;
    matches!(id, 0x60..=0x64 | 0xc7).then(|| plain.to_vec())
}

/// # Safety
///
/// As libsodium's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crypto_box_afternm(
    c: *mut c_uchar,
    m: *const c_uchar,
    mlen: c_ulonglong,
    n: *const c_uchar,
    k: *const c_uchar,
) -> c_int {
    let Some(real) = seal_of(&AFTERNM) else { return FAILED };
    let length = usize::try_from(mlen).unwrap_or(0);
    // SAFETY: the program has to give so many bytes; what is sealed may lie where the box is going to.
    let plain = match length.checked_sub(ZEROS) {
        Some(length) => unsafe { candidate(m.add(ZEROS), length) },
        None => None,
    };
    // SAFETY: these are the program's own arguments.
    let result = unsafe { real(c, m, mlen, n, k) };
    let Some(plain) = plain.filter(|_| result == 0) else { return result };
    let errno = errno();
    // SAFETY: the function behind us has written the box, of more bytes than these, and read the key.
    let (tag, key) =
        unsafe { (ptr::read(c.add(BOX_ZEROS).cast::<[u8; TAG]>()), slice::from_raw_parts(k, KEY)) };
    line::show(&plain, key, tag, |other| {
        let padded = [[0; ZEROS].as_slice(), other].concat();
        let mut sealed = vec![0; padded.len()];
        // SAFETY: both are of this length, nonce and key are the program's.
        let done = unsafe {
            real(sealed.as_mut_ptr(), padded.as_ptr(), padded.len() as c_ulonglong, n, k)
        };
        (done == 0).then(|| sealed.split_off(BOX_ZEROS))
    });
    set_errno(errno);
    result
}

/// # Safety
///
/// As libsodium's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crypto_box_easy_afternm(
    c: *mut c_uchar,
    m: *const c_uchar,
    mlen: c_ulonglong,
    n: *const c_uchar,
    k: *const c_uchar,
) -> c_int {
    let Some(real) = seal_of(&EASY_AFTERNM) else { return FAILED };
    // SAFETY: the program has to give so many bytes.
    let plain = unsafe { candidate(m, usize::try_from(mlen).unwrap_or(0)) };
    // SAFETY: these are the program's own arguments.
    let result = unsafe { real(c, m, mlen, n, k) };
    let Some(plain) = plain.filter(|_| result == 0) else { return result };
    let errno = errno();
    // SAFETY: the function behind us has written the tag and read the key.
    let (tag, key) = unsafe { (ptr::read(c.cast::<[u8; TAG]>()), slice::from_raw_parts(k, KEY)) };
    line::show(&plain, key, tag, |other| {
        let mut sealed = vec![0; other.len() + TAG];
        // SAFETY: the box has room for what is sealed and the tag; nonce and key are the program's.
        let done =
            unsafe { real(sealed.as_mut_ptr(), other.as_ptr(), other.len() as c_ulonglong, n, k) };
        (done == 0).then_some(sealed)
    });
    set_errno(errno);
    result
}
