//! The functions behind ours: what the program would have called without us.

use std::ffi::CStr;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::quiet::{errno, set_errno};

/// One function of libsodium, looked up once.
pub(crate) struct Real {
    name: &'static CStr,
    address: AtomicPtr<libc::c_void>,
}

impl Real {
    pub(crate) const fn new(name: &'static CStr) -> Self {
        Self { name, address: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The address of the function, or null if the process has none but `ours`.
    pub(crate) fn address(&self, ours: *const libc::c_void) -> *mut libc::c_void {
        let known = self.address.load(Ordering::Acquire);
        if !known.is_null() {
            return known;
        }
        let errno = errno();
        let found = next(self.name, ours).or_else(|| anywhere(self.name, ours));
        set_errno(errno);
        let found = found.unwrap_or(ptr::null_mut());
        self.address.store(found, Ordering::Release);
        found
    }
}

/// The next definition in the search order of the program.
fn next(name: &CStr, ours: *const libc::c_void) -> Option<*mut libc::c_void> {
    // SAFETY: the name ends with a zero byte; dlerror is called only to take back the message
    // that a failed search leaves for whoever asks next.
    unsafe {
        let found = libc::dlsym(libc::RTLD_NEXT, name.as_ptr());
        if found.is_null() {
            libc::dlerror();
        }
        usable(found, ours).inspect(|found| keep(*found))
    }
}

/// Sees to it that the object which an address is in is never unloaded: a plugin may go and come
/// again, our addresses stay.
fn keep(address: *mut libc::c_void) {
    // SAFETY: dladdr fills in a live local of plain pointers; the name that it gives belongs to the
    // loaded object. RTLD_NOLOAD loads nothing.
    unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        if libc::dladdr(address, &raw mut info) == 0 || info.dli_fname.is_null() {
            return;
        }
        let flags = libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE;
        if libc::dlopen(info.dli_fname, flags).is_null() {
            libc::dlerror();
        }
    }
}

/// A definition in any loaded object. A plugin that was loaded with `RTLD_LOCAL` calls us, since
/// preloaded libraries come first, but the library behind us is not in the global search order.
fn anywhere(name: &CStr, ours: *const libc::c_void) -> Option<*mut libc::c_void> {
    (0..4096).map_while(Object::nth).find_map(|object| object.find(name, ours))
}

fn usable(found: *mut libc::c_void, ours: *const libc::c_void) -> Option<*mut libc::c_void> {
    (!found.is_null() && !ptr::eq(found, ours)).then_some(found)
}

/// The file name of a loaded object.
struct Object {
    name: [u8; 1024],
}

impl Object {
    /// The object that the loader lists at this place.
    fn nth(place: usize) -> Option<Self> {
        struct Search {
            left: usize,
            found: Option<Object>,
        }
        unsafe extern "C" fn each(
            info: *mut libc::dl_phdr_info,
            _size: libc::size_t,
            data: *mut libc::c_void,
        ) -> libc::c_int {
            // SAFETY: `data` is the Search handed to dl_iterate_phdr below, and nobody else has
            // it; `info` is valid during this call.
            let (search, name) = unsafe { (&mut *data.cast::<Search>(), (*info).dlpi_name) };
            if search.left > 0 {
                search.left -= 1;
                return 0;
            }
            let mut object = Object { name: [0; 1024] };
            if !name.is_null() {
                // SAFETY: the loader's names end with a zero byte and live during this call.
                let name = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
                // A longer name than fits is left empty, which is skipped.
                if let Some(start) = object.name.get_mut(..name.len()) {
                    start.copy_from_slice(name);
                }
            }
            search.found = Some(object);
            1
        }
        let mut search = Search { left: place, found: None };
        // SAFETY: the callback gets a pointer to `search`, which outlives the call.
        unsafe { libc::dl_iterate_phdr(Some(each), (&raw mut search).cast()) };
        search.found
    }

    fn find(&self, name: &CStr, ours: *const libc::c_void) -> Option<*mut libc::c_void> {
        let object = CStr::from_bytes_until_nul(&self.name).ok()?;
        if object.is_empty() {
            return None;
        }
        // SAFETY: both strings end with a zero byte. RTLD_NOLOAD loads nothing; the reference
        // that a found handle counts is kept while we hold an address from the object.
        unsafe {
            let handle = libc::dlopen(object.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
            if handle.is_null() {
                libc::dlerror();
                return None;
            }
            let found = usable(libc::dlsym(handle, name.as_ptr()), ours);
            if found.is_none() {
                libc::dlerror();
                libc::dlclose(handle);
            }
            found
        }
    }
}
