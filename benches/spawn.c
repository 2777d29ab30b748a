// Starts programs and tells what each cost: a tiny process of its own, since a fork or spawn out
// of a big launcher costs milliseconds and its size would show in the peak memory.
//
//   spawn ROUNDS PAUSE_MS DIR COMMAND... [+ DIR COMMAND...]... [; DIR COMMAND...]...
//   spawn -j JOBS COUNT DIR COMMAND...
//
// First form: in each round every sequence (commands joined by +) runs once, with PAUSE_MS of
// sleep before each; each round has an order of its own (the same ones each time), so that none
// always follows the same neighbour, in the caches that this one has left. A command that fails ends its sequence. DIR `@wait` waits, untimed, until
// all processes that the sequence left behind have ended. Second form: COMMAND runs COUNT times,
// JOBS at a time, with each `%` in its arguments replaced by the number.
//
// Standard input and output are /dev/null. One line for each sequence that ran: its index,
// nanoseconds from before posix_spawn to after wait4, microseconds of CPU, peak resident KiB,
// page faults, context switches (the latter four of it and of all it waited for), exit code.
// The second form adds a line "all NANOSECONDS".
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

// One command of a sequence; `joined`: the next one belongs to the same sequence.
struct command {
    char *dir;
    char **argv;
    int joined;
};

struct result {
    int index, code;
    long ns, cpu, rss, faults, switches;
};

static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

static pid_t start(const struct command *command) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addchdir_np(&actions, command->dir);
    pid_t pid;
    int failed = posix_spawn(&pid, command->argv[0], &actions, NULL, command->argv, environ);
    if (failed)
        fprintf(stderr, "spawn: %s: %s\n", command->argv[0], strerror(failed));
    posix_spawn_file_actions_destroy(&actions);
    return failed ? -1 : pid;
}

static void add(struct result *result, int status, const struct rusage *usage) {
    long seconds = usage->ru_utime.tv_sec + usage->ru_stime.tv_sec;
    result->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    result->cpu += seconds * 1000000 + usage->ru_utime.tv_usec + usage->ru_stime.tv_usec;
    if (usage->ru_maxrss > result->rss)
        result->rss = usage->ru_maxrss;
    result->faults += usage->ru_minflt + usage->ru_majflt;
    result->switches += usage->ru_nvcsw + usage->ru_nivcsw;
}

static void run_once(const struct command *command, struct result *result) {
    int status = 127 << 8;
    struct rusage usage = {0};
    long begin = now();
    pid_t pid = start(command);
    if (pid > 0)
        while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR)
            ;
    result->ns += now() - begin;
    add(result, status, &usage);
}

static struct result run_sequence(int index, const struct command *command) {
    struct result result = {.index = index};
    for (;; command++) {
        if (!strcmp(command->dir, "@wait"))
            while (wait(NULL) > 0 || errno == EINTR)
                ;
        else
            run_once(command, &result);
        if (result.code || !command->joined)
            return result;
    }
}

static void print(const struct result *r) {
    printf("%d %ld %ld %ld %ld %ld %d\n", r->index, r->ns, r->cpu, r->rss, r->faults, r->switches,
           r->code);
}

// Cuts the arguments at each `;` and `+` into commands, and notes where sequences begin.
static int cut(char **args, struct command *commands, int *firsts, int most) {
    int count = 0, sequences = 0, joined = 0;
    while (*args && count < most) {
        if (!joined)
            firsts[sequences++] = count;
        struct command *command = &commands[count++];
        command->dir = *args++;
        command->argv = args;
        while (*args && strcmp(*args, ";") && strcmp(*args, "+"))
            args++;
        command->joined = joined = *args && !strcmp(*args, "+");
        if (*args)
            *args++ = NULL;
    }
    return sequences;
}

// Another order of the numbers, by chance that is the same each time.
static void shuffle(int *numbers, int count) {
    static unsigned long chance = 1;
    for (int left = count; left > 1; left--) {
        chance = chance * 6364136223846793005 + 1442695040888963407;
        int other = (int)((chance >> 33) % (unsigned long)left), last = numbers[left - 1];
        numbers[left - 1] = numbers[other];
        numbers[other] = last;
    }
}

static int in_turn(int rounds, int pause_ms, char **args) {
    struct command commands[256];
    int firsts[64], order[64];
    int count = cut(args, commands, firsts, 64);
    struct timespec pause = {.tv_sec = pause_ms / 1000, .tv_nsec = pause_ms % 1000 * 1000000L};
    struct result *results = calloc((size_t)rounds * count + 1, sizeof *results);
    if (!results)
        return 1;
    // What a command leaves running becomes a child of this process, for `@wait`.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    int done = 0;
    for (int index = 0; index < count; index++)
        order[index] = index;
    for (int round = 0; round < rounds; round++) {
        shuffle(order, count);
        for (int turn = 0; turn < count; turn++) {
            int index = order[turn];
            nanosleep(&pause, NULL);
            results[done++] = run_sequence(index, &commands[firsts[index]]);
        }
    }
    for (int i = 0; i < done; i++)
        print(&results[i]);
    free(results);
    return 0;
}

// A copy of the arguments with each % replaced by a number.
static char **numbered(char **args, int number) {
    static char texts[64][512];
    static char *copy[65];
    int count = 0;
    for (; args[count] && count < 64; count++) {
        const char *mark = strchr(args[count], '%');
        int before = mark ? (int)(mark - args[count]) : 0;
        if (mark)
            snprintf(texts[count], sizeof *texts, "%.*s%d%s", before, args[count], number, mark + 1);
        copy[count] = mark ? texts[count] : args[count];
    }
    copy[count] = NULL;
    return copy;
}

static int at_once(int jobs, int count, char *dir, char **args) {
    struct result *results = calloc((size_t)count + 1, sizeof *results);
    pid_t *pids = calloc((size_t)count + 1, sizeof *pids);
    if (!results || !pids)
        return 1;
    long begin = now();
    for (int started = 0, ended = 0; ended < count;) {
        while (started < count && started - ended < jobs) {
            struct command command = {.dir = dir, .argv = numbered(args, started)};
            results[started].ns = -now();
            pids[started] = start(&command);
            if (pids[started++] < 0)
                return 1;
        }
        int status;
        struct rusage usage;
        pid_t pid = wait4(-1, &status, 0, &usage);
        for (int i = 0; i < started; i++)
            if (pid > 0 && pids[i] == pid) {
                results[i].ns += now();
                add(&results[i], status, &usage);
                ended++;
            }
    }
    long all = now() - begin;
    for (int i = 0; i < count; i++)
        print(&results[i]);
    printf("all %ld\n", all);
    free(results);
    free(pids);
    return 0;
}

int main(int argc, char **argv) {
    if (argc >= 6 && !strcmp(argv[1], "-j"))
        return at_once(atoi(argv[2]), atoi(argv[3]), argv[4], argv + 5);
    if (argc >= 5 && argv[1][0] != '-')
        return in_turn(atoi(argv[1]), atoi(argv[2]), argv + 3);
    fprintf(stderr, "usage: spawn ROUNDS PAUSE_MS DIR COMMAND... [+ DIR COMMAND...]... [; ...]\n"
                    "       spawn -j JOBS COUNT DIR COMMAND...\n");
    return 2;
}
