/* MARBLE_TTLS_CONFIG: which connections of a marble are to be TLS, and with what (public contract,
 * "Transparent TLS configuration"). */
#include "codec/json.h"
#include "codec/pem.h"
#include "coordinator/plan.h"

/* What an entry is served with. */
struct credentials {
	const char *chain, *key; /* PEM */
};

static void write_member(struct writer *w, const char *name, const char *text, const char *behind)
{
	write_format(w, "\"%s\":", name);
	write_json_string(w, bytes_of_string(text));
	write_string(w, behind);
}

static void write_credentials(struct writer *w, const struct mesh *mesh, struct credentials c)
{
	write_member(w, "cacrt", mesh->marble_root_pem, ",");
	write_member(w, "clicrt", c.chain, ",");
	write_member(w, "clikey", c.key, "");
}

/* The named secret's certificate and key instead of the marble's own. */
static error *write_custom(struct writer *w, const struct mesh *mesh, const char *secret_name,
			   struct scope *scope)
{
	const struct secret_value *v;
	size_t index;
	CLEANUP(writer_free) struct writer chain = { 0 }, key = { .secret = true };
	if (!secret_set_find(scope->current.set, bytes_of_string(secret_name), &index))
		return error_new(ERROR_INVALID, "secret \"%s\" is not defined", secret_name);
	TRY(scope_secret(scope, &scope->current, index, &v));
	if (!v->certificate.size || !v->private_part.size)
		return error_new(ERROR_WRONG_STATE, "secret \"%s\" has no certificate and key yet",
				 secret_name);
	write_pem(&chain, "CERTIFICATE", blob_view(&v->certificate));
	write_pem(&key, "PRIVATE KEY", secret_view(&v->private_part));
	write_u8(&chain, 0);
	write_u8(&key, 0);
	TRY(writer_check(&chain, secret_name));
	TRY(writer_check(&key, secret_name));
	write_credentials(w, mesh, (struct credentials){ (char *)chain.data, (char *)key.data });
	return NULL;
}

/* A later tag with the same address rules, as in a Go map: so only the last of each is written. */
static bool repeated_later(const struct mesh *mesh, const struct marble *marble, bool outgoing,
			   size_t tag_index, size_t entry_index, const struct tls_entry *entry)
{
	for (size_t t = tag_index; t < marble->tls.count; t++) {
		const struct tls_tag *tag = manifest_tls(mesh->manifest, marble->tls.items[t]);
		const struct tls_entry *entries = outgoing ? tag->outgoing : tag->incoming;
		size_t count = outgoing ? tag->outgoing_count : tag->incoming_count;
		for (size_t i = t == tag_index ? entry_index + 1 : 0; i < count; i++)
			if (strcmp(entries[i].port, entry->port) == 0 &&
			    (!outgoing || strcmp(entries[i].address, entry->address) == 0))
				return true;
	}
	return false;
}

static void write_list(struct writer *w, const char *name, const struct string_list *list)
{
	if (!list->items)
		return; /* the configuration stays what it is without */
	write_format(w, ",\"%s\":[", name);
	for (size_t i = 0; i < list->count; i++) {
		write_string(w, i ? "," : "");
		write_json_string(w, bytes_of_string(list->items[i]));
	}
	write_string(w, "]");
}

static error *write_entry(struct writer *w, const struct mesh *mesh, bool outgoing,
			  const struct tls_entry *entry, struct scope *scope, struct credentials own)
{
	CLEANUP(writer_free) struct writer name = { 0 };
	write_format(&name, "%s:%s", outgoing ? entry->address : "*", entry->port);
	write_json_string(w, writer_view(&name));
	write_string(w, ":{");
	if (outgoing || !entry->cert)
		write_credentials(w, mesh, own);
	else
		TRY(write_custom(w, mesh, entry->cert, scope));
	if (!outgoing)
		write_format(w, ",\"clientAuth\":%s", entry->disable_client_auth ? "false" : "true");
	write_list(w, outgoing ? "expectedMarbles" : "allowedMarbles",
		   outgoing ? &entry->expected_marbles : &entry->allowed_marbles);
	write_string(w, "}");
	return writer_check(w, "TLS configuration");
}

static error *write_direction(struct writer *w, const struct mesh *mesh, const struct marble *marble,
			      bool outgoing, struct scope *scope, struct credentials own)
{
	const char *separator = "";
	write_string(w, outgoing ? "\"Outgoing\":{" : "\"Incoming\":{");
	for (size_t t = 0; t < marble->tls.count; t++) {
		const struct tls_tag *tag = manifest_tls(mesh->manifest, marble->tls.items[t]);
		const struct tls_entry *entries = outgoing ? tag->outgoing : tag->incoming;
		size_t count = outgoing ? tag->outgoing_count : tag->incoming_count;
		for (size_t i = 0; i < count; i++) {
			if (repeated_later(mesh, marble, outgoing, t, i, &entries[i]))
				continue;
			write_string(w, separator);
			TRY(write_entry(w, mesh, outgoing, &entries[i], scope, own));
			separator = ",";
		}
	}
	write_string(w, "}");
	return NULL;
}

error *tls_config_write(const struct mesh *mesh, const struct marble *marble, struct scope *scope,
			const char *marble_chain_pem, const char *marble_key_pem, struct writer *ret)
{
	struct credentials own = { marble_chain_pem, marble_key_pem };
	write_string(ret, "{\"tls\":{");
	TRY(write_direction(ret, mesh, marble, true, scope, own));
	write_string(ret, ",");
	TRY(write_direction(ret, mesh, marble, false, scope, own));
	if (marble->deny_unlisted)
		write_string(ret, ",\"denyUnlisted\":true");
	write_list(ret, "resolvableNames", &marble->resolvable_names);
	write_string(ret, "}}");
	return writer_check(ret, "TLS configuration");
}
