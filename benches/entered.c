/* Which functions a command enters, in it and all its children, in the order of their first time:
 * each function of PROGRAM gets a breakpoint that goes when it is hit. Children that outlive the
 * command are killed. scripts/hot turns that into the order in which the linker lays them out.
 *
 *     nm PROGRAM | entered OUTPUT PROGRAM COMMAND...
 *
 * OUTPUT is appended to: a line `-`, then `c` or `i` and a function each: by the command itself, or
 * by what was executed in a child of its (an init). Standard output is the command's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LARGEST_PID = 1 << 22, MOST = 1 << 16, BREAKPOINT = 0xcc };

static struct { unsigned long offset; char *name; unsigned char was; int told[2]; } functions[MOST];
static int count;
static FILE *output;
/* Where PROGRAM is in each process; 0: not there. */
static unsigned long base[LARGEST_PID];
/* Whether it, or who bore it, has executed PROGRAM once more. */
static char init[LARGEST_PID];
/* Whose birth we have heard of; and who has come to us before that, and waits. */
static char known[LARGEST_PID], waiting[LARGEST_PID];

static void die(const char *what) {
    fprintf(stderr, "entered: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int by_offset(const void *a, const void *b) {
    unsigned long one = *(const unsigned long *)a, other = *(const unsigned long *)b;
    return (one > other) - (one < other);
}

static void read_symbols(void) {
    char line[8192], type, name[8000];
    unsigned long offset;
    while (fgets(line, sizeof line, stdin) && count < MOST)
        if (sscanf(line, "%lx %c %7999s", &offset, &type, name) == 3 && strchr("tTwW", type)) {
            functions[count].offset = offset;
            functions[count++].name = strdup(name);
        }
    qsort(functions, count, sizeof *functions, by_offset);
}

/* The byte at an address, before it is set to `byte`. */
static int poke(pid_t pid, unsigned long address, unsigned char byte) {
    unsigned long start = address & ~7ul, shift = (address & 7) * 8;
    errno = 0;
    unsigned long word = ptrace(PTRACE_PEEKTEXT, pid, start, 0);
    if (errno) return -1;
    unsigned long changed = (word & ~(0xfful << shift)) | (unsigned long)byte << shift;
    if (ptrace(PTRACE_POKETEXT, pid, start, changed)) return -1;
    return word >> shift & 0xff;
}

/* By the name of the file alone: an init is executed from a mount of its own. */
static void executed(pid_t pid, const char *name) {
    char path[64], line[4500];
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *maps = fopen(path, "re");
    base[pid] = 0;
    while (maps && !base[pid] && fgets(line, sizeof line, maps)) {
        char *file = strrchr(line, '/');
        if (!file) continue;
        file[strcspn(file, "\n")] = 0;
        if (!strcmp(file + 1, name)) base[pid] = strtoul(line, NULL, 16);
    }
    if (maps) fclose(maps);
    if (!base[pid]) return;
    for (int i = 0; i < count; i++) {
        int was = i && functions[i].offset == functions[i - 1].offset
            ? functions[i - 1].was : poke(pid, base[pid] + functions[i].offset, BREAKPOINT);
        if (was < 0) die("breakpoint");
        functions[i].was = was;
    }
}

/* Whether the process has stopped at a breakpoint of ours, which is gone now. */
static int entered(pid_t pid) {
    struct user_regs_struct regs;
    if (!base[pid] || ptrace(PTRACE_GETREGS, pid, 0, &regs)) return 0;
    unsigned long offset = regs.rip - 1 - base[pid];
    int low = 0, high = count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (functions[middle].offset < offset) low = middle + 1; else high = middle;
    }
    if (low == count || functions[low].offset != offset) return 0;
    for (int i = low; i < count && functions[i].offset == offset; i++) {
        int *told = &functions[i].told[(int) init[pid]];
        if (!*told) fprintf(output, "%c %s\n", "ci"[(int) init[pid]], functions[i].name);
        *told = 1;
    }
    poke(pid, regs.rip - 1, functions[low].was);
    regs.rip--;
    return !ptrace(PTRACE_SETREGS, pid, 0, &regs);
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: nm PROGRAM | entered OUTPUT PROGRAM COMMAND...\n");
        return 2;
    }
    const char *name = strrchr(argv[2], '/') ? strrchr(argv[2], '/') + 1 : argv[2];
    output = fopen(argv[1], "ae");
    if (!output) die(argv[1]);
    fprintf(output, "-\n");
    read_symbols();
    pid_t child = fork();
    if (child < 0) die("fork");
    if (!child) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0)) die("ptrace");
        execvp(argv[3], argv + 3);
        die(argv[3]);
    }
    int status, code = 0, stops = 0;
    for (;;) {
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0) { if (errno == EINTR) continue; break; }
        if (!WIFSTOPPED(status) && pid == child) {
            code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
            break;
        }
        if (!WIFSTOPPED(status)) continue;
        int signal = WSTOPSIG(status), event = status >> 16;
        if (!stops++) {
            ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                   PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
            executed(pid, name);
            known[pid] = 1;
        }
        if (!known[pid]) {
            waiting[pid] = 1;
            continue;
        }
        if (event == PTRACE_EVENT_EXEC) {
            init[pid] = pid != child;
            executed(pid, name);
        }
        if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
            unsigned long born;
            if (!ptrace(PTRACE_GETEVENTMSG, pid, 0, &born) && born < LARGEST_PID) {
                base[born] = base[pid];
                init[born] = init[pid];
                known[born] = 1;
                if (waiting[born]) ptrace(PTRACE_CONT, born, 0, 0);
            }
        }
        if (event || signal == SIGSTOP || (signal == SIGTRAP && (stops == 1 || entered(pid))))
            signal = 0;
        ptrace(PTRACE_CONT, pid, 0, signal);
    }
    if (fclose(output)) die(argv[1]);
    return code;
}
