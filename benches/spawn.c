// Starts programs in turn and tells how long each took: a tiny process of its own, since a fork
// or spawn out of a big launcher costs milliseconds and its size would show in the peak memory.
//
//   spawn ROUNDS PAUSE_MS DIR COMMAND... [; DIR COMMAND...]...
//
// In each round every command runs once, with PAUSE_MS of sleep before each; the order is turned
// by one from round to round, so that none always follows the same neighbour. Standard input and
// output are /dev/null. Then one line a run: command's index, nanoseconds from before
// posix_spawn to after wait4, peak resident KiB of it and of all it waited for, exit code.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct command {
    char *dir;
    char **argv;
};

struct result {
    int index, code;
    long ns, rss;
};

static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

static struct result run_once(int index, const struct command *command) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addchdir_np(&actions, command->dir);
    struct result result = {.index = index, .code = 127};
    struct rusage usage = {0};
    pid_t pid;
    int status;
    long start = now();
    int failed = posix_spawn(&pid, command->argv[0], &actions, NULL, command->argv, environ);
    if (failed) {
        fprintf(stderr, "spawn: %s: %s\n", command->argv[0], strerror(failed));
    } else {
        while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR)
            ;
        result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    result.ns = now() - start;
    result.rss = usage.ru_maxrss;
    posix_spawn_file_actions_destroy(&actions);
    return result;
}

// Cuts the arguments at each `;` into commands.
static int cut(char **args, struct command *commands, int most) {
    int count = 0;
    while (*args && count < most) {
        commands[count].dir = *args++;
        commands[count++].argv = args;
        while (*args && strcmp(*args, ";"))
            args++;
        if (*args)
            *args++ = NULL;
    }
    return count;
}

int main(int argc, char **argv) {
    struct command commands[16];
    if (argc < 5) {
        fprintf(stderr, "usage: spawn ROUNDS PAUSE_MS DIR COMMAND... [; DIR COMMAND...]...\n");
        return 2;
    }
    int rounds = atoi(argv[1]), count = cut(argv + 3, commands, 16);
    struct timespec pause = {.tv_sec = atoi(argv[2]) / 1000,
                             .tv_nsec = atoi(argv[2]) % 1000 * 1000000L};
    struct result *results = calloc((size_t)rounds * count, sizeof *results);
    if (!results)
        return 1;
    int done = 0;
    for (int round = 0; round < rounds; round++)
        for (int turn = 0; turn < count; turn++) {
            int index = (round + turn) % count;
            nanosleep(&pause, NULL);
            results[done++] = run_once(index, &commands[index]);
        }
    for (int i = 0; i < done; i++)
        printf("%d %ld %ld %d\n", results[i].index, results[i].ns, results[i].rss,
               results[i].code);
    free(results);
    return 0;
}
