// SHA-256 (FIPS 180-4), streaming, and the message authentication code made from it.
#ifndef OW_BASE_SHA256_H
#define OW_BASE_SHA256_H
#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint32_t h[8];
  uint64_t bytes;
  uint8_t block[64];
} ow_sha256;

void ow_sha256_init(ow_sha256 *s);
void ow_sha256_add(ow_sha256 *s, const void *data, size_t n);
void ow_sha256_raw(ow_sha256 *s, uint8_t digest[32]);  // ends it
void ow_sha256_end(ow_sha256 *s, char hex[65]);        // the same, lower case, 0-terminated
// Of one block at once.
static inline void ow_sha256_hex(const void *data, size_t n, char hex[65]) {
  ow_sha256 s;
  ow_sha256_init(&s);
  ow_sha256_add(&s, data, n);
  ow_sha256_end(&s, hex);
}

// HMAC with SHA-256 (RFC 2104, FIPS 198-1), streaming.
typedef struct {
  ow_sha256 inner;
  uint8_t outer_key[64];
} ow_hmac;

void ow_hmac_init(ow_hmac *h, const void *key, size_t n);
void ow_hmac_add(ow_hmac *h, const void *data, size_t n);
void ow_hmac_end(ow_hmac *h, char hex[65]);

#endif
