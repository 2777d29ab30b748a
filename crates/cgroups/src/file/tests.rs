use rustix::io::write;
use rustix::pipe::{PipeFlags, pipe_with};

use super::*;

/// A pipe that gives what was written piece by piece (O_DIRECT, pipe(2)), as /proc/self/mountinfo
/// gives less than there is space for where a long line comes next.
#[test]
fn a_short_read_is_the_end_of_control_files_only() {
    for (whole, expected) in [(true, "onetwo"), (false, "one")] {
        let (reader, writer) = pipe_with(PipeFlags::DIRECT | PipeFlags::CLOEXEC).unwrap();
        write(&writer, b"one").unwrap();
        write(&writer, b"two").unwrap();
        drop(writer);
        let text = if whole { read_all(&reader) } else { read_control(&reader) };
        assert_eq!(text.unwrap(), expected);
    }
}
