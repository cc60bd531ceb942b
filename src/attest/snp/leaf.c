/* The extensions of a VCEK or VLEK certificate: which chip, which TCB. */
#include "attest/snp/leaf.h"

#include <openssl/x509v3.h>
#include <stdio.h>

#include "base/reader.h"

/* Finds the extension 1.3.6.1.4.1.3704.1.<tail>; *found is false when there is none, or two. */
static error *find_extension(const X509 *certificate, const char *tail, bytes *ret, bool *found)
{
	char name[64];
	snprintf(name, sizeof name, "1.3.6.1.4.1.3704.1.%s", tail);
	ASN1_OBJECT *object = OBJ_txt2obj(name, 1);
	TRY_ALLOC(object);
	int at = X509_get_ext_by_OBJ(certificate, object, -1);
	int again = at < 0 ? -1 : X509_get_ext_by_OBJ(certificate, object, at);
	ASN1_OBJECT_free(object);
	*found = at >= 0;
	if (again >= 0)
		return error_new(ERROR_INVALID, "extension %s is there twice", name);
	if (at < 0)
		return NULL;
	const ASN1_OCTET_STRING *value =
		X509_EXTENSION_get_data(X509_get_ext(certificate, at));
	*ret = bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
	return NULL;
}

/* An SPL: a DER INTEGER from 0 to 255, so that 128 and more take two bytes. */
static error *read_spl(const X509 *certificate, const char *tail, uint8_t *ret)
{
	bytes der;
	bool found;
	TRY(find_extension(certificate, tail, &der, &found));
	if (!found)
		return error_new(ERROR_INVALID, "extension 1.3.6.1.4.1.3704.1.%s (an SPL) is missing", tail);
	struct reader r = reader_of(der);
	uint8_t tag = read_u8(&r), size = read_u8(&r), first = read_u8(&r);
	bool two = size == 2 && first == 0;
	uint8_t value = two ? read_u8(&r) : first;
	TRY(reader_finish(&r, "an SPL of the certificate"));
	if (tag != 2 || !(two ? value >= 0x80 : size == 1 && value < 0x80))
		return error_new(ERROR_INVALID, "extension 1.3.6.1.4.1.3704.1.%s is no DER INTEGER from 0 to "
				 "255", tail);
	*ret = value;
	return NULL;
}

static error *read_tcb(const X509 *certificate, bool turin, struct marblerun_snp_tcb *ret)
{
	struct marblerun_snp_tcb tcb = { 0 };
	TRY(read_spl(certificate, "3.1", &tcb.boot_loader));
	TRY(read_spl(certificate, "3.2", &tcb.tee));
	TRY(read_spl(certificate, "3.3", &tcb.snp));
	TRY(read_spl(certificate, "3.8", &tcb.microcode));
	if (turin)
		TRY(read_spl(certificate, "3.9", &tcb.fmc));
	*ret = tcb;
	return NULL;
}

/* The HWID is the bare bytes, not a DER value. */
static error *read_hwid(const X509 *certificate, size_t size, struct snp_leaf *leaf)
{
	bytes hwid;
	bool found;
	TRY(find_extension(certificate, "4", &hwid, &found));
	if (found == leaf->vlek)
		return error_new(ERROR_INVALID, leaf->vlek ? "a VLEK certificate has no HWID" :
							     "the VCEK certificate has no HWID");
	if (!found)
		return NULL;
	if (hwid.size != size)
		return error_new(ERROR_INVALID, "HWID has %zu bytes; %zu are expected", hwid.size, size);
	memcpy(leaf->hwid, hwid.data, size);
	leaf->hwid_size = size;
	return NULL;
}

static bool starts_with(bytes text, const char *prefix)
{
	return bytes_equal_string(bytes_slice(text, 0, strlen(prefix)), prefix);
}

/* Bergamo and Siena are endorsed as Genoa is. */
static bool is_of(const struct snp_product *product, bytes name)
{
	bool genoa = strcmp(product->name, "Genoa") == 0;
	return starts_with(name, product->name) ||
	       (genoa && (starts_with(name, "Bergamo") || starts_with(name, "Siena")));
}

/* productName is an IA5String: "Milan-B0", "Genoa", …; a VLEK's may be bare, too. */
static error *check_product_name(const X509 *certificate, const struct snp_product *product)
{
	bytes der;
	bool found;
	TRY(find_extension(certificate, "2", &der, &found));
	if (!found)
		return error_new(ERROR_INVALID, "extension productName is missing");
	struct reader r = reader_of(der);
	uint8_t tag = read_u8(&r), size = read_u8(&r);
	bytes name = read_view(&r, size);
	TRY(reader_finish(&r, "productName"));
	if (tag != 0x16 || !is_of(product, name))
		return error_new(ERROR_INVALID, "productName \"%.*s\" is not %s", (int)name.size,
				 (const char *)name.data, product->name);
	return NULL;
}

error *snp_leaf_read(const X509 *certificate, const struct snp_product *product, struct snp_leaf *leaf)
{
	TRY(check_product_name(certificate, product));
	TRY(read_tcb(certificate, product->turin_layout, &leaf->tcb));
	return read_hwid(certificate, product->chip_id_size, leaf);
}
