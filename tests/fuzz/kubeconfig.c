/* Kubeconfigs, and what login plugins print; what is read as YAML must come back when it is written. */
#include <stdlib.h>

#include "kubernetes/exec.h"
#include "kubernetes/yaml_text.h"

/* Names of files are not followed: whatever stands there, only inline data are read. */
static bool names_files(bytes text)
{
	static const char *const fields[] = { "certificate-authority", "client-certificate", "client-key" };
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (text.size && memmem(text.data, text.size, fields[i], strlen(fields[i])))
			return true;
	return false;
}

static void try_kubeconfig(bytes text)
{
	CLEANUP(kubeconfig_free) struct kubeconfig k = { 0 };
	CLEANUP(kube_config_free) struct kube_config c = { 0 };
	error_free(kubeconfig_add(&k, text, NULL));
	if (k.count && !names_files(text))
		error_free(kubeconfig_choose(&k, NULL, &c));
}

static void try_yaml(bytes text)
{
	CLEANUP_JSON json_t *value = NULL;
	CLEANUP_JSON json_t *back = NULL;
	CLEANUP(writer_free) struct writer w = { 0 };
	error *e = yaml_parse(text, "text", &value);
	if (e) {
		error_free(e);
		return;
	}
	e = yaml_write(&w, value);
	e = e ? e : yaml_parse(writer_view(&w), "text", &back);
	if (e || !json_equal(value, back))
		abort();
}

static void try_credential(bytes text)
{
	CLEANUP(kube_credential_free) struct kube_credential c = { 0 };
	error_free(kube_credential_parse(text, "client.authentication.k8s.io/v1", "plugin", &c));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bytes rest = bytes_slice(bytes_of(data, size), 1, SIZE_MAX);
	switch (size ? data[0] : 0) {
	case 'k':
		try_kubeconfig(rest);
		break;
	case 'y':
		try_yaml(rest);
		break;
	case 'e':
		try_credential(rest);
		break;
	default:
		break;
	}
	return 0;
}
