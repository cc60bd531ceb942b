#include "marble/names.h"

#include <openssl/err.h>
#include <stdbool.h>
#include <string.h>

DEFINE_CLEANUP(GENERAL_NAME_free, GENERAL_NAME *)

static error *append(GENERAL_NAMES *names, int type, const char *text)
{
	CLEANUP(GENERAL_NAME_free) GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *value = type == GEN_IPADD ? a2i_IPADDRESS(text) : ASN1_IA5STRING_new();
	TRY_ALLOC(value);
	if (name)
		GENERAL_NAME_set0_value(name, type, value);
	else
		ASN1_STRING_free(value);
	if (!name || (type == GEN_DNS && !ASN1_STRING_set(value, text, -1)) ||
	    !sk_GENERAL_NAME_push(names, name))
		return error_no_memory();
	name = NULL;
	return NULL;
}

static bool is_ip(const char *text)
{
	ASN1_OCTET_STRING *address = a2i_IPADDRESS(text);
	ASN1_OCTET_STRING_free(address);
	ERR_clear_error();
	return address != NULL;
}

/* What a host name may hold; wildcards and underscores are in use. */
static error *check_dns_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._*";
	size_t good = strspn(name, allowed);
	if (name[good])
		return error_new(ERROR_INVALID, "\"%s\" is neither a DNS name nor an IP address", name);
	return NULL;
}

static error *add_name(GENERAL_NAMES *names, const char *name)
{
	if (strlen(name) > NAME_SIZE_MAX)
		return error_new(ERROR_TOO_LARGE, "a name is longer than %d characters", NAME_SIZE_MAX);
	if (sk_GENERAL_NAME_num(names) >= NAMES_MAX)
		return error_new(ERROR_TOO_LARGE, "more than %d names", NAMES_MAX);
	if (is_ip(name))
		return append(names, GEN_IPADD, name);
	TRY(check_dns_name(name));
	TRY(append(names, GEN_DNS, name));
	if (strcasecmp(name, "localhost") != 0)
		return NULL;
	TRY(append(names, GEN_IPADD, "127.0.0.1"));
	return append(names, GEN_IPADD, "::1");
}

static char *trim(char *text)
{
	text += strspn(text, " \t");
	size_t size = strlen(text);
	while (size && strchr(" \t", text[size - 1]))
		size--;
	text[size] = 0;
	return text;
}

error *names_parse(const char *text, GENERAL_NAMES **ret)
{
	CLEANUP(general_names_free) GENERAL_NAMES *names = GENERAL_NAMES_new();
	CLEANUP_FREE char *copy = strdup(text);
	char *rest = copy, *part;
	if (!names || !copy)
		return error_no_memory();
	while ((part = strsep(&rest, ",")) != NULL) {
		part = trim(part);
		if (*part)
			TRY(add_name(names, part));
	}
	*ret = TAKE(names);
	return NULL;
}
