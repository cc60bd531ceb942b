#include "pki/draft.h"
#include "pki/openssl_error.h"

DEFINE_CLEANUP(GENERAL_NAME_free, GENERAL_NAME *)

static error *failed(void)
{
	return openssl_error(ERROR_INTERNAL, "making a name");
}

error *general_name_set(GENERAL_NAME *name, int kind, bytes content)
{
	int type = kind == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING;
	ASN1_STRING *value = ASN1_STRING_type_new(type);
	if (!value || content.size > INT_MAX ||
	    !ASN1_STRING_set(value, content.size ? content.data : (const uint8_t *)"",
			     (int)content.size)) {
		ASN1_STRING_free(value);
		return failed();
	}
	GENERAL_NAME_set0_value(name, kind, value);
	return NULL;
}

error *general_name_push(GENERAL_NAMES *names, int kind, bytes content)
{
	CLEANUP(GENERAL_NAME_free) GENERAL_NAME *name = GENERAL_NAME_new();
	TRY_ALLOC(name);
	TRY(general_name_set(name, kind, content));
	if (!sk_GENERAL_NAME_push(names, name))
		return failed();
	name = NULL; /* the stack's now */
	return NULL;
}

error *general_names_of(const struct san_list *list, GENERAL_NAMES **ret)
{
	CLEANUP(GENERAL_NAMES_free) GENERAL_NAMES *names = GENERAL_NAMES_new();
	TRY_ALLOC(names);
	for (size_t i = 0; i < list->count; i++) {
		const struct san *item = &list->items[i];
		TRY(general_name_push(names, item->is_ip ? GEN_IPADD : GEN_DNS,
				      item->is_ip ? bytes_of(item->ip, item->ip_size)
						  : bytes_of_string(item->name)));
	}
	*ret = TAKE(names);
	return NULL;
}

static bool has_address(const GENERAL_NAMES *names, bytes address)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		int kind;
		const ASN1_STRING *value =
			GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &kind);
		if (kind == GEN_IPADD &&
		    bytes_equal(address, bytes_of(ASN1_STRING_get0_data(value),
						  (size_t)ASN1_STRING_length(value))))
			return true;
	}
	return false;
}

error *general_names_add_loopback(GENERAL_NAMES *names)
{
	static const uint8_t v4[4] = { 127, 0, 0, 1 }, v6[16] = { [15] = 1 };
	if (!has_address(names, BYTES_OF_ARRAY(v4)))
		TRY(general_name_push(names, GEN_IPADD, BYTES_OF_ARRAY(v4)));
	if (!has_address(names, BYTES_OF_ARRAY(v6)))
		TRY(general_name_push(names, GEN_IPADD, BYTES_OF_ARRAY(v6)));
	return NULL;
}
