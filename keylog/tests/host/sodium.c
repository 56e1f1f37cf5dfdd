/* A stand-in for libsodium with the same calls between its functions and no cryptography at all:
 * the logger's own behaviour is tested on machines without libsodium, and fast. Every function
 * leaves 4242 in errno. */
#include <errno.h>
#include <string.h>

typedef unsigned char u8;
typedef unsigned long long u64;

static int done(int result) { errno = 4242; return result; }

int crypto_scalarmult_curve25519_base(u8 *q, const u8 *n)
{
    for (int i = 0; i < 32; i++) q[i] = n[i] ^ 0x5a;
    return done(0);
}

/* Symmetric, as the real one: K(A, b) = K(B, a). Refuses a public key of zeros. */
int crypto_box_curve25519xsalsa20poly1305_beforenm(u8 *k, const u8 *pk, const u8 *sk)
{
    static const u8 zero[32];
    u8 sum[32];
    if (memcmp(pk, zero, 32) == 0) return done(-1);
    for (int i = 0; i < 32; i++) sum[i] = (u8) ((pk[i] + (sk[i] ^ 0x5a)) * 7 + i);
    memcpy(k, sum, 32);
    return done(0);
}

int crypto_box_beforenm(u8 *k, const u8 *pk, const u8 *sk)
{
    return crypto_box_curve25519xsalsa20poly1305_beforenm(k, pk, sk);
}

static void tag(u8 *mac, const u8 *c, u64 len, const u8 *n, const u8 *k)
{
    for (int i = 0; i < 16; i++) mac[i] = k[i] ^ n[i];
    for (u64 i = 0; i < len; i++) mac[i % 16] = (u8) (mac[i % 16] * 3 + c[i]);
}

static void stream(u8 *to, const u8 *from, u64 len, const u8 *n, const u8 *k)
{
    for (u64 i = 0; i < len; i++) to[i] = from[i] ^ k[i % 32] ^ n[i % 24];
}

int crypto_box_detached_afternm(u8 *c, u8 *mac, const u8 *m, u64 len, const u8 *n, const u8 *k)
{
    stream(c, m, len, n, k);
    tag(mac, c, len, n, k);
    return done(0);
}

int crypto_box_open_detached_afternm(u8 *m, const u8 *c, const u8 *mac, u64 len, const u8 *n, const u8 *k)
{
    u8 expected[16];
    tag(expected, c, len, n, k);
    if (memcmp(expected, mac, 16) != 0) return done(-1);
    stream(m, c, len, n, k);
    return done(0);
}

int crypto_box_easy_afternm(u8 *c, const u8 *m, u64 len, const u8 *n, const u8 *k)
{
    u8 mac[16];
    memmove(c + 16, m, len);
    int result = crypto_box_detached_afternm(c + 16, mac, c + 16, len, n, k);
    memcpy(c, mac, 16);
    return result;
}

int crypto_box_open_easy_afternm(u8 *m, const u8 *c, u64 len, const u8 *n, const u8 *k)
{
    if (len < 16) return done(-1);
    return crypto_box_open_detached_afternm(m, c + 16, c, len - 16, n, k);
}

int crypto_box_curve25519xsalsa20poly1305_afternm(u8 *c, const u8 *m, u64 len, const u8 *n, const u8 *k)
{
    u8 mac[16];
    if (len < 32) return done(-1);
    stream(c + 32, m + 32, len - 32, n, k);
    tag(mac, c + 32, len - 32, n, k);
    memset(c, 0, 16);
    memcpy(c + 16, mac, 16);
    return done(0);
}

int crypto_box_curve25519xsalsa20poly1305_open_afternm(u8 *m, const u8 *c, u64 len, const u8 *n, const u8 *k)
{
    u8 expected[16];
    if (len < 32) return done(-1);
    tag(expected, c + 32, len - 32, n, k);
    if (memcmp(expected, c + 16, 16) != 0) return done(-1);
    stream(m + 32, c + 32, len - 32, n, k);
    memset(m, 0, 32);
    return done(0);
}

int crypto_box_afternm(u8 *c, const u8 *m, u64 len, const u8 *n, const u8 *k)
{
    return crypto_box_curve25519xsalsa20poly1305_afternm(c, m, len, n, k);
}

int crypto_box_open_afternm(u8 *m, const u8 *c, u64 len, const u8 *n, const u8 *k)
{
    return crypto_box_curve25519xsalsa20poly1305_open_afternm(m, c, len, n, k);
}
