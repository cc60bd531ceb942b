#include "testing.h"

#include "made_marble.h"

#include "base/clock.h"
#include "codec/pem.h"
#include "pki/san.h"

void made_mesh(struct ca *ret)
{
	must(ca_create(&(struct san_list){ 0 }, KEY_P256, clock_now() - 60, ret));
}

X509 *made_certificate(const struct ca *ca, EVP_PKEY *key, const char *uuid, const char *type, const char *names)
{
	CLEANUP(san_free) struct san_list list = { 0 };
	CLEANUP(blob_free) struct blob der = { 0 };
	X509 *made;
	must(san_add_list(&list, names));
	must(ca_issue_marble(ca, key, uuid, type, &list, clock_now() - 30, &der));
	must(certificate_of_der(blob_view(&der), &made));
	return made;
}

static void give(struct marblerun_parameters *to, const char *name, struct writer *value)
{
	size_t size = value->size;
	char *text = writer_take_string(value);
	assert_non_null(text);
	to->environment[to->environment_count++] =
		(struct marblerun_named_value){ strdup(name), (uint8_t *)text, size };
}

static void give_certificates(struct marblerun_parameters *to, const char *name, X509 *first, X509 *second)
{
	struct writer w = { 0 };
	must(certificate_write_pem(&w, first));
	if (second)
		must(certificate_write_pem(&w, second));
	give(to, name, &w);
}

struct marblerun_parameters *made_parameters(const struct ca *ca, const char *uuid, const char *type,
					     const char *names)
{
	EVP_PKEY *key;
	CLEANUP(secret_free) struct secret der = { 0 };
	struct writer w = { 0 };
	struct marblerun_parameters *made = calloc(1, sizeof *made);
	made->environment = calloc(8, sizeof *made->environment);
	made->files = calloc(2, sizeof *made->files);
	must(key_generate(KEY_P256, 0, &key));
	must(key_private_der(key, &der));
	write_pem(&w, "PRIVATE KEY", secret_view(&der));
	X509 *certificate = made_certificate(ca, key, uuid, type, names);
	give_certificates(made, "MARBLE_PREDEFINED_ROOT_CA", ca->marble_root, NULL);
	give_certificates(made, "MARBLE_PREDEFINED_MARBLE_CERTIFICATE_CHAIN", certificate, ca->intermediate);
	give(made, "MARBLE_PREDEFINED_PRIVATE_KEY", &w);
	give_certificates(made, "MARBLE_PREDEFINED_COORDINATOR_ROOT_CA", ca->root, NULL);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return made;
}

marblerun_marble *made_marble(const struct ca *ca, const char *type, const char *names)
{
	char reason[MARBLERUN_REASON_SIZE];
	marblerun_marble *made;
	if (marblerun_marble_of_parameters(made_parameters(ca, MADE_UUID, type, names), &made, reason) != 0)
		fail_msg("%s", reason);
	return made;
}

struct marblerun_named_value *made_value(struct marblerun_parameters *parameters, const char *name)
{
	for (size_t i = 0; i < parameters->environment_count; i++)
		if (strcmp(parameters->environment[i].name, name) == 0)
			return &parameters->environment[i];
	fail_msg("no %s", name);
	return NULL;
}

void made_replace(struct marblerun_parameters *parameters, const char *name, const char *value)
{
	struct marblerun_named_value *v = made_value(parameters, name);
	uint8_t *copy = (uint8_t *)strdup(value);
	free(v->data);
	v->data = copy;
	v->size = strlen(value);
}
