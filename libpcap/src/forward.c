/* The functions of libpcap that the pcap crate declares, each forwarding to the real one. The library is
 * opened at the first call. Its headers are not needed: structures are passed on by pointer and never
 * looked into. tests/forwarders.rs compares the list with the crate's own declarations.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* The size of the buffers that libpcap's functions write messages to. */
#define ERRBUF_SIZE 256

static const char missing[] =
    "libpcap is not installed (Debian and Ubuntu: libpcap0.8, Fedora and Arch: libpcap)";

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void *library;

static void open_library(void)
{
    static const char *const names[] = {"libpcap.so.0.8", "libpcap.so.1", "libpcap.so"};
    for (size_t i = 0; library == NULL && i < sizeof names / sizeof *names; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
}

/* The function of that name, or NULL. */
static void *find(const char *name)
{
    pthread_once(&once, open_library);
    return library == NULL ? NULL : dlsym(library, name);
}

static void say_missing(char *message, const char *name)
{
    if (message == NULL)
        return;
    if (library == NULL)
        snprintf(message, ERRBUF_SIZE, "%s", missing);
    else
        snprintf(message, ERRBUF_SIZE, "the installed libpcap is too old: it has no %s", name);
}

/* A function that gives `failure` when there is no real one. `before` is done then. */
#define FORWARD(type, name, parameters, arguments, before, failure) \
    type name parameters;                                          \
    type name parameters                                           \
    {                                                              \
        static void *found;                                        \
        void *function = __atomic_load_n(&found, __ATOMIC_ACQUIRE); \
        if (function == NULL) {                                    \
            function = find(#name);                                \
            if (function == NULL) {                                \
                before;                                            \
                return failure;                                    \
            }                                                      \
            __atomic_store_n(&found, function, __ATOMIC_RELEASE);  \
        }                                                          \
        type(*real) parameters;                                    \
        memcpy(&real, &function, sizeof real);                     \
        return real arguments;                                     \
    }

#define NOTHING (void)0
#define NOTHING_BACK

FORWARD(void *, pcap_create, (const char *a, char *b), (a, b), say_missing(b, "pcap_create"), NULL)
FORWARD(int, pcap_set_snaplen, (void *a, int b), (a, b), NOTHING, -1)
FORWARD(int, pcap_set_promisc, (void *a, int b), (a, b), NOTHING, -1)
FORWARD(int, pcap_set_timeout, (void *a, int b), (a, b), NOTHING, -1)
FORWARD(int, pcap_set_buffer_size, (void *a, int b), (a, b), NOTHING, -1)
FORWARD(int, pcap_activate, (void *a), (a), NOTHING, -1)
FORWARD(void *, pcap_open_dead, (int a, int b), (a, b), NOTHING, NULL)
FORWARD(void *, pcap_open_offline, (const char *a, char *b), (a, b), say_missing(b, "pcap_open_offline"), NULL)
FORWARD(void *, pcap_fopen_offline, (void *a, char *b), (a, b), say_missing(b, "pcap_fopen_offline"), NULL)
FORWARD(void, pcap_close, (void *a), (a), NOTHING, NOTHING_BACK)
FORWARD(int, pcap_loop, (void *a, int b, void *c, unsigned char *d), (a, b, c, d), NOTHING, -1)
FORWARD(int, pcap_dispatch, (void *a, int b, void *c, unsigned char *d), (a, b, c, d), NOTHING, -1)
FORWARD(int, pcap_next_ex, (void *a, void **b, const unsigned char **c), (a, b, c), NOTHING, -1)
FORWARD(void, pcap_breakloop, (void *a), (a), NOTHING, NOTHING_BACK)
FORWARD(int, pcap_stats, (void *a, void *b), (a, b), NOTHING, -1)
FORWARD(int, pcap_setfilter, (void *a, void *b), (a, b), NOTHING, -1)
FORWARD(int, pcap_setdirection, (void *a, unsigned b), (a, b), NOTHING, -1)
FORWARD(int, pcap_setnonblock, (void *a, int b, char *c), (a, b, c), say_missing(c, "pcap_setnonblock"), -1)
FORWARD(int, pcap_sendpacket, (void *a, const unsigned char *b, int c), (a, b, c), NOTHING, -1)
FORWARD(char *, pcap_geterr, (void *a), (a), NOTHING, (char *)missing)
FORWARD(int, pcap_compile, (void *a, void *b, const char *c, int d, unsigned e), (a, b, c, d, e), NOTHING, -1)
FORWARD(void, pcap_freecode, (void *a), (a), NOTHING, NOTHING_BACK)
FORWARD(int, pcap_offline_filter, (const void *a, const void *b, const unsigned char *c), (a, b, c), NOTHING, 0)
FORWARD(int, pcap_datalink, (void *a), (a), NOTHING, -1)
FORWARD(int, pcap_list_datalinks, (void *a, int **b), (a, b), NOTHING, -1)
FORWARD(int, pcap_set_datalink, (void *a, int b), (a, b), NOTHING, -1)
FORWARD(void, pcap_free_datalinks, (int *a), (a), NOTHING, NOTHING_BACK)
FORWARD(int, pcap_datalink_name_to_val, (const char *a), (a), NOTHING, -1)
FORWARD(const char *, pcap_datalink_val_to_name, (int a), (a), NOTHING, NULL)
FORWARD(const char *, pcap_datalink_val_to_description, (int a), (a), NOTHING, NULL)
FORWARD(int, pcap_major_version, (void *a), (a), NOTHING, 0)
FORWARD(int, pcap_minor_version, (void *a), (a), NOTHING, 0)
FORWARD(int, pcap_fileno, (void *a), (a), NOTHING, -1)
FORWARD(void *, pcap_dump_open, (void *a, const char *b), (a, b), NOTHING, NULL)
FORWARD(void *, pcap_dump_fopen, (void *a, void *b), (a, b), NOTHING, NULL)
FORWARD(int, pcap_dump_flush, (void *a), (a), NOTHING, -1)
FORWARD(void, pcap_dump_close, (void *a), (a), NOTHING, NOTHING_BACK)
FORWARD(void, pcap_dump, (unsigned char *a, const void *b, const unsigned char *c), (a, b, c), NOTHING, NOTHING_BACK)
FORWARD(int, pcap_findalldevs, (void **a, char *b), (a, b), say_missing(b, "pcap_findalldevs"), -1)
FORWARD(void, pcap_freealldevs, (void *a), (a), NOTHING, NOTHING_BACK)
FORWARD(int, pcap_get_selectable_fd, (void *a), (a), NOTHING, -1)
FORWARD(int, pcap_set_tstamp_type, (void *a, int b), (a, b), NOTHING, -1)
FORWARD(void *, pcap_fopen_offline_with_tstamp_precision, (void *a, unsigned b, char *c), (a, b, c), say_missing(c, "pcap_fopen_offline_with_tstamp_precision"), NULL)
FORWARD(void *, pcap_open_dead_with_tstamp_precision, (int a, int b, unsigned c), (a, b, c), NOTHING, NULL)
FORWARD(void *, pcap_open_offline_with_tstamp_precision, (const char *a, unsigned b, char *c), (a, b, c), say_missing(c, "pcap_open_offline_with_tstamp_precision"), NULL)
FORWARD(int, pcap_set_immediate_mode, (void *a, int b), (a, b), NOTHING, -1)
FORWARD(int, pcap_set_tstamp_precision, (void *a, int b), (a, b), NOTHING, -1)
FORWARD(void *, pcap_dump_open_append, (void *a, const char *b), (a, b), NOTHING, NULL)
FORWARD(int, pcap_set_rfmon, (void *a, int b), (a, b), NOTHING, -1)
