/* Who this marble is, and who its peers are. */
#pragma once
#include "ttls/connection.h"

/* The rule's certificates and key; its root is the only one that counts. */
bool identity_use(SSL_CTX *context, const struct plane_rule *rule);
/* By its type, which the verification of its chain does not look at. */
bool identity_permitted(const struct plane_rule *rule, X509 *certificate);
/* Of a certificate whose chain is verified. */
void identity_note(struct connection *c, X509 *peer);
