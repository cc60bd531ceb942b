#include "cli/token_config.h"

#include <strings.h>

#include "base/file.h"
#include "codec/json.h"

enum { CONFIG_SIZE_MAX = 64 << 10, PIN_SIZE_MAX = 255, USER_TYPE_USER = 1 };

void token_config_free(struct token_config *config)
{
	free(config->module);
	free(config->label);
	free(config->serial);
	secret_free(&config->pin);
	*config = (struct token_config){ 0 };
}

/* A misspelt name would silently choose another token. The names of the last line tune sessions and
 * AES of other programs. */
static error *check_names(json_t *object, const char *what)
{
	static const char *const known[] = {
		"Path", "TokenLabel", "TokenSerial", "SlotNumber", "Pin", "PinFile", "LoginNotSupported",
		"UserType",
		"MaxSessions", "PoolWaitTimeout", "UseGCMIVFromHSM", "GCMIVLength", "GCMIVFromHSMControl",
	};
	const char *name;
	json_t *value;
	json_object_foreach(object, name, value) {
		size_t i = 0;
		while (i < ARRAY_SIZE(known) && strcasecmp(known[i], name) != 0)
			i++;
		if (i == ARRAY_SIZE(known))
			return error_new(ERROR_INVALID, "%s: \"%s\" is not known", what, name);
	}
	return NULL;
}

static error *wrong_type(const char *what, const char *name, const json_t *value, const char *expected)
{
	return error_new(ERROR_INVALID, "%s: \"%s\" is %s: %s is expected", what, name,
			 json_type_name(value), expected);
}

/* NULL when it is absent or empty. */
static error *take_text(json_t *object, const char *name, const char *what, char **ret)
{
	json_t *value = json_member(object, name);
	if (!value || json_is_null(value))
		return NULL;
	if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
		return wrong_type(what, name, value, "a string");
	if (!json_string_length(value))
		return NULL;
	*ret = strdup(json_string_value(value));
	TRY_ALLOC(*ret);
	return NULL;
}

static error *take_slot(json_t *object, const char *what, struct token_config *c)
{
	json_t *value = json_member(object, "SlotNumber");
	if (!value || json_is_null(value))
		return NULL;
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return wrong_type(what, "SlotNumber", value, "an integer from 0");
	c->has_slot = true;
	c->slot = (unsigned long)json_integer_value(value);
	return NULL;
}

static error *take_login(json_t *object, const char *what, struct token_config *c)
{
	json_t *no_login = json_member(object, "LoginNotSupported"), *user = json_member(object, "UserType");
	if (no_login && !json_is_boolean(no_login))
		return wrong_type(what, "LoginNotSupported", no_login, "a boolean");
	c->no_login = json_is_true(no_login);
	if (!user || (json_is_integer(user) && (json_integer_value(user) == USER_TYPE_USER ||
						json_integer_value(user) == 0)))
		return NULL;
	return error_new(ERROR_UNSUPPORTED, "%s: \"UserType\" must be 1, the token's normal user", what);
}

/* The first line, without its end. */
static error *pin_of_file(const char *path, struct token_config *c)
{
	CLEANUP(secret_free) struct secret text = { 0 };
	TRY_CTX(file_read_secret(path, PIN_SIZE_MAX + 2, &text), "PinFile");
	size_t size = 0;
	while (size < text.size && text.data[size] != '\n' && text.data[size] != '\r')
		size++;
	TRY(secret_copy(bytes_of(text.data, size), &c->pin));
	c->has_pin = true;
	return NULL;
}

static error *take_pin(json_t *object, const char *what, struct token_config *c)
{
	json_t *value = json_member(object, "Pin");
	CLEANUP_FREE char *path = NULL;
	TRY(take_text(object, "PinFile", what, &path));
	bool given = value && !json_is_null(value);
	if (given && !json_is_string(value))
		return wrong_type(what, "Pin", value, "a string");
	given = given && json_string_length(value);
	if (given && path)
		return error_new(ERROR_INVALID, "%s: both \"Pin\" and \"PinFile\" are given", what);
	if (path)
		return pin_of_file(path, c);
	if (given)
		TRY(secret_copy(json_bytes(value), &c->pin));
	c->has_pin = given;
	return NULL;
}

static error *check_whole(const struct token_config *c, const char *what)
{
	if (!c->module)
		return error_new(ERROR_INVALID, "%s: \"Path\" is missing: the path of the PKCS#11 module",
				 what);
	/* A bare name would be looked for in the environment's folders. */
	if (c->module[0] != '/')
		return error_new(ERROR_INVALID, "%s: \"Path\" is \"%s\": an absolute path is expected", what,
				 c->module);
	if ((c->label != NULL) + (c->serial != NULL) + c->has_slot != 1)
		return error_new(ERROR_INVALID, "%s: exactly one of \"TokenLabel\", \"TokenSerial\" and "
				 "\"SlotNumber\" is expected", what);
	if (c->pin.size > PIN_SIZE_MAX || (c->pin.size && memchr(c->pin.data, 0, c->pin.size)))
		return error_new(ERROR_INVALID, "%s: the PIN is longer than %d characters or holds a NUL",
				 what, PIN_SIZE_MAX);
	return NULL;
}

error *token_config_parse(bytes text, const char *what, struct token_config *ret)
{
	CLEANUP(token_config_free) struct token_config c = { 0 };
	CLEANUP_JSON json_t *object = NULL;
	TRY(json_parse(text, what, &object));
	if (!json_is_object(object))
		return error_new(ERROR_INVALID, "%s: an object is expected, not %s", what,
				 json_type_name(object));
	TRY(check_names(object, what));
	TRY(take_text(object, "Path", what, &c.module));
	TRY(take_text(object, "TokenLabel", what, &c.label));
	TRY(take_text(object, "TokenSerial", what, &c.serial));
	TRY(take_slot(object, what, &c));
	TRY(take_login(object, what, &c));
	TRY(take_pin(object, what, &c));
	TRY(check_whole(&c, what));
	*ret = c;
	c = (struct token_config){ 0 };
	return NULL;
}

error *token_config_load(const char *path, struct token_config *ret)
{
	CLEANUP(secret_free) struct secret text = { 0 };
	TRY_CTX(file_read_secret(path, CONFIG_SIZE_MAX, &text), "--pkcs11-config");
	return token_config_parse(secret_view(&text), path, ret);
}
