/* One Tox client over the system's libtoxcore, on loopback only: befriends one peer and sends and
 * takes messages. Says who it is, reads whom to talk to, says when the messages have arrived. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct Tox Tox;
struct Tox_Options;
struct Tox_Options *tox_options_new(int *);
void tox_options_set_ipv6_enabled(struct Tox_Options *, bool);
void tox_options_set_local_discovery_enabled(struct Tox_Options *, bool);
void tox_options_set_start_port(struct Tox_Options *, uint16_t);
void tox_options_set_end_port(struct Tox_Options *, uint16_t);
Tox *tox_new(const struct Tox_Options *, int *);
void tox_kill(Tox *);
void tox_iterate(Tox *, void *);
bool tox_bootstrap(Tox *, const char *, uint16_t, const uint8_t *, int *);
void tox_self_get_public_key(const Tox *, uint8_t *);
void tox_self_get_dht_id(const Tox *, uint8_t *);
uint32_t tox_friend_add_norequest(Tox *, const uint8_t *, int *);
int tox_friend_get_connection_status(const Tox *, uint32_t, int *);
uint32_t tox_friend_send_message(Tox *, uint32_t, int, const uint8_t *, size_t, int *);
void tox_callback_friend_message(Tox *, void (*)(Tox *, uint32_t, int, const uint8_t *, size_t, void *));

static unsigned received;

static void message(Tox *tox, uint32_t friend, int type, const uint8_t *text, size_t len, void *data)
{
    (void) tox; (void) friend; (void) type; (void) data;
    if (len == 5 && memcmp(text, "hello", 5) == 0) received++;
}

static void show(const char *name, const uint8_t *key)
{
    printf("%s ", name);
    for (int i = 0; i < 32; i++) printf("%02x", key[i]);
    printf("\n");
}

static void read_key(uint8_t *key)
{
    for (int i = 0; i < 32; i++) if (scanf("%2hhx", &key[i]) != 1) exit(4);
}

int main(int argc, char **argv)
{
    uint16_t port = (uint16_t) atoi(argc > 1 ? argv[1] : "0");
    struct Tox_Options *options = tox_options_new(NULL);
    if (!options) return 3;
    tox_options_set_ipv6_enabled(options, false);
    tox_options_set_local_discovery_enabled(options, false);
    tox_options_set_start_port(options, port);
    tox_options_set_end_port(options, port);
    Tox *tox = tox_new(options, NULL);
    if (!tox) return 3;
    uint8_t real[32], dht[32];
    tox_self_get_public_key(tox, real);
    tox_self_get_dht_id(tox, dht);
    show("real", real);
    show("dht", dht);
    fflush(stdout);

    int other;
    read_key(real);
    read_key(dht);
    if (scanf("%d", &other) != 1) return 4;
    tox_callback_friend_message(tox, message);
    uint32_t friend = tox_friend_add_norequest(tox, real, NULL);
    unsigned sent = 0;
    for (int tick = 0; tick < 60 * 50; tick++) {
        if (tick % 100 == 0) tox_bootstrap(tox, "127.0.0.1", (uint16_t) other, dht, NULL);
        tox_iterate(tox, NULL);
        if (tick % 10 == 0 && sent < 20 && tox_friend_get_connection_status(tox, friend, NULL) != 0)
            sent += tox_friend_send_message(tox, friend, 0, (const uint8_t *) "hello", 5, NULL) != 0;
        static int linger;
        if (sent >= 20 && received >= 20 && ++linger == 1) {
            printf("received %u\n", received);
            fflush(stdout);
        }
        if (linger > 50) break;
        nanosleep(&(struct timespec) {0, 20000000}, NULL);
    }
    tox_kill(tox);
    return received >= 20 ? 0 : 5;
}
