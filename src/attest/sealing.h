/* Sealing keys: what a platform gives to one program, or to all programs of one signer, and to no
 * other. They come from whatever key the platform derives for that identity. */
#pragma once
#include "base/secret.h"

enum { SEALING_KEY_SIZE = 32 };

enum sealing_kind {
	SEALING_UNIQUE = 1, /* this very program (MRENCLAVE, launch measurement) */
	SEALING_PRODUCT,    /* this product of this signer, in any version */
};
const char *sealing_kind_name(enum sealing_kind kind);

/* HKDF-SHA-256 of the platform's key. So what is sealed with it has nothing to do with what others
 * use that key for, and different platforms and kinds never share one. `identity` is what the
 * platform's key does not depend on already, else empty. ERROR_INVALID when the key is empty or all
 * zeros: a key that was never set. */
error *sealing_key_derive(bytes platform_key, const char *platform, enum sealing_kind kind,
			  bytes identity, struct secret *ret) MUST_USE;
