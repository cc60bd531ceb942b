/* Packages, crafted byte by byte: SIGSTRUCTs of our own signer, in ELF files and .sig files. */
#include "testing.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/writer.h"
#include "cli/elf.h"
#include "cli/package.h"

static EVP_PKEY *signer;

static int make_signer(void **state)
{
	(void)state;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *three = BN_new();
	BN_set_word(three, 3);
	int failed = EVP_PKEY_keygen_init(context) != 1 ||
		     EVP_PKEY_CTX_set_rsa_keygen_bits(context, 3072) != 1 ||
		     EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, three) != 1 ||
		     EVP_PKEY_keygen(context, &signer) != 1;
	BN_free(three);
	EVP_PKEY_CTX_free(context);
	return failed;
}

static int free_signer(void **state)
{
	(void)state;
	EVP_PKEY_free(signer);
	return 0;
}

/* A SIGSTRUCT by the offsets of the manual's table. */
static void make_sigstruct(uint8_t s[SIGSTRUCT_SIZE], bool debug)
{
	static const uint8_t first[16] = { 6, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 1 };
	static const uint8_t second[16] = { 1, 1, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1 };
	BIGNUM *n = NULL;
	uint8_t signature[384];
	size_t size = sizeof signature;
	memset(s, 0, SIGSTRUCT_SIZE);
	memcpy(s, first, 16);
	memcpy(s + 24, second, 16);
	EVP_PKEY_get_bn_param(signer, "n", &n);
	BN_bn2lebinpad(n, s + 128, 384);
	BN_free(n);
	s[512] = 3;
	s[928] = debug ? 4 | 2 : 4; /* MODE64BIT, DEBUG */
	memset(s + 960, 0xab, 32);
	s[1024] = 0x34; /* ISVPRODID 0x1234 */
	s[1025] = 0x12;
	s[1026] = 7;
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, signer), 1);
	EVP_DigestSignUpdate(digest, s, 128);
	EVP_DigestSignUpdate(digest, s + 900, 128);
	assert_int_equal(EVP_DigestSignFinal(digest, signature, &size), 1);
	EVP_MD_CTX_free(digest);
	for (size_t i = 0; i < size; i++)
		s[516 + i] = signature[size - 1 - i];
}

static void assert_properties(const struct package_properties *p, bool debug)
{
	uint8_t s[SIGSTRUCT_SIZE], expected[32];
	make_sigstruct(s, debug);
	EVP_Digest(s + 128, 384, expected, NULL, EVP_sha256(), NULL);
	assert_memory_equal(p->signer_id, expected, 32);
	memset(expected, 0xab, 32);
	assert_memory_equal(p->unique_id, expected, 32);
	assert_int_equal(p->product_id, 0x1234);
	assert_int_equal(p->security_version, 7);
	assert_int_equal(p->debug, debug);
	assert_true(p->signed_well);
}

static void fields(void **state)
{
	(void)state;
	uint8_t s[SIGSTRUCT_SIZE];
	struct package_properties p;
	make_sigstruct(s, false);
	must(sigstruct_find(BYTES_OF_ARRAY(s), &p));
	assert_properties(&p, false);
	make_sigstruct(s, true);
	must(sigstruct_find(BYTES_OF_ARRAY(s), &p));
	assert_properties(&p, true);
}

/* What is signed, by the manual: bytes 0 to 127 and 900 to 1027. */
static void changed_after_signing(void **state)
{
	(void)state;
	static const size_t covered[] = { 20, 127, 128, 500, 516, 900, 928, 960, 1024, 1027 };
	static const size_t not_covered[] = { 1028, 1040, SIGSTRUCT_SIZE - 1 };
	uint8_t s[SIGSTRUCT_SIZE];
	struct package_properties p;
	make_sigstruct(s, false);
	for (size_t i = 0; i < ARRAY_SIZE(covered); i++) {
		s[covered[i]] ^= 0x40;
		must(sigstruct_find(BYTES_OF_ARRAY(s), &p));
		assert_false(p.signed_well);
		s[covered[i]] ^= 0x40;
	}
	s[512] = 5;
	must(sigstruct_find(BYTES_OF_ARRAY(s), &p));
	assert_false(p.signed_well);
	s[512] = 3;
	for (size_t i = 0; i < ARRAY_SIZE(not_covered); i++)
		s[not_covered[i]] ^= 0x40;
	must(sigstruct_find(BYTES_OF_ARRAY(s), &p));
	assert_true(p.signed_well);
}

static void every_length(void **state)
{
	(void)state;
	uint8_t s[SIGSTRUCT_SIZE];
	struct package_properties p;
	make_sigstruct(s, false);
	for (size_t size = 0; size < SIGSTRUCT_SIZE; size++) {
		error *e = sigstruct_find(bytes_of(s, size), &p);
		assert_refused(e, size < 40 ? ERROR_NOT_FOUND : ERROR_INVALID,
			       size < 40 ? "holds no SIGSTRUCT" : "is cut off");
	}
}

/* The first header alone occurs by accident; the right place comes later. */
static void behind_something_similar(void **state)
{
	(void)state;
	uint8_t section[100 + SIGSTRUCT_SIZE + 9] = { 0 };
	struct package_properties p;
	make_sigstruct(section + 100, true);
	memcpy(section + 3, section + 100, 16);
	must(sigstruct_find(BYTES_OF_ARRAY(section), &p));
	assert_properties(&p, true);
}

/* An ELF file with a null section, the section of that name, and the names. */
static void make_elf(const char *name, bytes content, struct writer *w)
{
	char names[64] = "";
	size_t size = strlen(name) + 1;
	memcpy(names + 1, name, size);
	memcpy(names + 1 + size, ".shstrtab", 10);
	uint64_t at_names = 64 + content.size, at_table = at_names + sizeof names;
	write_bytes(w, bytes_of("\x7f" "ELF\2\1\1\0\0\0\0\0\0\0\0\0", 16));
	write_zeros(w, 24);
	write_le64(w, at_table);
	write_zeros(w, 10);
	write_le16(w, 64);
	write_le16(w, 3);
	write_le16(w, 2);
	write_bytes(w, content);
	write_bytes(w, BYTES_OF_ARRAY(names));
	write_zeros(w, 64);
	write_le32(w, 1);
	write_le32(w, 1);
	write_zeros(w, 16);
	write_le64(w, 64);
	write_le64(w, content.size);
	write_zeros(w, 24);
	write_le32(w, (uint32_t)(1 + size));
	write_le32(w, 3);
	write_zeros(w, 16);
	write_le64(w, at_names);
	write_le64(w, sizeof names);
	write_zeros(w, 24);
}

static void put_elf(const char *path, const char *section, bool debug)
{
	CLEANUP(writer_free) struct writer elf = { 0 };
	uint8_t s[SIGSTRUCT_SIZE];
	make_sigstruct(s, debug);
	make_elf(section, BYTES_OF_ARRAY(s), &elf);
	must(file_replace(path, writer_view(&elf), 0600));
}

static void assert_package(const char *path, enum package_kind expected, bool debug)
{
	struct package_properties p;
	enum package_kind kind;
	must(package_read(path, &kind, &p));
	assert_int_equal(kind, expected);
	assert_properties(&p, debug);
}

static void put_sig(const char *path)
{
	uint8_t s[SIGSTRUCT_SIZE];
	make_sigstruct(s, false);
	must(file_replace(path, BYTES_OF_ARRAY(s), 0600));
}

static void kinds(void **state)
{
	(void)state;
	put_elf("ego", ".oeinfo", false);
	put_elf("sdk.so", ".note.sgxmeta", true);
	put_sig("app.sig");
	assert_package("ego", PACKAGE_OPEN_ENCLAVE, false);
	assert_package("sdk.so", PACKAGE_SGX_SDK, true);
	assert_package("app.sig", PACKAGE_GRAMINE, false);
}

static void folders(void **state)
{
	(void)state;
	enum package_kind kind;
	struct package_properties p;
	assert_int_equal(mkdir("gramine", 0700) | mkdir("occlum", 0700) | mkdir("occlum/build", 0700) |
			 mkdir("occlum/build/lib", 0700) | mkdir("empty", 0700), 0);
	put_sig("gramine/app.sig");
	put_elf("occlum/build/lib/libocclum-libos.signed.so", ".note.sgxmeta", false);
	assert_package("gramine", PACKAGE_GRAMINE, false);
	assert_package("occlum", PACKAGE_SGX_SDK, false);
	assert_refused(package_read("empty", &kind, &p), ERROR_NOT_FOUND, "empty: the folder is neither");
	put_sig("gramine/other.sig");
	assert_refused(package_read("gramine", &kind, &p), ERROR_INVALID, "several .sig files");
}

static void no_package(void **state)
{
	(void)state;
	enum package_kind kind;
	struct package_properties p;
	CLEANUP(writer_free) struct writer unsigned_elf = { 0 };
	CLEANUP(writer_free) struct writer cut_elf = { 0 };
	uint8_t s[SIGSTRUCT_SIZE] = { 0 };
	put("text", "#!/bin/sh\n", 0600);
	assert_refused(package_read("text", &kind, &p), ERROR_NOT_FOUND, "text: it holds no SIGSTRUCT");
	assert_refused(package_read("/bin/true", &kind, &p), ERROR_NOT_FOUND, "/bin/true", ".oeinfo");
	assert_refused(package_read("nowhere", &kind, &p), ERROR_NOT_FOUND, "nowhere");
	make_elf(".oeinfo", BYTES_OF_ARRAY(s), &unsigned_elf);
	must(file_replace("unsigned", writer_view(&unsigned_elf), 0600));
	assert_refused(package_read("unsigned", &kind, &p), ERROR_NOT_FOUND, "unsigned");
	make_sigstruct(s, false);
	make_elf(".oeinfo", bytes_of(s, 1000), &cut_elf);
	must(file_replace("cut", writer_view(&cut_elf), 0600));
	assert_refused(package_read("cut", &kind, &p), ERROR_INVALID, "cut: section .oeinfo", "cut off");
}

/* Each field of the header and of the section's entry with values that lead out of the file. */
static void damaged_elf_files(void **state)
{
	(void)state;
	static const struct {
		size_t at, size;
		uint64_t value;
		const char *part;
	} cases[] = {
		{ 40, 8, UINT64_MAX, "section table" }, { 40, 8, INT64_MAX, "section table" },
		{ 40, 8, 1 << 20, "section table" }, { 58, 2, 40, "makes no sense" },
		{ 60, 2, 0xffff, "makes no sense" }, { 62, 2, 3, "makes no sense" },
		{ 60, 2, 0, "no sections" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(writer_free) struct writer elf = { 0 };
		uint8_t s[SIGSTRUCT_SIZE];
		enum package_kind kind;
		struct package_properties p;
		make_sigstruct(s, false);
		make_elf(".oeinfo", BYTES_OF_ARRAY(s), &elf);
		for (size_t b = 0; b < cases[i].size; b++)
			elf.data[cases[i].at + b] = (uint8_t)(cases[i].value >> 8 * b);
		must(file_replace("damaged", writer_view(&elf), 0600));
		error *e = package_read("damaged", &kind, &p);
		assert_non_null(e);
		if (strcmp(cases[i].part, "no sections") != 0)
			assert_says(error_message(e), cases[i].part);
		error_free(e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields), cmocka_unit_test(changed_after_signing),
		cmocka_unit_test(every_length), cmocka_unit_test(behind_something_similar),
		in_folder(kinds), in_folder(folders), in_folder(no_package), in_folder(damaged_elf_files),
	};
	return cmocka_run_group_tests(tests, make_signer, free_signer);
}
