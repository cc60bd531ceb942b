#include "injector/configuration.h"

#include <ctype.h>
#include <stdlib.h>

#include "net/address.h"

enum { SHUTDOWN_DELAY_MAX_S = 600, NAME_MAX_SIZE = 253 };

struct flag {
	const char *name, *value;
	const char **to; /* NULL: takes no value */
	bool *is_given;
};

static bool is_name_character(char c)
{
	return isalnum((unsigned char)c) || strchr("-_.", c);
}

/* Kubernetes, "Resource Management": a fully qualified name, DOMAIN/NAME. */
static error *check_resource(const char *text)
{
	const char *slash = strchr(text, '/');
	bool good = slash && slash != text && slash[1] && strlen(text) <= NAME_MAX_SIZE;
	for (const char *c = text; *c; c++)
		good = good && (c == slash || is_name_character(*c));
	if (good || !*text)
		return NULL;
	return error_new(ERROR_INVALID, "-sgxResource: the name of an extended resource (" SGX_INTEL "), or nothing, "
			 "is expected");
}

static error *check_domain(const char *text)
{
	bool good = *text && *text != '.' && strlen(text) <= NAME_MAX_SIZE;
	for (const char *c = text; *c; c++)
		good = good && is_name_character(*c);
	return good ? NULL : error_new(ERROR_INVALID, "-clusterDomain: a domain name is expected");
}

static error *check_coordinator(const char *text)
{
	char host[256], port[8];
	TRY_CTX(address_split(text, host, port), "-coordAddr");
	return *host ? NULL : error_new(ERROR_INVALID, "-coordAddr: host:port is expected");
}

static error *read_delay(const char *text, unsigned *ret)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || value > SHUTDOWN_DELAY_MAX_S)
		return error_new(ERROR_INVALID, "-shutdownDelay: seconds, at most %d, are expected",
				 SHUTDOWN_DELAY_MAX_S);
	*ret = (unsigned)value;
	return NULL;
}

static error *find_flag(struct flag *flags, size_t count, const char *name, size_t size, struct flag **ret)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(flags[i].name) == size && strncmp(flags[i].name, name, size) == 0) {
			*ret = &flags[i];
			return NULL;
		}
	}
	return error_new(ERROR_INVALID, "\"-%.*s\" is no option; see -help", (int)size, name);
}

/* `*index` is at the flag, and afterwards at the last argument that belongs to it. */
static error *read_flag(struct flag *flags, size_t flag_count, int count, char *const *arguments, int *index)
{
	struct flag *flag = NULL;
	const char *text = arguments[*index];
	size_t dashes = strspn(text, "-");
	if (dashes < 1 || dashes > 2)
		return error_new(ERROR_INVALID, "\"%s\" is no option; see -help", text);
	text += dashes;
	size_t size = strcspn(text, "=");
	TRY(find_flag(flags, flag_count, text, size, &flag));
	if (!flag->to) {
		if (text[size])
			return error_new(ERROR_INVALID, "-%s takes no value", flag->name);
		*flag->is_given = true;
		return NULL;
	}
	if (!text[size] && ++*index >= count)
		return error_new(ERROR_INVALID, "-%s needs a value", flag->name);
	*flag->to = text[size] ? text + size + 1 : arguments[*index];
	return NULL;
}

static error *read_flags(int count, char *const *arguments, struct configuration *c)
{
	const char *delay = "0";
	struct flag flags[] = {
		{ "addr", ":8443", &c->address, NULL },
		{ "metricsAddr", "", &c->metrics_address, NULL },
		{ "tlsCertFile", "/etc/webhook/certs/tls.crt", &c->certificate_file, NULL },
		{ "tlsKeyFile", "/etc/webhook/certs/tls.key", &c->key_file, NULL },
		{ "coordAddr", "coordinator-mesh-api.marblerun:2001", &c->rules.coordinator, NULL },
		{ "clusterDomain", "cluster.local", &c->rules.cluster_domain, NULL },
		{ "sgxResource", SGX_INTEL, &c->rules.sgx_resource, NULL },
		{ "tsmRuntimeClasses", TSM_RUNTIME_CLASSES, &c->rules.tsm_classes, NULL },
		{ "shutdownDelay", delay, &delay, NULL },
		{ "help", NULL, NULL, &c->help },
		{ "h", NULL, NULL, &c->help },
		{ "version", NULL, NULL, &c->version },
	};
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].to)
			*flags[i].to = flags[i].value;
	for (int i = 1; i < count; i++)
		TRY(read_flag(flags, ARRAY_SIZE(flags), count, arguments, &i));
	return read_delay(delay, &c->shutdown_delay_s);
}

static const char *text(const char *name, const char *otherwise)
{
	const char *value = getenv(name);
	return value && *value ? value : otherwise;
}

static error *read_log(struct configuration *c)
{
	const char *debug = text("EDG_DEBUG_LOGGING", "0"), *format = text("EDG_LOG_FORMAT", "text");
	if (strcmp(debug, "0") != 0 && strcmp(debug, "1") != 0)
		return error_new(ERROR_INVALID, "EDG_DEBUG_LOGGING is \"%s\"; 1 or 0 is expected", debug);
	if (strcmp(format, "json") != 0 && strcmp(format, "text") != 0)
		return error_new(ERROR_INVALID, "EDG_LOG_FORMAT is \"%s\"; text or json is expected", format);
	c->log_format = strcmp(format, "json") == 0 ? LOG_JSON : LOG_TEXT;
	c->log_level = *debug == '1' ? LOG_DEBUG_LEVEL : LOG_INFO_LEVEL;
	return NULL;
}

error *configuration_read(int count, char *const *arguments, struct configuration *ret)
{
	struct configuration c = { 0 };
	TRY(read_flags(count, arguments, &c));
	TRY(check_coordinator(c.rules.coordinator));
	TRY(check_domain(c.rules.cluster_domain));
	TRY(check_resource(c.rules.sgx_resource));
	TRY(read_log(&c));
	*ret = c;
	return NULL;
}
