//! The calls of the default profile, by name, on all architectures: a name that an architecture
//! does not have is no rule there.
//!
//! One string for each group: a table of string slices would be relocated at every start of a
//! position-independent binary.

/// Calls that every program may make, whatever its arguments.
pub(super) const ALWAYS: &str = "\
    read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek _llseek \
    sendfile sendfile64 splice tee vmsplice copy_file_range readahead \
    open openat openat2 creat close close_range dup dup2 dup3 pipe pipe2 fcntl fcntl64 flock ioctl \
    memfd_create memfd_secret \
    access faccessat faccessat2 stat lstat fstat newfstatat statx stat64 lstat64 fstat64 fstatat64 \
    oldstat oldlstat oldfstat statfs fstatfs statfs64 fstatfs64 ustat statmount listmount \
    chdir fchdir getcwd mkdir mkdirat rmdir rename renameat renameat2 link linkat unlink unlinkat \
    symlink symlinkat readlink readlinkat mknod mknodat getdents getdents64 readdir \
    chmod fchmod fchmodat fchmodat2 umask \
    chown fchown lchown fchownat chown32 fchown32 lchown32 \
    utime utimes futimesat utimensat utimensat_time64 \
    truncate ftruncate truncate64 ftruncate64 fallocate \
    fadvise64 fadvise64_64 arm_fadvise64_64 \
    sync syncfs fsync fdatasync sync_file_range sync_file_range2 arm_sync_file_range \
    getxattr lgetxattr fgetxattr getxattrat setxattr lsetxattr fsetxattr setxattrat \
    listxattr llistxattr flistxattr listxattrat \
    removexattr lremovexattr fremovexattr removexattrat file_getattr file_setattr \
    name_to_handle_at cachestat \
    inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark \
    \
    mmap mmap2 munmap mremap mprotect pkey_mprotect pkey_alloc pkey_free msync mincore madvise brk \
    mlock mlock2 munlock mlockall munlockall mseal remap_file_pages map_shadow_stack membarrier \
    \
    fork vfork execve execveat exit exit_group wait4 waitid waitpid \
    kill tkill tgkill pidfd_open pidfd_send_signal process_mrelease \
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigtimedwait_time64 \
    rt_sigqueueinfo rt_tgsigqueueinfo rt_sigsuspend sigaltstack pause \
    signal sigaction sigprocmask sigpending sigsuspend sigreturn sgetmask ssetmask \
    signalfd signalfd4 eventfd eventfd2 restart_syscall \
    getpid getppid gettid getpgid getpgrp setpgid getsid setsid \
    getuid geteuid getgid getegid getresuid getresgid getgroups \
    getuid32 geteuid32 getgid32 getegid32 getresuid32 getresgid32 getgroups32 \
    setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups \
    setuid32 setgid32 setreuid32 setregid32 setresuid32 setresgid32 setfsuid32 setfsgid32 \
    setgroups32 capget capset prctl arch_prctl seccomp \
    landlock_create_ruleset landlock_add_rule landlock_restrict_self \
    ptrace process_vm_readv process_vm_writev \
    getrlimit ugetrlimit setrlimit prlimit64 getrusage getpriority setpriority nice \
    ioprio_get ioprio_set times sysinfo uname olduname oldolduname getcpu \
    set_tid_address set_robust_list get_robust_list rseq uretprobe \
    set_thread_area get_thread_area modify_ldt breakpoint cacheflush set_tls get_tls \
    futex futex_time64 futex_wait futex_wake futex_waitv futex_requeue \
    sched_yield sched_getparam sched_setparam sched_getscheduler sched_setscheduler \
    sched_getattr sched_setattr sched_getaffinity sched_setaffinity \
    sched_get_priority_max sched_get_priority_min \
    sched_rr_get_interval sched_rr_get_interval_time64 \
    \
    time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 \
    nanosleep clock_nanosleep clock_nanosleep_time64 adjtimex clock_adjtime clock_adjtime64 \
    alarm getitimer setitimer timer_create timer_delete timer_getoverrun \
    timer_gettime timer_gettime64 timer_settime timer_settime64 \
    timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 \
    \
    select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64 \
    epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 \
    epoll_ctl_old epoll_wait_old \
    io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents io_pgetevents_time64 \
    \
    socketcall socketpair bind listen accept accept4 connect shutdown \
    getsockname getpeername getsockopt setsockopt \
    send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64 \
    ipc shmget shmat shmdt shmctl semget semop semtimedop semtimedop_time64 semctl \
    msgget msgsnd msgrcv msgctl \
    mq_open mq_unlink mq_notify mq_getsetattr mq_timedsend mq_timedsend_time64 \
    mq_timedreceive mq_timedreceive_time64 \
    \
    getrandom";

/// Calls that come with a capability: the capabilities (any of them is enough) and the calls.
pub(super) const WITH_CAPABILITY: [(&str, &str); 14] = [
    (
        "CAP_SYS_ADMIN",
        "clone clone3 unshare setns mount umount umount2 pivot_root mount_setattr \
         open_tree open_tree_attr move_mount fsopen fsconfig fsmount fspick \
         sethostname setdomainname quotactl quotactl_fd fanotify_init lookup_dcookie \
         lsm_get_self_attr lsm_set_self_attr lsm_list_modules",
    ),
    ("CAP_SYS_ADMIN CAP_BPF", "bpf"),
    ("CAP_SYS_ADMIN CAP_PERFMON", "perf_event_open"),
    ("CAP_SYS_ADMIN CAP_SYSLOG", "syslog"),
    ("CAP_DAC_READ_SEARCH", "open_by_handle_at"),
    ("CAP_SYS_BOOT", "reboot"),
    ("CAP_SYS_CHROOT", "chroot"),
    ("CAP_SYS_MODULE", "init_module finit_module delete_module"),
    ("CAP_SYS_NICE", "mbind get_mempolicy set_mempolicy set_mempolicy_home_node"),
    ("CAP_SYS_PACCT", "acct"),
    ("CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise"),
    ("CAP_SYS_RAWIO", "iopl ioperm pciconfig_iobase pciconfig_read pciconfig_write"),
    ("CAP_SYS_TIME", "settimeofday stime clock_settime clock_settime64"),
    ("CAP_SYS_TTY_CONFIG", "vhangup"),
];
