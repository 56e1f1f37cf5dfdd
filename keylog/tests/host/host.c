/* A program over libsodium, to be run with and without the logger. It says on stdout what it saw;
 * every story is deterministic, so that the two runs can be compared. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef unsigned char u8;
typedef unsigned long long u64;

#ifndef PLUGIN_HOST
int crypto_box_beforenm(u8 *, const u8 *, const u8 *);
int crypto_box_curve25519xsalsa20poly1305_beforenm(u8 *, const u8 *, const u8 *);
int crypto_box_afternm(u8 *, const u8 *, u64, const u8 *, const u8 *);
int crypto_box_open_afternm(u8 *, const u8 *, u64, const u8 *, const u8 *);
int crypto_box_curve25519xsalsa20poly1305_afternm(u8 *, const u8 *, u64, const u8 *, const u8 *);
int crypto_box_curve25519xsalsa20poly1305_open_afternm(u8 *, const u8 *, u64, const u8 *, const u8 *);
int crypto_box_easy_afternm(u8 *, const u8 *, u64, const u8 *, const u8 *);
int crypto_box_open_easy_afternm(u8 *, const u8 *, u64, const u8 *, const u8 *);
int crypto_box_detached_afternm(u8 *, u8 *, const u8 *, u64, const u8 *, const u8 *);
int crypto_box_open_detached_afternm(u8 *, const u8 *, const u8 *, u64, const u8 *, const u8 *);
int crypto_scalarmult_curve25519_base(u8 *, const u8 *);
#endif

static void die(const char *what)
{
    perror(what);
    exit(3);
}

static void show(const char *name, const u8 *bytes, size_t len)
{
    printf("%s", name);
    for (size_t i = 0; i < len; i++) printf("%02x", bytes[i]);
    printf("\n");
}

/* The secret key number n, valid for X25519. */
static void secret(u8 *sk, unsigned n)
{
    for (int i = 0; i < 32; i++) sk[i] = (u8) (17 * i + 3);
    memcpy(sk + 4, &n, sizeof n);
    sk[0] &= 248;
    sk[31] = 0x40 | (sk[31] & 127);
}

#ifndef PLUGIN_HOST
static void public(u8 *pk, unsigned n)
{
    u8 sk[32];
    secret(sk, n);
    crypto_scalarmult_curve25519_base(pk, sk);
}

/* The key between our pair a and their pair b. */
static int derive(u8 *k, unsigned a, unsigned b)
{
    u8 sk[32], pk[32];
    secret(sk, a);
    public(pk, b);
    errno = 0;
    return crypto_box_beforenm(k, pk, sk);
}

static void expect_key(unsigned a, unsigned b)
{
    u8 k[32], ours[32], theirs[32];
    int result = derive(k, a, b);
    public(ours, a);
    public(theirs, b);
    printf("derived %d\n", result);
    show("  ours   ", ours, 32);
    show("  theirs ", theirs, 32);
    show("  key    ", k, 32);
}

/* base + n, as one big number. */
static void nonce(u8 *out, u8 base, u64 n)
{
    memset(out, base, 24);
    for (int i = 23; i >= 0 && n; i--) {
        n += out[i];
        out[i] = (u8) n;
        n >>= 8;
    }
}

static void seal(const u8 *k, const u8 *n)
{
    u8 m[40] = "hello", c[56];
    if (crypto_box_easy_afternm(c, m, 5, n, k) != 0) die("seal");
}

/* Every spelling, successes and failures. */
static void talk(void)
{
    u8 k[32], k2[32], n[24], m[72], c[72], back[72], mac[16], zero[32] = {0}, sk[32];
    for (unsigned i = 0; i < 4; i++) expect_key(i, i + 100);
    expect_key(100, 0);
    secret(sk, 5);
    errno = 0;
    printf("refused %d\n", crypto_box_beforenm(k, zero, sk));

    derive(k, 6, 7);
    printf("same errno %d\n", errno);
    u8 pk[32];
    public(pk, 7);
    secret(sk, 6);
    printf("again %d\n", crypto_box_curve25519xsalsa20poly1305_beforenm(k2, pk, sk));
    printf("equal %d\n", memcmp(k, k2, 32));

    for (int i = 0; i < 3; i++) {
        memset(m, 0, sizeof m);
        memcpy(m + 32, "some text", 9);
        nonce(n, 0x20, i);
        errno = 0;
        printf("afternm %d", (i % 2 ? crypto_box_afternm : crypto_box_curve25519xsalsa20poly1305_afternm)(c, m, 41, n, k));
        printf(" errno %d\n", errno);
        show("  ", c, 41);
        errno = 0;
        printf("open %d", (i % 2 ? crypto_box_open_afternm : crypto_box_curve25519xsalsa20poly1305_open_afternm)(back, c, 41, n, k));
        printf(" errno %d %.9s\n", errno, back + 32);
        c[40] ^= 1;
        errno = 0;
        printf("open damaged %d", crypto_box_open_afternm(back, c, 41, n, k));
        printf(" errno %d\n", errno);
        nonce(n, 0x40, i);
        printf("easy %d\n", crypto_box_easy_afternm(c, m + 32, 9, n, k));
        show("  ", c, 25);
        printf("open %d %.9s\n", crypto_box_open_easy_afternm(back, c, 25, n, k), back);
        printf("open short %d\n", crypto_box_open_easy_afternm(back, c, 3, NULL, NULL));
        nonce(n, 0x60, i);
        printf("detached %d\n", crypto_box_detached_afternm(c, mac, m + 32, 9, n, k));
        show("  ", mac, 16);
        printf("open %d %.9s\n", crypto_box_open_detached_afternm(back, c, mac, 9, n, k), back);
    }
    /* A key that beforenm did not make, such as the one of a profile. */
    memset(k, 0x77, 32);
    nonce(n, 0x10, 0);
    printf("own key %d\n", crypto_box_easy_afternm(c, m + 32, 9, n, k));
    /* The key written over what it is made from. */
    public(pk, 8);
    secret(sk, 9);
    printf("in place %d\n", crypto_box_beforenm(sk, pk, sk));
    show("  ", sk, 32);
    secret(sk, 9);
    printf("in place %d\n", crypto_box_beforenm(pk, pk, sk));
    show("  ", pk, 32);
}

static unsigned threads, lines;

static void *steps(void *arg)
{
    unsigned me = (unsigned) (uintptr_t) arg;
    u8 k[32], n[24];
    derive(k, me, me + 1000);
    for (u64 i = 0; i < lines; i++) {
        nonce(n, (u8) me, i * 32768);
        seal(k, n);
    }
    return NULL;
}

static void *same_keys(void *arg)
{
    (void) arg;
    u8 k[32];
    for (unsigned i = 0; i < lines; i++) derive(k, i, i + 100000);
    return NULL;
}

static void in_threads(void *(*story)(void *))
{
    pthread_t ids[64];
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, story, (void *) (uintptr_t) i)) die("pthread_create");
    for (unsigned i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    printf("done\n");
}

static void forks(void)
{
    expect_key(1, 2);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        expect_key(1, 2);
        expect_key(3, 4);
        exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    printf("child %d\n", status);
    expect_key(5, 6);
}

static volatile int stop;

static void *busy(void *arg)
{
    unsigned me = (unsigned) (uintptr_t) arg;
    u8 k[32];
    for (unsigned i = 0; !stop; i++) derive(k, me, 1000000 + i);
    return NULL;
}

/* Children of a process whose other threads are writing at that moment. */
static void fork_storm(unsigned children)
{
    pthread_t ids[3];
    for (unsigned i = 0; i < 3; i++) pthread_create(&ids[i], NULL, busy, (void *) (uintptr_t) i);
    unsigned good = 0;
    for (unsigned i = 0; i < children; i++) {
        pid_t child = fork();
        if (child == 0) {
            u8 k[32];
            _exit(derive(k, 50, 5000000 + i) == 0 ? 0 : 1);
        }
        int status;
        waitpid(child, &status, 0);
        good += status == 0;
    }
    stop = 1;
    for (unsigned i = 0; i < 3; i++) pthread_join(ids[i], NULL);
    printf("good %u\n", good);
}

static void closed(void)
{
    expect_key(1, 2);
    for (int fd = 3; fd < 65536; fd++) close(fd);
    expect_key(3, 4);
    expect_key(5, 6);
}

/* Gives every number away to a file of our own. */
static void reused(const char *victim)
{
    expect_key(1, 2);
    int file = open(victim, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0) die(victim);
    for (int fd = 3; fd < 2000; fd++) if (fd != file) dup2(file, fd);
    expect_key(3, 4);
    expect_key(5, 6);
    struct stat stat;
    fstat(file, &stat);
    printf("victim has %d bytes\n", (int) stat.st_size);
}

/* While every descriptor is closed, the log becomes something else, or a link to it. */
static void swapped(const char *log, const char *precious, int link)
{
    expect_key(1, 2);
    for (int fd = 3; fd < 65536; fd++) close(fd);
    if (unlink(log) != 0 || (link ? symlink(precious, log) : rename(precious, log)) != 0) die(log);
    expect_key(3, 4);
    expect_key(5, 6);
}

static void in_chroot(const char *dir)
{
    expect_key(1, 2);
    if (chroot(dir) != 0 && (unshare(CLONE_NEWUSER) != 0 || chroot(dir) != 0)) {
        printf("chroot is not permitted\n");
        return;
    }
    if (chdir("/") != 0) die("chdir");
    expect_key(3, 4);
    if (access("/etc/passwd", F_OK) == 0) die("still outside");
}

/* Files of this process may not grow any more. */
static void size_limit(void)
{
    struct rlimit none = {0, 0}, old;
    expect_key(1, 2);
    getrlimit(RLIMIT_FSIZE, &old);
    none.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_FSIZE, &none);
    expect_key(3, 4);
    sigset_t pending;
    sigpending(&pending);
    printf("SIGXFSZ pending %d\n", sigismember(&pending, SIGXFSZ));
    setrlimit(RLIMIT_FSIZE, &old);
    expect_key(5, 6);
    expect_key(3, 4);
}

static void *cancelled(void *arg)
{
    (void) arg;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_cancel(pthread_self());
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    u8 k[32];
    derive(k, 1, 2);
    static int after;
    after = 1;
    int state;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
    return state == PTHREAD_CANCEL_ENABLE ? &after : NULL;
}

static void cancellation(void)
{
    pthread_t id;
    void *result;
    pthread_create(&id, NULL, cancelled, NULL);
    pthread_join(id, &result);
    printf("derived despite a pending cancellation %d\n", result != NULL && result != PTHREAD_CANCELED);
}

static volatile unsigned handled;

static void handler(int signal)
{
    (void) signal;
    u8 k[32];
    derive(k, 70, 7000000 + handled);
    handled++;
}

/* A handler that derives keys, in the middle of a loop that derives keys. */
static void signals(unsigned count)
{
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval timer = {{0, 50}, {0, 50}};
    setitimer(ITIMER_REAL, &timer, NULL);
    u8 k[32];
    unsigned main_keys = 0;
    while (handled < count) derive(k, 71, 8000000 + main_keys++);
    struct itimerval off = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &off, NULL);
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    printf("blocked %d\n", sigismember(&mask, SIGALRM));
    fprintf(stderr, "keys %u\n", handled + main_keys);
}

/* A nonce that looks random. */
static void scatter(u8 *out, u64 n)
{
    for (u64 at = 0; at < 3; at++) {
        u64 x = (3 * n + at + 1) * 0x9e3779b97f4a7c15ull;
        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
        x = (x ^ x >> 27) * 0x94d049bb133111ebull;
        x ^= x >> 31;
        memcpy(out + 8 * at, &x, 8);
    }
}

static void nonces(void)
{
    u8 session[32], dht[32], n[24];
    derive(session, 1, 2);
    derive(dht, 3, 4);
    for (u64 i = 0; i < 100000; i++) {
        nonce(n, 0x30, i);
        seal(session, n);
        scatter(n, i);
        seal(dht, n);
    }
    printf("done\n");
}

/* Which numbers the program's own descriptors get. */
static void descriptors(void)
{
    expect_key(1, 2);
    printf("next descriptor %d\n", open("/dev/null", O_RDONLY));
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

/* Nanoseconds per call: the best of many short runs. */
#define BEST(name, runs, calls, call) do { \
    double best = 1e18; \
    for (unsigned run = 0; run < runs; run++) { \
        double start = now(); \
        for (unsigned j = 0; j < calls; j++) { unsigned i = run * calls + j; call; } \
        double took = (now() - start) / calls; \
        if (took < best) best = took; \
    } \
    printf("%-44s %8.1f\n", name, best); \
} while (0)

static void bench(void)
{
    u8 k[32], n[24], pk[32], sk[32], *m = calloc(1, 1500), *c = calloc(1, 1500);
    static u8 many[3000][32];
    secret(sk, 1);
    for (unsigned i = 0; i < 3000; i++) public(many[i], 10 + i);
    public(pk, 2);
    crypto_box_beforenm(k, pk, sk);
    BEST("beforenm, known key", 300, 10, (void) i; crypto_box_beforenm(k, pk, sk));
    BEST("beforenm, new key", 300, 10, crypto_box_beforenm(k, many[i], sk));
    crypto_box_beforenm(k, pk, sk);
    for (unsigned size = 64; size <= 1405; size += 1341) {
        printf("plaintext of %u bytes\n", size - 32);
        BEST("  afternm, counted nonces", 2000, 200, nonce(n, 0x30, i); crypto_box_afternm(c, m, size, n, k));
        BEST("  open_afternm, counted nonces", 2000, 200, (void) i; if (crypto_box_open_afternm(m, c, size, n, k)) die("open"));
        memset(m, 0, 1500);
        BEST("  afternm, random nonces", 2000, 200, scatter(n, i); crypto_box_afternm(c, m, size, n, k));
        BEST("  making a nonce", 2000, 200, nonce(n, 0x30, i));
    }
}

int main(int argc, char **argv)
{
    const char *story = argc > 1 ? argv[1] : "";
    const char *arg = argc > 2 ? argv[2] : "";
    threads = argc > 3 ? (unsigned) atoi(argv[2]) : 0;
    lines = argc > 3 ? (unsigned) atoi(argv[3]) : 0;
    if (!strcmp(story, "talk")) talk();
    else if (!strcmp(story, "steps")) in_threads(steps);
    else if (!strcmp(story, "same")) in_threads(same_keys);
    else if (!strcmp(story, "fork")) forks();
    else if (!strcmp(story, "fork-storm")) fork_storm((unsigned) atoi(arg));
    else if (!strcmp(story, "closed")) closed();
    else if (!strcmp(story, "reused")) reused(arg);
    else if (!strcmp(story, "swapped") && argc > 3) swapped(arg, argv[3], argc > 4);
    else if (!strcmp(story, "chroot")) in_chroot(arg);
    else if (!strcmp(story, "size-limit")) size_limit();
    else if (!strcmp(story, "cancel")) cancellation();
    else if (!strcmp(story, "signals")) signals((unsigned) atoi(arg));
    else if (!strcmp(story, "nonces")) nonces();
    else if (!strcmp(story, "descriptors")) descriptors();
    else if (!strcmp(story, "bench")) bench();
    else if (!strcmp(story, "chdir")) { if (chdir(arg)) die(arg); expect_key(1, 2); }
    else if (!strcmp(story, "exec")) { expect_key(1, 2); fflush(stdout); execv(argv[2], argv + 2); die("execv"); }
    else { fprintf(stderr, "no such story\n"); return 2; }
    return 0;
}

#else
/* Loads a plugin that uses libsodium; the program itself does not. */
int main(int argc, char **argv)
{
    void *plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL | (argc > 2 ? RTLD_DEEPBIND : 0));
    if (!plugin) { fprintf(stderr, "%s\n", dlerror()); return 3; }
    int (*plug)(u8 *, const u8 *, const u8 *) = (int (*)(u8 *, const u8 *, const u8 *)) dlsym(plugin, "plug");
    u8 sk[32], pk[32], k[32];
    if (!plug) die("dlsym");
    secret(sk, 1);
    memset(pk, 9, 32);
    printf("derived %d\n", plug(k, pk, sk));
    show("  ", k, 32);
    printf("no error waits: %d\n", dlerror() == NULL);
    return 0;
}
#endif
