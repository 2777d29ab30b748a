//! The start of a program without what Rust's run-time puts before `main`.
//!
//! The run-time makes a stack for handlers of SIGSEGV and SIGBUS, and reads /proc/self/maps for the
//! bounds of the stack that they should tell of: 17 system calls, and 50 µs, twice in a container's
//! start. What else it does is here: the standard streams are open, and SIGPIPE is ignored.

use std::process::exit;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::time::Timespec;

/// C's `int`, for [`main!`](crate::main).
#[doc(hidden)]
pub use libc::c_int;

/// Makes `$run`, a `fn() -> u8`, the program's beginning; what it returns is the exit code. The
/// crate must have the attribute `#![cfg_attr(all(not(test), target_env = "gnu"), no_main)]`.
///
/// Other C libraries than glibc do not tell Rust's library the arguments: with those it is an
/// ordinary `main`.
#[macro_export]
macro_rules! main {
    ($run:path) => {
        // What a test's own `main` leaves unused.
        #[cfg(test)]
        const _: fn() -> u8 = $run;

        /// The program's beginning, as the C library calls it.
        // SAFETY: a program has one function of this name, and this is its C type; the C library
        // calls it once, after itself and Rust's library have what they need.
        #[cfg(all(not(test), target_env = "gnu"))]
        #[unsafe(no_mangle)]
        pub extern "C" fn main(
            _: $crate::start::c_int,
            _: *const *const u8,
            _: *const *const u8,
        ) -> $crate::start::c_int {
            $crate::start::enter($run)
        }

        #[cfg(all(not(test), not(target_env = "gnu")))]
        fn main() -> std::process::ExitCode {
            std::process::ExitCode::from($run())
        }
    };
}

/// Runs the program.
#[doc(hidden)]
pub fn enter(run: fn() -> u8) -> ! {
    open_streams();
    // SAFETY: nothing else has begun that might set a handler of this signal.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    // It writes out what is left for standard output.
    exit(i32::from(run()))
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
