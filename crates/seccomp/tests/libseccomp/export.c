/* Reads profiles, a line for each of their parts, and prints the filter that libseccomp makes of
 * each, a line for each instruction. Errors of single rules are told, not fatal.
 *
 *   filter NATIVE DEFAULT OPTIMIZE
 *   arch NAME
 *   rule ACTION CALL COUNT [INDEX OPERATOR A B]...
 *   end
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static scmp_filter_ctx context;
static struct timespec began;

static void die(const char *what, int result)
{
    fprintf(stderr, "%s: %s\n", what, strerror(-result));
    exit(1);
}

static void start(char *native, unsigned default_action, unsigned optimize)
{
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
    context = seccomp_init(default_action);
    if (context == NULL)
        die("seccomp_init", -EINVAL);
    uint32_t own = seccomp_arch_native(), wanted = seccomp_arch_resolve_name(native);
    int result = 0;
    if (wanted != own) {
        result = seccomp_arch_add(context, wanted);
        if (result == 0)
            result = seccomp_arch_remove(context, own);
    }
    if (result != 0)
        die(native, result);
    result = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, optimize);
    if (result != 0)
        die("SCMP_FLTATR_CTL_OPTIMIZE", result);
}

static void rule(void)
{
    char name[64];
    unsigned action, count;
    struct scmp_arg_cmp args[6];
    if (scanf("%u %63s %u", &action, name, &count) != 3 || count > 6)
        die("rule", -EINVAL);
    for (unsigned i = 0; i < count; i++) {
        unsigned index, op;
        unsigned long a, b;
        if (scanf("%u %u %lu %lu", &index, &op, &a, &b) != 4)
            die("argument", -EINVAL);
        args[i] = (struct scmp_arg_cmp){index, op, a, b};
    }
    int nr = seccomp_syscall_resolve_name(name);
    if (nr == __NR_SCMP_ERROR) {
        printf("unknown %s\n", name);
        return;
    }
    int result = seccomp_rule_add_array(context, action, nr, count, args);
    if (result != 0)
        printf("refused %s %s\n", name, strerror(-result));
}

static void finish(void)
{
    int fd = memfd_create("filter", MFD_CLOEXEC);
    int result = seccomp_export_bpf(context, fd);
    if (result != 0)
        die("seccomp_export_bpf", result);
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    long took = (now.tv_sec - began.tv_sec) * 1000000000L + now.tv_nsec - began.tv_nsec;
    struct sock_filter one;
    lseek(fd, 0, SEEK_SET);
    printf("took %ld\n", took);
    while (read(fd, &one, sizeof one) == sizeof one)
        printf("%u %u %u %u\n", one.code, one.jt, one.jf, one.k);
    printf("end\n");
    fflush(stdout);
    close(fd);
    seccomp_release(context);
}

int main(void)
{
    char word[16], name[64];
    while (scanf("%15s", word) == 1) {
        unsigned action, optimize;
        if (strcmp(word, "filter") == 0) {
            if (scanf("%63s %u %u", name, &action, &optimize) != 3)
                die("filter", -EINVAL);
            start(name, action, optimize);
        } else if (strcmp(word, "arch") == 0) {
            if (scanf("%63s", name) != 1)
                die("arch", -EINVAL);
            int result = seccomp_arch_add(context, seccomp_arch_resolve_name(name));
            if (result != 0 && result != -EEXIST)
                die(name, result);
        } else if (strcmp(word, "rule") == 0) {
            rule();
        } else if (strcmp(word, "end") == 0) {
            finish();
        } else {
            die(word, -EINVAL);
        }
    }
    return 0;
}
