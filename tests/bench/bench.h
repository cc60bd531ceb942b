/* What the bench's programs share. They are measuring tools: what goes wrong ends them. */
#pragma once
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

/* Ends the program unless `good`. */
void must(bool good, const char *what);
/* Seconds of the monotonic clock. */
double seconds_now(void);
/* Seconds of processor time that this process has used, all its threads together. */
double processor_seconds(void);
/* The value that `share` (0 to 1) of the values do not exceed; sorts them. 0 when there are none. */
double percentile(double *values, size_t count, double share);

EVP_PKEY *make_p256(void);
/* Self-signed with CN "bench", for a day. */
X509 *make_certificate(EVP_PKEY *key);
/* TLS 1.3, X25519, no tickets, any peer certificate passes: as the coordinator and its marbles do. */
SSL_CTX *make_context(bool server);
