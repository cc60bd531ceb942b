#include <arpa/inet.h>

#include "pki/certificate.h"
#include "pki/san.h"

static bool same(const struct san *a, const struct san *b)
{
	if (a->is_ip != b->is_ip)
		return false;
	return a->is_ip ? bytes_equal(bytes_of(a->ip, a->ip_size), bytes_of(b->ip, b->ip_size))
			: strcmp(a->name, b->name) == 0;
}

/* Takes the name of `item`. */
static error *append(struct san_list *list, struct san item)
{
	CLEANUP_FREE char *name = item.name;
	for (size_t i = 0; i < list->count; i++)
		if (same(&list->items[i], &item))
			return NULL;
	if (list->count >= SAN_MAX)
		return error_new(ERROR_TOO_LARGE, "more than %d names for a certificate", SAN_MAX);
	struct san *items = realloc(list->items, (list->count + 1) * sizeof *items);
	TRY_ALLOC(items);
	list->items = items;
	item.name = TAKE(name);
	items[list->count++] = item;
	return NULL;
}

error *san_add_ip(struct san_list *list, bytes address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	if (address.size == 16 && memcmp(address.data, mapped, sizeof mapped) == 0)
		address = bytes_slice(address, sizeof mapped, 4);
	if (address.size != 4 && address.size != 16)
		return error_new(ERROR_INVALID, "an IP address of %zu bytes: 4 or 16 expected",
				 address.size);
	struct san item = { .is_ip = true, .ip_size = address.size };
	memcpy(item.ip, address.data, address.size);
	return append(list, item);
}

/* A dNSName is an IA5String (RFC 5280 section 4.2.1.6), so that names in other scripts come in
 * their xn-- form. */
static error *check_name(bytes name)
{
	if (!name.size)
		return error_new(ERROR_INVALID, "an empty DNS name");
	if (name.size > SAN_NAME_MAX)
		return error_new(ERROR_TOO_LARGE, "a DNS name of %zu characters: at most %d expected",
				 name.size, SAN_NAME_MAX);
	for (size_t i = 0; i < name.size; i++)
		if (name.data[i] <= ' ' || name.data[i] >= 0x7f)
			return error_new(ERROR_INVALID, "a DNS name with character 0x%02x at position "
					 "%zu: printable ASCII without blanks expected",
					 name.data[i], i);
	return NULL;
}

error *san_add_dns(struct san_list *list, bytes name)
{
	TRY(check_name(name));
	struct san item = { .name = strndup((const char *)name.data, name.size) };
	TRY_ALLOC(item.name);
	return append(list, item);
}

/* What people write: a URL or a port that slips in would make a certificate that nobody can use. */
static error *check_host_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._*";
	if (name[strspn(name, allowed)] || name[0] == '.' || strstr(name, ".."))
		return error_new(ERROR_INVALID, "\"%s\" is neither a DNS name nor an IP address", name);
	return NULL;
}

error *san_add(struct san_list *list, bytes text)
{
	char copy[SAN_NAME_MAX + 1];
	uint8_t address[16];
	TRY(check_name(text));
	memcpy(copy, text.data, text.size);
	copy[text.size] = 0;
	if (inet_pton(AF_INET, copy, address) == 1)
		return san_add_ip(list, bytes_of(address, 4));
	if (inet_pton(AF_INET6, copy, address) == 1)
		return san_add_ip(list, bytes_of(address, 16));
	TRY(check_host_name(copy));
	return san_add_dns(list, text);
}

bytes san_trim(bytes text)
{
	while (text.size && (text.data[0] == ' ' || text.data[0] == '\t'))
		text = bytes_slice(text, 1, SIZE_MAX);
	while (text.size && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
		text.size--;
	return text;
}

error *san_add_list(struct san_list *list, const char *text)
{
	bytes rest = bytes_of_string(text);
	while (rest.size) {
		const uint8_t *comma = memchr(rest.data, ',', rest.size);
		size_t length = comma ? (size_t)(comma - rest.data) : rest.size;
		bytes name = san_trim(bytes_slice(rest, 0, length));
		if (name.size)
			TRY(san_add(list, name));
		rest = bytes_slice(rest, length + 1, SIZE_MAX);
	}
	return NULL;
}

void san_free(struct san_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].name);
	free(list->items);
	*list = (struct san_list){ 0 };
}
