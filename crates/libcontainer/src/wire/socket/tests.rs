use super::*;

fn message(socket: &Socket) -> (String, Vec<OwnedFd>) {
    match socket.receive().unwrap() {
        Received::Message(text, fds) => (text, fds),
        Received::End => panic!("the end came"),
    }
}

#[test]
fn small_and_large_messages_arrive_whole_with_their_descriptors() {
    let (a, b) = Socket::pair().unwrap();
    for length in [0, 1, INLINE - 8, INLINE, INLINE + 1, 1 << 20, 4 << 20] {
        let text = "x".repeat(length);
        a.send(&text, &[std::io::stdin().as_fd()]).unwrap();
        let (came, fds) = message(&b);
        assert_eq!((came.len(), fds.len()), (length, 1));
    }
}

#[test]
fn a_closed_end_is_the_end() {
    let (a, b) = Socket::pair().unwrap();
    a.send(&"last", &[]).unwrap();
    drop(a);
    assert_eq!(message(&b).0, "last");
    assert!(matches!(b.receive::<String>().unwrap(), Received::End));
    assert_eq!(b.send(&"nobody", &[]).unwrap_err().errno(), Some(libc_epipe()));
}

#[test]
fn a_last_message_outlives_what_its_sender_did_not_read() {
    let (a, b) = Socket::pair().unwrap();
    a.send(&"failed", &[]).unwrap();
    b.send(&"go", &[]).unwrap();
    drop(a);
    assert_eq!(message(&b).0, "failed");
    assert!(matches!(b.receive::<String>().unwrap(), Received::End));
}

fn libc_epipe() -> i32 {
    Errno::PIPE.raw_os_error()
}

#[test]
fn a_memfd_that_is_not_sealed_is_refused() {
    let memfd = memfd_create("open", MemfdFlags::CLOEXEC).unwrap();
    assert!(large_body(&0u64.to_le_bytes(), &memfd).is_err());
    let memfd = sealed("shut", b"abc").unwrap();
    assert!(large_body(&4u64.to_le_bytes(), &memfd).is_err());
    assert_eq!(large_body(&3u64.to_le_bytes(), &memfd).unwrap(), b"abc");
}
