/* Stands between a process and the kernel, by LD_PRELOAD: at the k-th call of a kind it kills the process, before the call,
 * half-way through it or behind it, or lets the call fail. It changes no other call.
 *
 *   FAULT_LEDGER    what the paths of a ledger's files contain
 *   FAULT_UPSTREAM  upstream's port; every other TCP connection is a client's
 *   FAULT_ARM       KIND:COUNT, behind which counting begins; without it, it begins at once
 *   FAULT_AT        KIND:COUNT:WHEN, where WHEN is before, half or after
 *   FAULT_DO        kill, eio, enospc, broken: eio from then on, or lost: eio, and what the file has had since it was last flushed
 *                   is gone, as the system may forget what it could not write
 *   FAULT_TOLD      a file that is made when it happens
 *   FAULT_DURABLE   a folder that gets a copy of each of the ledger's files whenever it was flushed: what a power cut leaves
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    NONE = 0,
    WRITE = 1,          /* to any file of the ledger */
    MAIN = 2,           /* to its main file */
    WAL = 4,            /* to its journal */
    ROTATE = 8,         /* to the first byte of its journal */
    MARK = 16,          /* to its mark */
    SYNC = 32,          /* a flush of any of its files */
    TO_UPSTREAM = 64,
    FROM_UPSTREAM = 128,
    TO_CLIENT = 256,
    FROM_CLIENT = 512,
    READ = 1024,        /* of any file of the ledger */
    MAIN_SYNC = 2048,   /* a flush of its main file */
};
enum when { BEFORE, HALF, AFTER };
enum what { KILL, FAIL };

static const struct { const char *name; int kind; } KINDS[] = {
    {"write", WRITE}, {"main", MAIN}, {"wal", WAL}, {"rotate", ROTATE}, {"mark", MARK}, {"sync", SYNC},
    {"to-upstream", TO_UPSTREAM}, {"from-upstream", FROM_UPSTREAM}, {"to-client", TO_CLIENT},
    {"from-client", FROM_CLIENT}, {"read", READ}, {"main-sync", MAIN_SYNC},
};

static const char *ledger, *told, *durable;
static int upstream, arm_kind, at_kind, at_errno, stays, loses;
static long arm_count, at_count;
static enum when at_when;
static enum what what;
static atomic_long arm_seen, at_seen;
/* A call that the shim makes itself is none of the process. */
static __thread int within;

static int kind_of(const char *text, const char **rest) {
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        size_t length = strlen(KINDS[i].name);
        if (!strncmp(text, KINDS[i].name, length) && text[length] == ':') {
            *rest = text + length + 1;
            return KINDS[i].kind;
        }
    }
    abort();
}

__attribute__((constructor)) static void start(void) {
    const char *at = getenv("FAULT_AT"), *arm = getenv("FAULT_ARM"), *rest;
    ledger = getenv("FAULT_LEDGER");
    told = getenv("FAULT_TOLD");
    durable = getenv("FAULT_DURABLE");
    upstream = getenv("FAULT_UPSTREAM") ? atoi(getenv("FAULT_UPSTREAM")) : 0;
    if (!at || !ledger) return;
    at_kind = kind_of(at, &rest);
    at_count = strtol(rest, (char **)&rest, 10);
    at_when = !strcmp(rest, ":half") ? HALF : !strcmp(rest, ":after") ? AFTER : BEFORE;
    if (arm) {
        arm_kind = kind_of(arm, &rest);
        arm_count = strtol(rest, NULL, 10);
    }
    const char *act = getenv("FAULT_DO");
    what = act && strcmp(act, "kill") ? FAIL : KILL;
    stays = act && !strcmp(act, "broken");
    loses = act && !strcmp(act, "lost");
    at_errno = act && !strcmp(act, "enospc") ? ENOSPC : EIO;
}

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

#define REAL(result, name, ...) \
    static result (*real)(__VA_ARGS__); \
    if (!real) real = next(name)

static int socket_kind(int fd, int to) {
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    if (getpeername(fd, (struct sockaddr *)&peer, &length)) return NONE;
    if (peer.ss_family != AF_INET) return NONE;
    if (ntohs(((struct sockaddr_in *)&peer)->sin_port) == upstream) return to ? TO_UPSTREAM : FROM_UPSTREAM;
    return to ? TO_CLIENT : FROM_CLIENT;
}

/* What a call on a file is; offset is negative where it has none. */
static int file_kind(int fd, off_t offset, int kind) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return NONE;
    path[length] = 0;
    const char *name = strstr(path, ledger);
    if (!name) return NONE;
    name += strlen(ledger);
    if (kind == SYNC && !strcmp(name, "")) return SYNC | MAIN_SYNC;
    if (kind != WRITE) return kind;
    if (!strcmp(name, "")) return WRITE | MAIN;
    if (!strcmp(name, "-wal")) return WRITE | WAL | (offset == 0 ? ROTATE : 0);
    if (!strcmp(name, ".mark")) return WRITE | MARK;
    return WRITE;
}

static int classify(int fd, int to, off_t offset) {
    if (!at_count || within) return NONE;
    int saved = errno, kind;
    within = 1;
    kind = socket_kind(fd, to);
    if (kind == NONE) kind = file_kind(fd, offset, to ? WRITE : READ);
    within = 0;
    errno = saved;
    return kind;
}

static int flush_kind(int fd) {
    if (!at_count || within) return NONE;
    within = 1;
    int kind = file_kind(fd, -1, SYNC);
    within = 0;
    return kind;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static void tell(void) {
    within = 1;
    if (told) close(open(told, O_CREAT | O_WRONLY, 0600));
    within = 0;
}

/* Whether it is now; a call counts once it is made. */
static int is_now(int kind) {
    if (kind == NONE) return 0;
    if (arm_kind && atomic_load(&arm_seen) < arm_count) return 0;
    if (!(kind & at_kind)) return 0;
    long seen = atomic_fetch_add(&at_seen, 1) + 1;
    if (seen != at_count && !(stays && seen > at_count)) return 0;
    tell();
    return 1;
}

/* Behind a call: what came in counts only if something did. */
static void done(int kind, ssize_t result) {
    if (arm_kind && (kind & arm_kind) && result > 0) atomic_fetch_add(&arm_seen, 1);
}

#define OUTGOING(kind, half, whole) \
    int now = is_now(kind); \
    if (now && what == FAIL) { if (loses) lose(fd); errno = at_errno; return -1; } \
    if (now && at_when == BEFORE) die(); \
    if (now && at_when == HALF) { half; die(); } \
    ssize_t result = whole; \
    if (now) die(); \
    done(kind, result); \
    return result

#define INCOMING(kind, whole) \
    int now = 0; \
    if ((kind) == READ && is_now(kind)) { if (what == FAIL) { errno = at_errno; return -1; } die(); } \
    ssize_t result = whole; \
    if ((kind) != READ && result > 0) now = is_now(kind); \
    if (now) die(); \
    done(kind, result); \
    return result

/* The file's path, and where its copy is. */
static int copied(int fd, char path[4096], char whole[8300]) {
    char link[64];
    if (!durable) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, 4095);
    if (length <= 0) return 0;
    path[length] = 0;
    snprintf(whole, 8300, "%s/%s", durable, strrchr(path, '/') + 1);
    return 1;
}

/* Renamed into its place whole: another thread may end the process meanwhile. One after the other: two may flush one file. */
static void keep(int fd) {
    static atomic_flag keeping = ATOMIC_FLAG_INIT;
    char path[4096], whole[8300], to[8400], buffer[1 << 16];
    if (!copied(fd, path, whole)) return;
    while (atomic_flag_test_and_set(&keeping)) sched_yield();
    snprintf(to, sizeof to, "%s.part", whole);
    within = 1;
    int in = open(path, O_RDONLY), out = open(to, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    ssize_t count;
    while ((count = read(in, buffer, sizeof buffer)) > 0)
        if (write(out, buffer, count) != count) abort();
    close(in);
    close(out);
    if (rename(to, whole)) abort();
    within = 0;
    atomic_flag_clear(&keeping);
}

/* By the file's own descriptor: to close another one would give up the process's locks on it. */
static void lose(int fd) {
    char path[4096], whole[8300], buffer[1 << 16];
    if (!copied(fd, path, whole)) return;
    within = 1;
    int in = open(whole, O_RDONLY);
    ssize_t count;
    off_t at = 0;
    for (; (count = read(in, buffer, sizeof buffer)) > 0; at += count)
        if (pwrite(fd, buffer, count, at) != count) abort();
    if (ftruncate(fd, at)) abort();
    close(in);
    within = 0;
}

ssize_t write(int fd, const void *buffer, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    int kind = classify(fd, 1, -1);
    OUTGOING(kind, real(fd, buffer, size / 2), real(fd, buffer, size));
}
ssize_t pwrite(int fd, const void *buffer, size_t size, off_t offset) {
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    int kind = classify(fd, 1, offset);
    OUTGOING(kind, real(fd, buffer, size / 2, offset), real(fd, buffer, size, offset));
}
ssize_t pwrite64(int fd, const void *buffer, size_t size, off_t offset) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
    int kind = classify(fd, 1, offset);
    OUTGOING(kind, real(fd, buffer, size / 2, offset), real(fd, buffer, size, offset));
}
ssize_t send(int fd, const void *buffer, size_t size, int flags) {
    REAL(ssize_t, "send", int, const void *, size_t, int);
    int kind = classify(fd, 1, -1);
    OUTGOING(kind, real(fd, buffer, size / 2, flags), real(fd, buffer, size, flags));
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    int kind = classify(fd, 1, -1);
    struct iovec part = count ? parts[0] : (struct iovec){0};
    part.iov_len /= 2;
    OUTGOING(kind, real(fd, &part, 1), real(fd, parts, count));
}
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    REAL(ssize_t, "sendmsg", int, const struct msghdr *, int);
    int kind = classify(fd, 1, -1);
    OUTGOING(kind, (void)0, real(fd, message, flags));
}
ssize_t recv(int fd, void *buffer, size_t size, int flags) {
    REAL(ssize_t, "recv", int, void *, size_t, int);
    int kind = classify(fd, 0, -1);
    INCOMING(kind, real(fd, buffer, size, flags));
}
ssize_t read(int fd, void *buffer, size_t size) {
    REAL(ssize_t, "read", int, void *, size_t);
    int kind = classify(fd, 0, -1);
    INCOMING(kind, real(fd, buffer, size));
}
ssize_t readv(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, "readv", int, const struct iovec *, int);
    int kind = classify(fd, 0, -1);
    INCOMING(kind, real(fd, parts, count));
}
ssize_t pread(int fd, void *buffer, size_t size, off_t offset) {
    REAL(ssize_t, "pread", int, void *, size_t, off_t);
    int kind = classify(fd, 0, offset);
    INCOMING(kind, real(fd, buffer, size, offset));
}
ssize_t pread64(int fd, void *buffer, size_t size, off_t offset) {
    REAL(ssize_t, "pread64", int, void *, size_t, off_t);
    int kind = classify(fd, 0, offset);
    INCOMING(kind, real(fd, buffer, size, offset));
}
static int flushed(int fd, int kind, int result) {
    /* Only the main file's copy is needed where it loses something. */
    if (kind && !result && (!loses || kind & MAIN_SYNC)) keep(fd);
    return result;
}
int fsync(int fd) {
    REAL(int, "fsync", int);
    int kind = flush_kind(fd);
    OUTGOING(kind, (void)0, flushed(fd, kind, real(fd)));
}
int fdatasync(int fd) {
    REAL(int, "fdatasync", int);
    int kind = flush_kind(fd);
    OUTGOING(kind, (void)0, flushed(fd, kind, real(fd)));
}
