/* Coming back to a server without certificates (RFC 8446, 2.2). What a ticket tells of a peer was verified by the very
 * rule that takes it: tickets are sealed with keys derived from all of the rule, its private key included, and a client
 * keeps them with the rule. What may have changed since then is looked at again: the peer's type, and the dates of its
 * certificate. No early data, and fresh keys (psk_dhe_ke) each time. */
#pragma once
#include "ttls/connection.h"

/* Once for the SSL_CTX of a rule. */
bool resumption_prepare(SSL_CTX *context, const struct plane_rule *rule);
/* A client, before its first message: shows the ticket that it has, or asks for one. */
void resumption_offer(struct connection *c);
/* At the end of a handshake: keeps OpenSSL's part if a ticket was asked for. */
void resumption_expect(struct connection *c);
/* The handshake has failed: a ticket that was shown is not shown again. */
void resumption_failed(struct connection *c);
/* With receive_lock: a NewSessionTicket, as the server sent it. */
void resumption_take(struct connection *c, const uint8_t *message, size_t size);
void resumption_forget(struct connection *c);
/* After fork: another thread of the parent may have been at it. */
void resumption_in_child(void);
