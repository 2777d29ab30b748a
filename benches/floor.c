// The floor: the least that a container runtime has to ask of the kernel, with nothing else.
//
//   floor [OPTION]... run ROOTFS COMMAND...
//                    a container with the default OCI config: six namespaces (mount, uts, ipc,
//                    pid, net, cgroup), a cgroup, the default mounts, devices, masked and
//                    read-only paths, pivot_root, execve, wait, rmdir. Exits as COMMAND does.
//   floor hold ROOTFS COMMAND...     the same; prints the pid of COMMAND first
//   floor detach ROOTFS COMMAND...   the same, but ends when COMMAND has been executed
//   floor loop N ROOTFS COMMAND...   `run` N times in this process; prints nanoseconds of each
//   floor exec PID COMMAND...        COMMAND in the namespaces and cgroup of PID
//   floor delete                     kills all in the cgroup -i and removes it
//
// Options: -i NAME of the cgroup; -m BYTES memory limit (v1); -b N binds of one file below /tmp
// of ROOTFS (N files t0 ... are there); -d N device nodes; -u as an ordinary user, in a user
// namespace: no cgroup, no network namespace, devices and /sys bound from the host, as the
// runtimes' `spec --rootless` says.
//
// It reads no config, checks nothing that the kernel checks, drops no capability, loads no
// filter, keeps no record. On a v2 cgroup tree the child is born in its cgroup; on v1 (hybrid)
// it is attached to every v1 hierarchy by the parent while it makes its mounts, and the cgroup
// file systems are not mounted in the container (that only makes this floor lower).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <mntent.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET)
#define QUIET (MS_NOSUID | MS_NOEXEC | MS_NODEV)

static void die(const char *what) {
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(125);
}

static void need(int result, const char *what) {
    if (result < 0)
        die(what);
}

// ---- cgroups ----

// Where the cgroup file systems are mounted: one v2 tree, or the v1 hierarchies.
static char *mounts[32];
static int mount_count;
static int v2;

// The options.
static char name[64];
static const char *memory_limit;
static int binds, nodes, rootless;

static void find_cgroups(void) {
    struct statfs fs;
    need(statfs("/sys/fs/cgroup", &fs), "statfs /sys/fs/cgroup");
    v2 = fs.f_type == CGROUP2_SUPER_MAGIC;
    if (v2) {
        mounts[mount_count++] = "/sys/fs/cgroup";
        return;
    }
    FILE *table = setmntent("/proc/self/mounts", "r");
    if (!table)
        die("/proc/self/mounts");
    for (struct mntent *entry; (entry = getmntent(table)) && mount_count < 32;)
        if (!strcmp(entry->mnt_type, "cgroup"))
            mounts[mount_count++] = strdup(entry->mnt_dir);
    endmntent(table);
}

static void copy_file(const char *from, const char *to) {
    char text[4096];
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CLOEXEC);
    ssize_t size = in < 0 ? -1 : read(in, text, sizeof text);
    if (out < 0 || size < 0 || write(out, text, size) != size)
        die(to);
    close(in);
    close(out);
}

// A v1 cpuset takes nobody before it has processors and memory nodes.
static void fill_cpuset(const char *mount) {
    const char *files[] = {"cpuset.cpus", "cpuset.mems"};
    for (int i = 0; i < 2; i++) {
        char from[512], to[512];
        snprintf(from, sizeof from, "%s/%s", mount, files[i]);
        snprintf(to, sizeof to, "%s/%s/%s", mount, name, files[i]);
        copy_file(from, to);
    }
}

static void limit_memory(const char *mount) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s/memory.limit_in_bytes", mount, name);
    int out = open(path, O_WRONLY | O_CLOEXEC);
    if (out < 0 || write(out, memory_limit, strlen(memory_limit)) < 0)
        die(path);
    close(out);
}

static void make_cgroups(void) {
    for (int i = 0; i < mount_count; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", mounts[i], name);
        need(mkdir(path, 0755), path);
        const char *last = strrchr(mounts[i], '/');
        if (!v2 && strstr(last, "cpuset"))
            fill_cpuset(mounts[i]);
        if (!v2 && memory_limit && !strcmp(last, "/memory"))
            limit_memory(mounts[i]);
    }
}

// The cgroup.procs file of `name` in a v1 hierarchy.
static int open_procs(const char *mount, int flags) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s/cgroup.procs", mount, name);
    int fd = open(path, flags | O_CLOEXEC);
    need(fd, path);
    return fd;
}

static void attach(int procs, pid_t pid) {
    char text[16];
    int size = snprintf(text, sizeof text, "%d", pid);
    need(write(procs, text, size) == size ? 0 : -1, "cgroup.procs");
    close(procs);
}

static void remove_cgroups(void) {
    for (int i = 0; i < mount_count; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", mounts[i], name);
        // A moment may pass until the kernel has let go of the last process.
        for (int tries = 0; rmdir(path) && errno == EBUSY && tries < 1000; tries++)
            usleep(100);
    }
}

// Kills the one process that `detach` left, and what it left with it: it is PID 1 in there.
static int end_all(void) {
    find_cgroups();
    char text[4096] = {0};
    int procs = open_procs(mounts[0], O_RDONLY);
    need(read(procs, text, sizeof text - 1), "cgroup.procs");
    for (char *at = text; *at; at = strchr(at, '\n') + 1)
        kill(atoi(at), SIGKILL);
    remove_cgroups();
    return 0;
}

// ---- the container's side ----

static void make_mounts(const char *rootfs) {
    need(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "mount --make-rslave /");
    need(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL), "bind rootfs");
    need(chdir(rootfs), rootfs);
    need(mount("proc", "proc", "proc", 0, NULL), "proc");
    need(mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k"), "dev");
    need(mkdir("dev/pts", 0755), "dev/pts");
    need(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
               rootless ? "newinstance,ptmxmode=0666,mode=0620"
                        : "newinstance,ptmxmode=0666,mode=0620,gid=5"), "dev/pts");
    need(mkdir("dev/shm", 0755), "dev/shm");
    need(mount("shm", "dev/shm", "tmpfs", QUIET, "mode=1777,size=65536k"), "dev/shm");
    need(mkdir("dev/mqueue", 0755), "dev/mqueue");
    need(mount("mqueue", "dev/mqueue", "mqueue", QUIET, NULL), "dev/mqueue");
    if (rootless)
        need(mount("/sys", "sys", NULL, MS_BIND | MS_REC, NULL), "sys");
    else
        need(mount("sysfs", "sys", "sysfs", QUIET | MS_RDONLY, NULL), "sys");
    if (v2 && !rootless)
        need(mount("cgroup", "sys/fs/cgroup", "cgroup2", QUIET | MS_RELATIME | MS_RDONLY, NULL),
             "sys/fs/cgroup");
    for (int i = 0; i < binds; i++) {
        char target[32];
        snprintf(target, sizeof target, "tmp/t%d", i);
        need(mount("bin/busybox", target, NULL, MS_BIND, NULL), target);
    }
}

static void make_node(const char *path, int major, int minor) {
    if (!rootless) {
        need(mknod(path, S_IFCHR | 0666, makedev(major, minor)), path);
        return;
    }
    char host[64];
    snprintf(host, sizeof host, "/%s", path);
    int fd = open(path, O_CREAT | O_CLOEXEC, 0644);
    need(fd, path);
    close(fd);
    need(mount(host, path, NULL, MS_BIND, NULL), path);
}

static void make_devices(void) {
    static const struct { const char *path; int major, minor; } devices[] = {
        {"dev/null", 1, 3},   {"dev/zero", 1, 5},    {"dev/full", 1, 7},
        {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0},
    };
    static const char *links[][2] = {
        {"/proc/self/fd", "dev/fd"},     {"/proc/self/fd/0", "dev/stdin"},
        {"/proc/self/fd/1", "dev/stdout"}, {"/proc/self/fd/2", "dev/stderr"},
        {"pts/ptmx", "dev/ptmx"},
    };
    umask(0);
    for (unsigned i = 0; i < sizeof devices / sizeof *devices; i++)
        make_node(devices[i].path, devices[i].major, devices[i].minor);
    for (int i = 0; i < nodes; i++) {
        char path[32];
        snprintf(path, sizeof path, "dev/node%d", i);
        make_node(path, 1, 3);
    }
    for (unsigned i = 0; i < sizeof links / sizeof *links; i++)
        need(symlink(links[i][0], links[i][1]), links[i][1]);
    umask(022);
}

static void pivot(void) {
    need(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    need(umount2(".", MNT_DETACH), "umount the old root");
    need(chdir("/"), "chdir /");
}

static void hide(void) {
    static const char *masked[] = {
        "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
        "/sys/firmware",
    };
    static const char *readonly[] = {
        "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
    };
    for (unsigned i = 0; i < sizeof masked / sizeof *masked; i++) {
        int failed = mount("/dev/null", masked[i], NULL, MS_BIND, NULL);
        if (failed && errno == ENOTDIR)
            failed = mount("tmpfs", masked[i], "tmpfs", MS_RDONLY, NULL);
        if (failed && errno != ENOENT)
            die(masked[i]);
    }
    for (unsigned i = 0; i < sizeof readonly / sizeof *readonly; i++) {
        if (mount(readonly[i], readonly[i], NULL, MS_BIND | MS_REC, NULL)) {
            if (errno != ENOENT)
                die(readonly[i]);
            continue;
        }
        need(mount(NULL, readonly[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | QUIET, NULL),
             readonly[i]);
    }
    need(mount(NULL, "/", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), "read-only root");
}

static void container(const char *rootfs, char **command, int attached) {
    char byte;
    // An ordinary user's child has to be given its ids first.
    if (rootless)
        need(read(attached, &byte, 1) == 1 ? 0 : -1, "wait for the ids");
    // On v2 the child is in its cgroup already: the namespace may be rooted there.
    if (v2 || rootless)
        need(unshare(CLONE_NEWCGROUP), "unshare cgroup");
    make_mounts(rootfs);
    make_devices();
    pivot();
    hide();
    if (!v2 && !rootless) {
        need(read(attached, &byte, 1) == 1 ? 0 : -1, "wait for the cgroups");
        need(unshare(CLONE_NEWCGROUP), "unshare cgroup");
    }
    execv(command[0], command);
    die(command[0]);
}

// ---- the caller's side ----

static pid_t clone_into(uint64_t flags, int cgroup) {
    struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};
    if (cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = cgroup;
    }
    pid_t pid = syscall(SYS_clone3, &args, sizeof args);
    need(pid, "clone3");
    return pid;
}

static int open_cgroup(void) {
    char path[512];
    snprintf(path, sizeof path, "/sys/fs/cgroup/%s", name);
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    need(fd, path);
    return fd;
}

static int wait_for(pid_t pid) {
    int status;
    need(waitpid(pid, &status, 0), "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void write_to(pid_t pid, const char *file, const char *text) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    need(fd, path);
    need(write(fd, text, strlen(text)), path);
    close(fd);
}

static void give_ids(pid_t pid) {
    char map[32];
    snprintf(map, sizeof map, "0 %d 1", getuid());
    write_to(pid, "uid_map", map);
    write_to(pid, "setgroups", "deny");
    snprintf(map, sizeof map, "0 %d 1", getgid());
    write_to(pid, "gid_map", map);
}

// Starts the container. `executed` becomes a pipe that ends when COMMAND is executed.
static pid_t begin(const char *rootfs, char **command, int executed[2]) {
    int attached[2];
    find_cgroups();
    if (!rootless)
        make_cgroups();
    need(pipe2(attached, O_CLOEXEC), "pipe2");
    if (executed)
        need(pipe2(executed, O_CLOEXEC), "pipe2");
    uint64_t flags = rootless ? (NAMESPACES & ~(uint64_t)CLONE_NEWNET) | CLONE_NEWUSER : NAMESPACES;
    int cgroup = v2 && !rootless ? open_cgroup() : -1;
    pid_t pid = clone_into(flags, cgroup);
    if (pid == 0)
        container(rootfs, command, attached[0]);
    if (cgroup >= 0)
        close(cgroup);
    if (rootless)
        give_ids(pid);
    else
        for (int i = 0; !v2 && i < mount_count; i++)
            attach(open_procs(mounts[i], O_WRONLY), pid);
    if (rootless || !v2)
        need(write(attached[1], "", 1), "pipe");
    close(attached[0]);
    close(attached[1]);
    return pid;
}

static int run(const char *rootfs, char **command, int tell) {
    pid_t pid = begin(rootfs, command, NULL);
    if (tell) {
        printf("%d\n", pid);
        fclose(stdout);
    }
    int code = wait_for(pid);
    if (!rootless)
        remove_cgroups();
    return code;
}

static int detach(const char *rootfs, char **command) {
    int executed[2];
    char byte;
    begin(rootfs, command, executed);
    close(executed[1]);
    need(read(executed[0], &byte, 1), "wait for execve");
    return 0;
}

static int loop(int times, const char *rootfs, char **command) {
    for (int i = 0; i < times; i++) {
        struct timespec from, to;
        clock_gettime(CLOCK_MONOTONIC, &from);
        mount_count = 0;
        run(rootfs, command, 0);
        clock_gettime(CLOCK_MONOTONIC, &to);
        printf("%ld\n", (to.tv_sec - from.tv_sec) * 1000000000L + to.tv_nsec - from.tv_nsec);
    }
    return 0;
}

// The cgroup that `run` made: `floor-N` at the end of each line of /proc/PID/cgroup.
static void cgroup_of(const char *pid) {
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%s/cgroup", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        die(path);
    while (fgets(line, sizeof line, file)) {
        char *found = strstr(line, ":/floor-");
        if (found) {
            snprintf(name, sizeof name, "%s", found + 2);
            name[strcspn(name, "\n")] = 0;
            fclose(file);
            return;
        }
    }
    errno = ENOENT;
    die("the container's cgroup");
}

static int enter(const char *pid, char **command) {
    int procs[32];
    find_cgroups();
    cgroup_of(pid);
    int cgroup = v2 ? open_cgroup() : -1;
    for (int i = 0; !v2 && i < mount_count; i++)
        procs[i] = open_procs(mounts[i], O_WRONLY);
    int pidfd = syscall(SYS_pidfd_open, atoi(pid), 0);
    need(pidfd, "pidfd_open");
    need(setns(pidfd, NAMESPACES | CLONE_NEWCGROUP), "setns");
    pid_t child = clone_into(0, cgroup);
    if (child == 0) {
        // Writing 0 attaches the writer.
        for (int i = 0; !v2 && i < mount_count; i++)
            attach(procs[i], 0);
        execv(command[0], command);
        die(command[0]);
    }
    return wait_for(child);
}

int main(int argc, char **argv) {
    snprintf(name, sizeof name, "floor-%d", getpid());
    for (int option; (option = getopt(argc, argv, "+i:m:b:d:u")) >= 0;)
        switch (option) {
        case 'i': snprintf(name, sizeof name, "%s", optarg); break;
        case 'm': memory_limit = optarg; break;
        case 'b': binds = atoi(optarg); break;
        case 'd': nodes = atoi(optarg); break;
        case 'u': rootless = 1; break;
        default: return 2;
        }
    argc -= optind;
    argv += optind;
    const char *verb = argc ? argv[0] : "";
    if (argc >= 3 && !strcmp(verb, "run"))
        return run(argv[1], argv + 2, 0);
    if (argc >= 3 && !strcmp(verb, "hold"))
        return run(argv[1], argv + 2, 1);
    if (argc >= 3 && !strcmp(verb, "detach"))
        return detach(argv[1], argv + 2);
    if (argc >= 4 && !strcmp(verb, "loop"))
        return loop(atoi(argv[1]), argv[2], argv + 3);
    if (argc >= 3 && !strcmp(verb, "exec"))
        return enter(argv[1], argv + 2);
    if (argc == 1 && !strcmp(verb, "delete"))
        return end_all();
    fprintf(stderr, "usage: floor [-i NAME] [-m BYTES] [-b N] [-d N] [-u] run|hold|detach ROOTFS COMMAND...\n"
                    "       floor loop N ROOTFS COMMAND...\n"
                    "       floor exec PID COMMAND...\n"
                    "       floor -i NAME delete\n");
    return 2;
}
