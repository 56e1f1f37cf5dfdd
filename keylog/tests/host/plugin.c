/* A plugin that is linked with libsodium. */
int crypto_box_beforenm(unsigned char *, const unsigned char *, const unsigned char *);

int plug(unsigned char *k, const unsigned char *pk, const unsigned char *sk)
{
    return crypto_box_beforenm(k, pk, sk);
}
