//! The functions behind ours.

use std::ffi::{CStr, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A function that one of ours stands before, looked up once.
pub(crate) struct Real {
    name: &'static CStr,
    address: AtomicPtr<c_void>,
}

impl Real {
    pub(crate) const fn new(name: &'static CStr) -> Self {
        Self { name, address: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Where it is: the next one that the program would find, or else that of a libsodium which a plugin
    /// has brought along. Null if there is none.
    pub(crate) fn address(&self) -> *mut c_void {
        let known = self.address.load(Ordering::Acquire);
        if !known.is_null() {
            return known;
        }
        let errno = errno();
        // SAFETY: the name ends with a zero byte.
        let mut found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        if found.is_null() {
            found = in_libsodium(self.name);
        }
        set_errno(errno);
        self.address.store(found, Ordering::Release);
        found
    }
}

/// The address of a function in whatever libsodium the process has loaded.
fn in_libsodium(name: &CStr) -> *mut c_void {
    unsafe extern "C" fn each(
        info: *mut libc::dl_phdr_info,
        _size: libc::size_t,
        data: *mut c_void,
    ) -> c_int {
        // SAFETY: `info` is valid during this call, its name ends with a zero byte; `data` is the vector
        // handed to dl_iterate_phdr below, which nobody else has.
        let (path, found) = unsafe { ((*info).dlpi_name, &mut *data.cast::<Vec<u8>>()) };
        if path.is_null() {
            return 0;
        }
        // SAFETY: as above.
        let path = unsafe { CStr::from_ptr(path) }.to_bytes_with_nul();
        let file = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        if !file.starts_with(b"libsodium") {
            return 0;
        }
        found.extend_from_slice(path);
        1
    }
    let mut path = Vec::<u8>::new();
    // SAFETY: the callback gets a pointer to `path`, which outlives the call. The path that it copies ends
    // with a zero byte; RTLD_NOLOAD loads nothing, and the reference that it counts is kept.
    unsafe {
        libc::dl_iterate_phdr(Some(each), (&raw mut path).cast());
        if path.is_empty() {
            return ptr::null_mut();
        }
        let handle = libc::dlopen(path.as_ptr().cast(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        if handle.is_null() { ptr::null_mut() } else { libc::dlsym(handle, name.as_ptr()) }
    }
}

pub(crate) fn errno() -> c_int {
    // SAFETY: __errno_location never returns null and its int belongs to this thread.
    unsafe { *libc::__errno_location() }
}

pub(crate) fn set_errno(errno: c_int) {
    // SAFETY: as in `errno`.
    unsafe { *libc::__errno_location() = errno };
}
