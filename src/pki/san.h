/* Subject alternative names of a known kind, as they stand in requests. */
#pragma once
#include "pki/certificate.h"

/* As san_add, but always a DNS name, whatever it looks like. */
error *san_add_dns(struct san_list *list, bytes name) MUST_USE;
/* 4 or 16 bytes. An IPv4 address mapped into IPv6 becomes the IPv4 address it is. */
error *san_add_ip(struct san_list *list, bytes address) MUST_USE;
/* Without blanks and tabs around it. */
bytes san_trim(bytes text);
