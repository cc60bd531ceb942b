/* The "Cert" object: what each field becomes, and how each kind of nonsense is refused. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "secrets/generate.h"

static const int64_t now = 1700000000;
static struct ca ca;

static int set_up(void **state)
{
	(void)state;
	error *e = ca_create(&(struct san_list){ 0 }, KEY_P256, now, &ca);
	return e != NULL;
}

static int tear_down(void **state)
{
	(void)state;
	ca_free(&ca);
	return 0;
}

static void make(const char *cert, X509 **ret)
{
	CLEANUP_JSON json_t *json = NULL;
	CLEANUP(secret_value_free) struct secret_value v = { 0 };
	struct secret_definition d = { .name = "test", .type = SECRET_CERT_ECDSA, .size = 256 };
	assert_null(json_parse(bytes_of_string(cert), "test", &json));
	d.cert = json;
	error *e = secret_definition_check(&d);
	if (!e)
		e = secret_generate(&d, &ca, now, &v);
	if (e)
		fail_msg("%s: %s", cert, error_message(e));
	assert_null(certificate_of_der(blob_view(&v.certificate), ret));
	assert_int_equal(ERR_peek_error(), 0);
}

/* An extension in OpenSSL's words, "critical" in front if it is; "none" when it is not there. */
static void print_extension(const X509 *certificate, int nid, BIO *to)
{
	int at = X509_get_ext_by_NID(certificate, nid, -1);
	if (at < 0) {
		BIO_puts(to, "none");
		return;
	}
	X509_EXTENSION *extension = X509_get_ext(certificate, at);
	if (X509_EXTENSION_get_critical(extension))
		BIO_puts(to, "critical ");
	X509V3_EXT_print(to, extension, 0, 0);
}

/* Versions of OpenSSL put different numbers of line ends between and behind their words. */
static void drop_empty_lines(char *text)
{
	char *to = text;
	for (char *from = text; *from; from++)
		if (*from != '\n' || (from[1] && from[1] != '\n'))
			*to++ = *from;
	*to = 0;
}

static void assert_text(BIO *bio, const char *json, const char *expected)
{
	char *text;
	BIO_write(bio, "", 1);
	BIO_get_mem_data(bio, &text);
	drop_empty_lines(text);
	if (strcmp(text, expected) != 0)
		fail_msg("%s: \"%s\", \"%s\" expected", json, text, expected);
	BIO_free(bio);
}

static void assert_extension(const char *json, int nid, const char *expected)
{
	CLEANUP(X509_free) X509 *certificate = NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	make(json, &certificate);
	print_extension(certificate, nid, bio);
	assert_text(bio, json, expected);
}

static void assert_subject(const char *json, const char *expected)
{
	CLEANUP(X509_free) X509 *certificate = NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	make(json, &certificate);
	X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0,
			   XN_FLAG_RFC2253 & ~XN_FLAG_DN_REV);
	assert_text(bio, json, expected);
}

static void without_fields_the_defaults_hold(void **state)
{
	(void)state;
	static const char *const nothing[] = {
		"{}",
		"null",
		/* the public documentation's list, all at Go's zero values */
		"{\"SignatureAlgorithm\":0,\"Subject\":{\"Country\":null,\"Organization\":null,"
		"\"OrganizationalUnit\":null,\"Locality\":null,\"Province\":null,\"StreetAddress\":null,"
		"\"PostalCode\":null,\"CommonName\":\"\",\"Names\":null,\"ExtraNames\":null},"
		"\"NotAfter\":\"0001-01-01T00:00:00Z\",\"KeyUsage\":0,\"ExtKeyUsage\":null,"
		"\"UnknownExtKeyUsage\":null,\"MaxPathLen\":0,\"MaxPathLenZero\":false,"
		"\"SubjectKeyId\":null,\"AuthorityKeyId\":null,\"OCSPServer\":null,"
		"\"IssuingCertificateURL\":null,\"DNSNames\":null,\"EmailAddresses\":null,"
		"\"IPAddresses\":null,\"URIs\":null,\"PermittedDNSDomainsCritical\":false,"
		"\"PermittedDNSDomains\":null,\"ExcludedDNSDomains\":null,\"PermittedIPRanges\":null,"
		"\"ExcludedIPRanges\":null,\"PermittedEmailAddresses\":null,"
		"\"ExcludedEmailAddresses\":null,\"PermittedURIDomains\":null,"
		"\"ExcludedURIDomains\":null,\"CRLDistributionPoints\":null,\"PolicyIdentifiers\":null}",
		/* what a zero x509.Certificate of Go 1.24 has besides */
		"{\"Raw\":null,\"RawTBSCertificate\":null,\"RawSubjectPublicKeyInfo\":null,"
		"\"RawSubject\":null,\"RawIssuer\":null,\"Signature\":null,\"PublicKeyAlgorithm\":0,"
		"\"PublicKey\":null,\"Version\":0,\"SerialNumber\":null,\"Issuer\":{\"Country\":null},"
		"\"NotBefore\":\"0001-01-01T00:00:00Z\",\"Extensions\":null,\"ExtraExtensions\":null,"
		"\"UnhandledCriticalExtensions\":null,\"BasicConstraintsValid\":false,\"IsCA\":false,"
		"\"Policies\":null,\"InhibitAnyPolicy\":0,\"InhibitAnyPolicyZero\":false,"
		"\"InhibitPolicyMapping\":0,\"InhibitPolicyMappingZero\":false,"
		"\"RequireExplicitPolicy\":0,\"RequireExplicitPolicyZero\":false,"
		"\"PolicyMappings\":null}",
		/* set by the coordinator whatever is asked for */
		"{\"SerialNumber\":1,\"NotBefore\":\"2000-01-01T00:00:00Z\",\"Version\":1,"
		"\"BasicConstraintsValid\":false,\"Issuer\":{\"CommonName\":\"x\"},"
		"\"AuthorityKeyId\":\"AAA=\"}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(nothing); i++) {
		assert_subject(nothing[i], "CN=localhost");
		assert_extension(nothing[i], NID_subject_alt_name,
				 "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1");
		assert_extension(nothing[i], NID_key_usage,
				 "critical Digital Signature, Certificate Sign");
		assert_extension(nothing[i], NID_ext_key_usage,
				 "TLS Web Server Authentication, TLS Web Client Authentication");
		assert_extension(nothing[i], NID_basic_constraints, "critical CA:FALSE");
		assert_extension(nothing[i], NID_info_access, "none");
		assert_extension(nothing[i], NID_crl_distribution_points, "none");
		assert_extension(nothing[i], NID_certificate_policies, "none");
		assert_extension(nothing[i], NID_name_constraints, "none");
	}
}

static void subjects_are_as_asked_for(void **state)
{
	(void)state;
	assert_subject("{\"Subject\":{\"CommonName\":\"MarbleRun Unit Test\"}}", "CN=MarbleRun Unit Test");
	assert_subject("{\"Subject\":{\"CommonName\":\"x\",\"SerialNumber\":\"7\",\"Country\":[\"DE\"],"
		       "\"Organization\":[\"B\\u00fccher\"],\"OrganizationalUnit\":[\"U\"],"
		       "\"Locality\":[\"L\"],\"Province\":[\"P\"],\"StreetAddress\":[\"S 1\"],"
		       "\"PostalCode\":[\"44801\"]}}",
		       "C=DE,ST=P,L=L,street=S 1,postalCode=44801,O=B\\C3\\BCcher,OU=U,CN=x,"
		       "serialNumber=7");
	/* Several values of one attribute stand in one RelativeDistinguishedName. */
	assert_subject("{\"Subject\":{\"CommonName\":\"x\",\"OrganizationalUnit\":[\"a\",\"b\"]}}",
		       "OU=a+OU=b,CN=x");
	assert_subject("{\"subject\":{\"commonname\":\"x\"}}", "CN=x");
	assert_subject("{\"Subject\":{\"ExtraNames\":[{\"Type\":[2,5,4,3],\"Value\":\"extra\"},"
		       "{\"Type\":[1,2,3,4],\"Value\":\"v\"}],\"CommonName\":\"replaced\"}}",
		       "CN=extra,1.2.3.4=#0C0176");
	assert_subject("{\"Subject\":{\"Names\":[{\"Type\":[2,5,4,10],\"Value\":\"ignored\"}]}}",
		       "CN=localhost");
	/* as in a public sample */
	assert_subject("{\"Subject\":{\"CommonName\":\"localhost\",\"DNSNames\":[\"localhost\"]}}",
		       "CN=localhost");
}

static void the_common_name_defaults_to_the_only_dns_name(void **state)
{
	(void)state;
	assert_subject("{\"DNSNames\":[\"a.example\"]}", "CN=a.example");
	assert_subject("{\"DNSNames\":[\"a.example\",\"b.example\"]}", "CN=MarbleRun Generated Certificate");
	assert_subject("{\"DNSNames\":[]}", "CN=MarbleRun Generated Certificate");
	assert_subject("{\"DNSNames\":[\"a.example\"],\"Subject\":{\"Country\":[\"DE\"]}}",
		       "C=DE,CN=a.example");
	/* 65 characters: too many for a CN (RFC 5280 appendix A.1, ub-common-name) */
	assert_subject("{\"DNSNames\":[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		       ".example\"]}", "CN=MarbleRun Generated Certificate");
}

static void names_are_as_asked_for(void **state)
{
	(void)state;
	static const struct {
		const char *json, *expected;
	} cases[] = {
		{ "{\"DNSNames\":[\"*.mesh.example\",\"b\"],\"IPAddresses\":[\"10.0.0.1\",\"fe80::1\"],"
		  "\"EmailAddresses\":[\"a@b.example\"],\"URIs\":[]}",
		  "DNS:*.mesh.example, DNS:b, IP Address:10.0.0.1, IP Address:FE80:0:0:0:0:0:0:1, "
		  "email:a@b.example" },
		{ "{\"IPAddresses\":[]}", "DNS:localhost" },
		{ "{\"DNSNames\":[]}", "IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1" },
		{ "{\"DNSNames\":[],\"IPAddresses\":[]}", "none" },
		{ "{\"DNSNames\":[\"10.0.0.1\"],\"IPAddresses\":[\"::ffff:10.0.0.2\"]}",
		  "DNS:10.0.0.1, IP Address:10.0.0.2" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_extension(cases[i].json, NID_subject_alt_name, cases[i].expected);
}

static void usages_are_as_asked_for(void **state)
{
	(void)state;
	static const char *const usages[] = { "Digital Signature", "Non Repudiation", "Key Encipherment",
					      "Data Encipherment", "Key Agreement", "Certificate Sign",
					      "CRL Sign", "Encipher Only", "Decipher Only" };
	for (size_t i = 0; i < ARRAY_SIZE(usages); i++) {
		char json[32], expected[64];
		snprintf(json, sizeof json, "{\"KeyUsage\":%d}", 1 << i);
		snprintf(expected, sizeof expected, "critical %s", usages[i]);
		assert_extension(json, NID_key_usage, expected);
	}
	assert_extension("{\"ExtKeyUsage\":[]}", NID_ext_key_usage, "none");
	assert_extension("{\"ExtKeyUsage\":[0,1,2,3,4,5,6,7,8,9,10,11,12,13]}", NID_ext_key_usage,
			 "Any Extended Key Usage, TLS Web Server Authentication, "
			 "TLS Web Client Authentication, Code Signing, E-mail Protection, "
			 "IPSec End System, IPSec Tunnel, IPSec User, Time Stamping, OCSP Signing, "
			 "Microsoft Server Gated Crypto, Netscape Server Gated Crypto, "
			 "Microsoft Commercial Code Signing, 1.3.6.1.4.1.311.61.1.1");
	assert_extension("{\"UnknownExtKeyUsage\":[[1,2,3,4]]}", NID_ext_key_usage,
			 "1.2.3.4, TLS Web Server Authentication, TLS Web Client Authentication");
	assert_extension("{\"ExtKeyUsage\":[1],\"UnknownExtKeyUsage\":[[1,2,3,2147483647]]}",
			 NID_ext_key_usage, "TLS Web Server Authentication, 1.2.3.2147483647");
}

static void authorities_are_as_asked_for(void **state)
{
	(void)state;
	static const struct {
		const char *json, *expected;
	} cases[] = {
		{ "{\"IsCA\":true}", "critical CA:TRUE" },
		{ "{\"IsCA\":true,\"MaxPathLen\":0}", "critical CA:TRUE" },
		{ "{\"IsCA\":true,\"MaxPathLen\":-1}", "critical CA:TRUE" },
		{ "{\"IsCA\":true,\"MaxPathLen\":3}", "critical CA:TRUE, pathlen:3" },
		{ "{\"IsCA\":true,\"MaxPathLenZero\":true}", "critical CA:TRUE, pathlen:0" },
		{ "{\"MaxPathLen\":-1}", "critical CA:FALSE" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_extension(cases[i].json, NID_basic_constraints, cases[i].expected);
}

static void places_and_policies_are_as_asked_for(void **state)
{
	(void)state;
	assert_extension("{\"SubjectKeyId\":\"AQIDBA==\"}", NID_subject_key_identifier, "01:02:03:04");
	assert_extension("{\"OCSPServer\":[\"http://o/\"],\"IssuingCertificateURL\":[\"http://i/\"]}",
			 NID_info_access, "OCSP - URI:http://o/\nCA Issuers - URI:http://i/");
	assert_extension("{\"CRLDistributionPoints\":[\"http://c/1\",\"http://c/2\"]}",
			 NID_crl_distribution_points,
			 "Full Name:\n  URI:http://c/1\nFull Name:\n  URI:http://c/2");
	assert_extension("{\"PolicyIdentifiers\":[[2,23,140,1,2,1],[1,2,3]]}", NID_certificate_policies,
			 "Policy: 2.23.140.1.2.1\nPolicy: 1.2.3");
}

static void constraints_are_as_asked_for(void **state)
{
	(void)state;
	assert_extension("{\"IsCA\":true,\"PermittedDNSDomainsCritical\":true,"
			 "\"PermittedDNSDomains\":[\".a.example\",\"b.example\"],"
			 "\"ExcludedDNSDomains\":[\"c\"],"
			 "\"PermittedIPRanges\":[{\"IP\":\"10.1.2.3\",\"Mask\":\"/wAAAA==\"}],"
			 "\"ExcludedIPRanges\":[{\"IP\":\"fe80::1\","
			 "\"Mask\":\"//////////8AAAAAAAAAAA==\"}],"
			 "\"PermittedEmailAddresses\":[\"d@e\"],\"ExcludedEmailAddresses\":[\"f\"],"
			 "\"PermittedURIDomains\":[\"g\"],\"ExcludedURIDomains\":[\"h\"]}",
			 NID_name_constraints,
			 "critical Permitted:\n  DNS:.a.example\n  DNS:b.example\n  IP:10.0.0.0/255.0.0.0\n"
			 "  email:d@e\n  URI:g"
			 "\nExcluded:\n  DNS:c\n  IP:FE80:0:0:0:0:0:0:0/FFFF:FFFF:FFFF:FFFF:0:0:0:0\n"
			 "  email:f\n  URI:h");
	assert_extension("{\"ExcludedDNSDomains\":[\"\"]}", NID_name_constraints,
			 "Excluded:\n  DNS:");
	assert_extension("{\"PermittedDNSDomains\":[]}", NID_name_constraints, "none");
}

static void signatures_are_as_asked_for(void **state)
{
	(void)state;
	static const int nids[] = { NID_ecdsa_with_SHA256, NID_ecdsa_with_SHA384, NID_ecdsa_with_SHA512 };
	for (int i = 0; i < 3; i++) {
		CLEANUP(X509_free) X509 *certificate = NULL;
		char json[64];
		snprintf(json, sizeof json, "{\"SignatureAlgorithm\":%d}", 10 + i);
		make(json, &certificate);
		assert_int_equal(X509_get_signature_nid(certificate), nids[i]);
		assert_int_equal(X509_verify(certificate, ca.intermediate_key), 1);
	}
}

static void nonsense_is_refused_by_its_name(void **state)
{
	(void)state;
	static const struct {
		const char *json, *message;
	} cases[] = {
		{ "[]", "Cert: object expected, array found" },
		{ "\"MIIB\"", "Cert: object expected, string found" },
		{ "{\"DNSName\":[\"a\"]}", "Cert: unknown field \"DNSName\"" },
		{ "{\"DNSNames\":[\"a\"],\"dnsnames\":[\"b\"]}", "Cert: DNSNames: given twice" },
		{ "{\"DNSNames\":\"a\"}", "Cert: DNSNames: array expected, string found" },
		{ "{\"DNSNames\":[\"a\",1]}",
		  "Cert: DNSNames: entry 2: string expected, integer found" },
		{ "{\"DNSNames\":[\"\"]}", "Cert: DNSNames: entry 1: an empty DNS name" },
		{ "{\"DNSNames\":[\"a b\"]}",
		  "Cert: DNSNames: entry 1: a DNS name with character 0x20" },
		{ "{\"DNSNames\":[\"b\\u00fc\"]}",
		  "Cert: DNSNames: entry 1: a DNS name with character 0xc3" },
		{ "{\"DNSNames\":[\"a\\u0000b\"]}", "Cert: DNSNames: entry 1: text with a NUL" },
		{ "{\"IPAddresses\":[\"localhost\"]}",
		  "Cert: IPAddresses: entry 1: \"localhost\": an IP" },
		{ "{\"IPAddresses\":[\"10.0.0.0/8\"]}",
		  "Cert: IPAddresses: entry 1: \"10.0.0.0/8\": an IP" },
		{ "{\"EmailAddresses\":[\"\"]}", "Cert: EmailAddresses: entry 1: empty" },
		{ "{\"EmailAddresses\":[\"a@b\\u00fc\"]}",
		  "Cert: EmailAddresses: entry 1: character 0xc3" },
		{ "{\"URIs\":[{\"Scheme\":\"spiffe\"}]}",
		  "Cert: URIs: names of kind URI are not supported" },
		{ "{\"KeyUsage\":512}", "Cert: KeyUsage: 512: an integer from 0 to 511" },
		{ "{\"KeyUsage\":-1}", "Cert: KeyUsage: -1: an integer from 0" },
		{ "{\"KeyUsage\":\"1\"}", "Cert: KeyUsage: integer expected, string found" },
		{ "{\"KeyUsage\":1.0}", "Cert: KeyUsage: integer expected, number found" },
		{ "{\"ExtKeyUsage\":[14]}",
		  "Cert: ExtKeyUsage: entry 1: 14: an integer from 0 to 13" },
		{ "{\"ExtKeyUsage\":1}", "Cert: ExtKeyUsage: array expected, integer found" },
		{ "{\"UnknownExtKeyUsage\":[\"1.2\"]}",
		  "Cert: UnknownExtKeyUsage: entry 1: object identifier" },
		{ "{\"UnknownExtKeyUsage\":[[1]]}", "entry 1: object identifier of 1 integers" },
		{ "{\"UnknownExtKeyUsage\":[[3,1]]}", "entry 1: 3.1 is no object identifier" },
		{ "{\"UnknownExtKeyUsage\":[[1,40]]}", "entry 1: 1.40 is no object identifier" },
		{ "{\"UnknownExtKeyUsage\":[[1,2,-3]]}",
		  "entry 1: integer 3: -3: an integer from 0" },
		{ "{\"UnknownExtKeyUsage\":[[1,2,2147483648]]}", "entry 1: integer 3: 2147483648" },
		{ "{\"IsCA\":1}", "Cert: IsCA: boolean expected, integer found" },
		{ "{\"MaxPathLen\":1}", "Cert: MaxPathLen: only with IsCA" },
		{ "{\"MaxPathLenZero\":true}", "Cert: MaxPathLen: only with IsCA" },
		{ "{\"IsCA\":true,\"MaxPathLen\":-2}", "Cert: MaxPathLen: -2: an integer from -1" },
		{ "{\"SubjectKeyId\":\"?\"}",
		  "Cert: SubjectKeyId: value: no base64 at position 0" },
		{ "{\"SubjectKeyId\":[1,2]}", "Cert: SubjectKeyId: string expected, array found" },
		{ "{\"OCSPServer\":\"http://o\"}",
		  "Cert: OCSPServer: array expected, string found" },
		{ "{\"OCSPServer\":[\"\"]}", "Cert: OCSPServer: entry 1: empty" },
		{ "{\"IssuingCertificateURL\":[null]}",
		  "Cert: IssuingCertificateURL: entry 1: string expected, null found" },
		{ "{\"CRLDistributionPoints\":[\"a b\"]}",
		  "Cert: CRLDistributionPoints: entry 1: character 0x20" },
		{ "{\"PolicyIdentifiers\":[[1,2],[1,2]]}",
		  "Cert: PolicyIdentifiers: entry 2: the same policy" },
		{ "{\"PermittedDNSDomains\":[1]}",
		  "Cert: PermittedDNSDomains: entry 1: string expected" },
		{ "{\"PermittedDNSDomainsCritical\":\"yes\"}",
		  "Cert: PermittedDNSDomainsCritical: boolean" },
		{ "{\"PermittedIPRanges\":[\"10.0.0.0/8\"]}",
		  "Cert: PermittedIPRanges: entry 1: object expected, string found" },
		{ "{\"ExcludedIPRanges\":[{\"IP\":\"10.0.0.0\"}]}",
		  "Cert: ExcludedIPRanges: entry 1: IP and Mask expected" },
		{ "{\"ExcludedIPRanges\":[{\"Mask\":\"/wAAAA==\"}]}",
		  "Cert: ExcludedIPRanges: entry 1: IP and Mask expected" },
		{ "{\"ExcludedIPRanges\":[{\"IP\":\"::1\",\"Mask\":\"/wAAAA==\"}]}",
		  "entry 1: Mask: base64 of 16 bytes, ones before zeros" },
		{ "{\"ExcludedIPRanges\":[{\"IP\":\"10.0.0.0\",\"Mask\":\"/wD/AA==\"}]}",
		  "entry 1: Mask: base64 of 4 bytes, ones before zeros" },
		{ "{\"ExcludedIPRanges\":[{\"IP\":\"10.0.0.0\",\"Mask\":\"/wAAAA==\",\"Zone\":\"\"}]}",
		  "entry 1: unknown field \"Zone\"" },
		{ "{\"SignatureAlgorithm\":4}", "Cert: SignatureAlgorithm: 4: 0, or 10, 11, 12" },
		{ "{\"SignatureAlgorithm\":\"ECDSAWithSHA256\"}",
		  "Cert: SignatureAlgorithm: integer expected" },
		{ "{\"NotAfter\":1}", "Cert: NotAfter: string expected, integer found" },
		{ "{\"NotAfter\":\"2030-01-01\"}", "Cert: NotAfter: \"2030-01-01\": a time like" },
		{ "{\"NotAfter\":\"2030-01-01T00:00:00\"}", "Cert: NotAfter: " },
		{ "{\"NotAfter\":\"2030-01-01t00:00:00z\"}", "Cert: NotAfter: " },
		{ "{\"NotAfter\":\"2030-02-29T00:00:00Z\"}", "Cert: NotAfter: " },
		{ "{\"NotAfter\":\"2030-13-01T00:00:00Z\"}", "Cert: NotAfter: " },
		{ "{\"NotAfter\":\"2030-01-01T24:00:00Z\"}", "Cert: NotAfter: " },
		{ "{\"NotAfter\":\"2030-01-01T00:00:60Z\"}", "Cert: NotAfter: " },
		{ "{\"NotAfter\":\"2030-01-01T00:00:00.Z\"}", "Cert: NotAfter: " },
		{ "{\"NotAfter\":\"2030-01-01T00:00:00+1:00\"}", "Cert: NotAfter: " },
		{ "{\"NotAfter\":\"2030-01-01T00:00:00Zulu\"}", "Cert: NotAfter: " },
		{ "{\"NotAfter\":\"-030-01-01T00:00:00Z\"}", "Cert: NotAfter: " },
		{ "{\"NotAfter\":\"1969-12-31T23:59:59Z\"}", "in the years 1970 to 9999" },
		{ "{\"NotAfter\":\"9999-12-31T23:59:59-00:01\"}", "in the years 1970 to 9999" },
		{ "{\"Subject\":[]}", "Cert: Subject: object expected, array found" },
		{ "{\"Subject\":{\"CommonNames\":[\"a\"]}}",
		  "Cert: Subject: unknown field \"CommonNames\"" },
		{ "{\"Subject\":{\"CommonName\":[\"a\"]}}",
		  "Cert: Subject: CommonName: string expected" },
		{ "{\"Subject\":{\"Organization\":\"a\"}}",
		  "Cert: Subject: Organization: array expected" },
		{ "{\"Subject\":{\"Organization\":[\"\"]}}",
		  "Cert: Subject: Organization: entry 1: empty" },
		{ "{\"Subject\":{\"Country\":[\"Germany\"]}}",
		  "Cert: Subject: Country: entry 1: \"Germany\" can't be its value: string too long" },
		{ "{\"Subject\":{\"CommonName\":\"0123456789012345678901234567890123456789012345678901234567"
		  "8901234\"}}", "string too long" },
		{ "{\"Subject\":{\"ExtraNames\":[{\"Type\":[2,5,4,3]}]}}",
		  "Cert: Subject: ExtraNames: entry 1: Type and Value expected" },
		{ "{\"Subject\":{\"ExtraNames\":[{\"Type\":\"CN\",\"Value\":\"x\"}]}}",
		  "Cert: Subject: ExtraNames: entry 1: Type: object identifier (array of integers) "
		  "expected" },
		{ "{\"Subject\":{\"ExtraNames\":[{\"Type\":[2,5,4,3],\"Value\":7}]}}",
		  "Cert: Subject: ExtraNames: entry 1: Value: string expected, integer found" },
		{ "{\"ExtraExtensions\":[{\"Id\":[1,2,3],\"Value\":\"AA==\"}]}",
		  "Cert: ExtraExtensions: not supported" },
		{ "{\"InhibitAnyPolicy\":1}", "Cert: InhibitAnyPolicy: not supported" },
		{ "{\"RequireExplicitPolicyZero\":true}",
		  "Cert: RequireExplicitPolicyZero: not supported" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_JSON json_t *json = NULL;
		struct secret_definition d = { .name = "test", .type = SECRET_CERT_ECDSA, .size = 256 };
		assert_null(json_parse(bytes_of_string(cases[i].json), "test", &json));
		d.cert = json;
		CLEANUP(error_free) error *e = secret_definition_check(&d);
		if (!e || !strstr(error_message(e), cases[i].message))
			fail_msg("%s: %s, \"%s\" expected", cases[i].json,
				 e ? error_message(e) : "accepted", cases[i].message);
		assert_true(error_code(e) == ERROR_INVALID || error_code(e) == ERROR_UNSUPPORTED);
		assert_int_equal(ERR_peek_error(), 0);
	}
}

static void long_lists_and_texts_are_refused(void **state)
{
	(void)state;
	char text[1100];
	memset(text, 'x', sizeof text);
	CLEANUP_JSON json_t *many = json_array();
	for (int i = 0; i < 101; i++)
		json_array_append_new(many, json_string("http://o/"));
	CLEANUP_JSON json_t *list = json_pack("{s:O}", "OCSPServer", many);
	CLEANUP_JSON json_t *item = json_pack("{s:[s%]}", "OCSPServer", text, (int)sizeof text);
	struct secret_definition d = { .name = "test", .type = SECRET_CERT_ECDSA, .size = 256 };
	d.cert = list;
	CLEANUP(error_free) error *too_many = secret_definition_check(&d);
	assert_non_null(too_many);
	assert_non_null(strstr(error_message(too_many), "Cert: OCSPServer: 101 entries: at most 100"));
	d.cert = item;
	CLEANUP(error_free) error *too_long = secret_definition_check(&d);
	assert_non_null(too_long);
	assert_non_null(strstr(error_message(too_long), "entry 1: text of 1100 bytes: at most 1024"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_fields_the_defaults_hold),
		cmocka_unit_test(subjects_are_as_asked_for),
		cmocka_unit_test(the_common_name_defaults_to_the_only_dns_name),
		cmocka_unit_test(names_are_as_asked_for),
		cmocka_unit_test(usages_are_as_asked_for),
		cmocka_unit_test(authorities_are_as_asked_for),
		cmocka_unit_test(places_and_policies_are_as_asked_for),
		cmocka_unit_test(constraints_are_as_asked_for),
		cmocka_unit_test(signatures_are_as_asked_for),
		cmocka_unit_test(nonsense_is_refused_by_its_name),
		cmocka_unit_test(long_lists_and_texts_are_refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
