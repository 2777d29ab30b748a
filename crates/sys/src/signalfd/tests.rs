use rustix::process::Signal;
use rustix::thread::gettid;

use super::*;

#[test]
fn a_blocked_signal_is_read_with_its_sender() {
    let usr1 = Signal::USR1.as_raw();
    let signals = SignalFd::block([usr1]).unwrap();
    // A signal for the whole process may be taken by another thread of the test runner, and
    // would kill it there: this one goes to this thread alone.
    let me = gettid();
    // SAFETY: no pointers.
    let sent = unsafe { libc::tgkill(libc::getpid(), me.as_raw_nonzero().get(), usr1) };
    assert_eq!(sent, 0);
    let got = signals.read().unwrap();
    assert_eq!(got.signal, usr1);
    assert_eq!(got.pid, std::process::id());
    assert_eq!(got.uid, rustix::process::getuid().as_raw());
}

#[test]
fn what_is_no_signal_is_refused() {
    let error = SignalFd::block([1000]).unwrap_err();
    assert_eq!((error.call.as_ref(), error.errno()), ("signalfd", Errno::INVAL));
}
