//! The start of a program without what Rust's run-time puts before `main`.
//!
//! The run-time makes a stack for handlers of SIGSEGV and SIGBUS, and reads /proc/self/maps for the
//! bounds of the stack that they should tell of: 17 system calls, and 50 µs, twice in a container's
//! start. What else it does is here: the standard streams are open, and SIGPIPE is ignored.

use std::ffi::{CStr, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::process::exit;
use std::sync::OnceLock;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::time::Timespec;

/// C's types, for [`main!`](crate::main).
#[doc(hidden)]
pub use libc::{c_char, c_int};

/// What [`arguments`] gives to a program that began here.
static WORDS: OnceLock<Vec<OsString>> = OnceLock::new();

/// Makes `$run`, a `fn() -> u8`, the program's beginning; what it returns is the exit code. The
/// crate must have the attribute `#![cfg_attr(not(test), no_main)]`, and ask [`arguments`] for its
/// command line.
#[macro_export]
macro_rules! main {
    ($run:path) => {
        // What a test's own `main` leaves unused.
        #[cfg(test)]
        const _: fn() -> u8 = $run;

        /// The program's beginning, as the C library calls it.
        // SAFETY: a program has one function of this name, and this is its C type; the C library
        // calls it once, after itself and Rust's library have what they need, with the words of
        // the command line.
        #[cfg(not(test))]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn main(
            count: $crate::start::c_int,
            words: *const *const $crate::start::c_char,
        ) -> $crate::start::c_int {
            unsafe { $crate::start::enter(count, words, $run) }
        }
    };
}

/// Runs the program.
///
/// # Safety
/// `words` points to `count` texts that end with a null and stay for ever.
#[doc(hidden)]
pub unsafe fn enter(count: c_int, words: *const *const c_char, run: fn() -> u8) -> ! {
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: the caller's promise.
    let word = |at: usize| unsafe { CStr::from_ptr(*words.add(at)) };
    let word = |at: usize| OsStr::from_bytes(word(at).to_bytes()).to_owned();
    let _ = WORDS.set((0..count).map(word).collect());
    open_streams();
    // SAFETY: nothing else has begun that might set a handler of this signal.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    // It writes out what is left for standard output.
    exit(i32::from(run()))
}

/// The words of the command line, the program's name first. Rust's library knows them only where its
/// own `main` is the program's beginning, or glibc is the C library.
pub fn arguments() -> &'static [OsString] {
    WORDS.get_or_init(|| std::env::args_os().collect())
}

/// A file that is opened later must not become a standard stream by chance.
fn open_streams() {
    let streams = [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()];
    let mut looks = streams.map(|stream| PollFd::from_borrowed_fd(stream, PollFlags::empty()));
    let now = Timespec::default();
    let looked = rustix::io::retry_on_intr(|| poll(&mut looks, Some(&now)));
    for look in &looks {
        if looked.is_err() || look.revents().contains(PollFlags::NVAL) {
            // The lowest number that is free is taken: from the first that is closed on.
            match open("/dev/null", OFlags::RDWR, Mode::empty()) {
                Ok(stream) => std::mem::forget(stream),
                Err(_) => std::process::abort(),
            }
        }
    }
}
