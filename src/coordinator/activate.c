/* A marble is admitted in seven steps. coordinator_activate is their list. */
#include <openssl/sha.h>

#include "base/reader.h"
#include "codec/pem.h"
#include "coordinator/coordinator_internal.h"
#include "coordinator/plan.h"
#include "coordinator/rollback.h"
#include "coordinator/uuid.h"
#include "manifest/policy.h"

/* What the steps hand on to each other. */
struct admission {
	struct coordinator *coordinator;
	const struct activation_request *request;
	int64_t now;
	struct mesh *mesh;
	const struct marble *marble;
	const struct marble_plan *plan;
	struct marblerun_verdict verdict;
	struct scope scope;
	char uuid[37];
	char *chain_pem;             /* leaf, then intermediate */
	struct secret key_pem;       /* with its NUL */
};

/* Which entry of the manifest the marble says it is. It must still prove it. */
static error *find_marble(struct admission *a, struct arena *arena)
{
	bytes type = a->request->marble_type;
	char *name = memchr(type.data ? (const char *)type.data : "", 0, type.size) ? NULL :
										arena_string(arena, type);
	a->marble = name ? manifest_marble(a->mesh->manifest, name) : NULL;
	if (!a->marble)
		return error_new(ERROR_DENIED, "unknown marble type requested: the manifest's Marbles has no such "
				 "entry");
	a->plan = &a->mesh->plans[a->marble - a->mesh->manifest->marbles];
	return uuid_parse(a->request->uuid, a->uuid);
}

/* Step 1: the evidence is genuine. Only what is verified is looked at further. */
static error *verify_evidence(struct admission *a)
{
	const struct endorsements *from = &a->coordinator->options.endorsements;
	const struct marblerun_collateral *collateral;
	void *hold;
	bytes evidence = a->request->evidence;
	if (!evidence.size)
		return error_new(ERROR_DENIED, "the request holds no evidence: the marble must run in a "
				 "TEE, or on the simulated platform of this coordinator");
	TRY_CTX(from->get(from->context, evidence, &collateral, &hold), "endorsements");
	int refused = marblerun_verify(a->coordinator->options.verifier, public_bytes(evidence),
				       collateral, a->now, &a->verdict);
	from->release(from->context, hold);
	if (refused)
		return error_new(ERROR_DENIED, "invalid evidence: %s: %s",
				 marblerun_step_name(a->verdict.step), a->verdict.reason);
	return NULL;
}

/* Step 2: the evidence speaks of this connection's key: its report data is SHA-256 of the client
 * certificate's DER, then zeros (public contract, "Marble API"). */
static error *check_binding(const struct admission *a)
{
	uint8_t expected[64] = { 0 };
	bytes certificate = a->request->client_certificate;
	SHA256(certificate.data, certificate.size, expected);
	if (memcmp(expected, a->verdict.claims.report_data, sizeof expected) != 0)
		return error_new(ERROR_DENIED, "the evidence is not over this connection's certificate");
	return NULL;
}

/* Step 3: the claims satisfy the package. */
static error *check_package(const struct admission *a)
{
	const struct package *package = manifest_package(a->mesh->manifest, a->marble->package);
	if (!package)
		return error_new(ERROR_DENIED, "undefined package \"%s\"", a->marble->package);
	TRY_CTX(package_admits(package, &a->verdict), "package \"%s\"", package->name);
	return infrastructures_admit(a->mesh->manifest->infrastructures,
				     a->mesh->manifest->infrastructure_count, &a->verdict);
}

static error *require_enforced(const struct admission *a, const char *what, const char *property)
{
	for (size_t i = 0; i < a->request->enforced_count; i++)
		if (strcmp(a->request->enforced[i], what) == 0)
			return NULL;
	return error_new(ERROR_DENIED, "the manifest gives marble type \"%s\" %s, and this marble does not say that it "
			 "enforces that (\"%s\"): launch it with a marblerun-premain that has the data plane",
			 a->marble->name, property, what);
}

/* What a manifest demands of connections is demanded only of marbles that hold it: those that others launch would
 * silently not. The launcher is part of the evidence, or of the image that is. */
static error *check_enforcement(const struct admission *a)
{
	for (size_t i = 0; i < a->marble->tls.count; i++)
		if (tls_tag_names_peers(manifest_tls(a->mesh->manifest, a->marble->tls.items[i])))
			TRY(require_enforced(a, "peer-types", "AllowedMarbles or ExpectedMarbles"));
	return a->marble->deny_unlisted ? require_enforced(a, "deny-unlisted", "DenyUnlisted") : NULL;
}

/* How often this type was activated; the name's memory is the arena's. */
static error *read_count(struct transaction *txn, const char *name, uint64_t *ret)
{
	bytes stored;
	error *e = transaction_get(txn, name, &stored);
	if (e && error_code(e) == ERROR_NOT_FOUND) {
		error_free(e);
		*ret = 0;
		return NULL;
	}
	TRY(e);
	struct reader r = reader_of(stored);
	uint64_t count = read_be64(&r);
	TRY(reader_finish(&r, name));
	*ret = count;
	return NULL;
}

static error *check_budget(const struct admission *a, uint64_t count)
{
	if (count < a->marble->max_activations)
		return NULL;
	return error_new(ERROR_DENIED, "reached max activations count (%llu) for marble type \"%s\"",
			 (unsigned long long)a->marble->max_activations, a->marble->name);
}

/* Steps 4 and 7: the budget is looked at before the work and taken after it, in one transaction each,
 * so that work is not done in vain and two can't both take the last one. */
static error *activation_budget(struct admission *a, struct arena *arena, bool take)
{
	CLEANUP(transaction_free) struct transaction *txn = NULL;
	uint64_t count;
	if (!a->marble->max_activations)
		return NULL;
	const char *name = arena_format(arena, STORED_ACTIVATIONS "%s", a->marble->name);
	TRY_ALLOC(name);
	TRY(store_begin(a->coordinator->options.store, &txn));
	TRY(read_count(txn, name, &count));
	TRY(check_budget(a, count));
	if (!take)
		return NULL;
	CLEANUP(writer_free) struct writer stored = { 0 };
	write_be64(&stored, count + 1);
	TRY(writer_check(&stored, name));
	TRY(transaction_put(txn, name, writer_view(&stored)));
	return transaction_commit(&txn);
}

static error *certificate_into(struct secret_value *v, const X509 *certificate)
{
	v->is_set = true;
	return certificate_der(certificate, &v->certificate);
}

static error *issue_leaf(struct admission *a, EVP_PKEY *key, struct blob *ret)
{
	CLEANUP(san_free) struct san_list names = { 0 };
	TRY_CTX(request_names(a->request->csr, &names), "CSR");
	return ca_issue_marble(&a->mesh->ca, key, a->uuid, a->marble->name, &names, a->now, ret);
}

static error *print_identity(struct admission *a, bytes leaf, const struct secret *key_der)
{
	CLEANUP(writer_free) struct writer chain = { 0 }, key = { .secret = true };
	write_pem(&chain, "CERTIFICATE", leaf);
	write_string(&chain, a->mesh->intermediate_pem);
	a->chain_pem = writer_take_string(&chain);
	TRY_ALLOC(a->chain_pem);
	write_pem(&key, "PRIVATE KEY", secret_view(key_der));
	write_u8(&key, 0);
	return secret_of_writer(&key, "private key", &a->key_pem);
}

/* Step 5: certificates, and a scope in which the secrets come into being as they are needed. */
static error *make_identity(struct admission *a)
{
	CLEANUP(EVP_PKEY_free) EVP_PKEY *key = NULL;
	TRY(scope_init(&a->scope, &a->mesh->ca, &a->mesh->secrets, &a->mesh->previous));
	struct secret_value *own = &a->scope.reserved[RESERVED_MARBLE_CERT];
	a->scope.uuid = a->uuid;
	a->scope.binding = a->marble->disable_secret_binding ? "" : a->marble->name;
	a->scope.now = a->now;
	TRY(key_generate(a->mesh->key_kind, 0, &key));
	TRY(issue_leaf(a, key, &own->certificate));
	TRY(key_private_der(key, &own->private_part));
	TRY(key_public_der(key, &own->public_part));
	own->is_set = true;
	TRY(certificate_into(&a->scope.reserved[RESERVED_ROOT_CA], a->mesh->ca.marble_root));
	TRY(certificate_into(&a->scope.reserved[RESERVED_COORDINATOR_ROOT], a->mesh->ca.root));
	TRY(certificate_into(&a->scope.reserved[RESERVED_COORDINATOR_INTERMEDIATE],
			     a->mesh->ca.intermediate));
	return print_identity(a, blob_view(&own->certificate), &own->private_part);
}

static error *provide(struct provided_value *values, size_t *count, const char *name,
		      struct writer *content)
{
	values[*count].name = name;
	TRY(secret_of_writer(content, name, &values[*count].value));
	++*count;
	return NULL;
}

static error *provide_text(struct activation *to, const char *name, const char *text)
{
	CLEANUP(writer_free) struct writer content = { .secret = true };
	write_string(&content, text);
	return provide(to->environment, &to->environment_count, name, &content);
}

static error *provide_parameters(struct admission *a, enum parameter_place place,
				 const struct parameter *parameters, size_t count,
				 struct template *const *templates, struct provided_value *values,
				 size_t *value_count)
{
	scope_for(&a->scope, place);
	for (size_t i = 0; i < count; i++) {
		CLEANUP(writer_free) struct writer content = { .limit = PARAMETER_SIZE_MAX, .secret = true };
		TRY(parameter_write(&parameters[i], templates[i], &a->scope, &content));
		TRY(provide(values, value_count, parameters[i].name, &content));
	}
	return NULL;
}

/* Names that the coordinator gives itself; a manifest's own entries of these names give way. */
enum { PREDEFINED_MAX = 5 };

static error *provide_predefined(struct admission *a, struct activation *to)
{
	TRY(provide_text(to, "MARBLE_PREDEFINED_ROOT_CA", a->mesh->marble_root_pem));
	TRY(provide_text(to, "MARBLE_PREDEFINED_MARBLE_CERTIFICATE_CHAIN", a->chain_pem));
	TRY(provide_text(to, "MARBLE_PREDEFINED_PRIVATE_KEY", (const char *)a->key_pem.data));
	TRY(provide_text(to, "MARBLE_PREDEFINED_COORDINATOR_ROOT_CA", a->mesh->root_pem));
	if (!a->marble->tls.count && !a->marble->deny_unlisted)
		return NULL;
	CLEANUP(writer_free) struct writer config = { .secret = true };
	TRY(tls_config_write(a->mesh, a->marble, &a->scope, a->chain_pem,
			     (const char *)a->key_pem.data, &config));
	return provide(to->environment, &to->environment_count, "MARBLE_TTLS_CONFIG", &config);
}

/* Step 6: files, environment, TLS configuration. */
static error *fill_parameters(struct admission *a, struct activation *to)
{
	const struct marble *m = a->marble;
	to->files = calloc(m->file_count + 1, sizeof *to->files);
	to->environment = calloc(m->environment_count + PREDEFINED_MAX, sizeof *to->environment);
	if (!to->files || !to->environment)
		return error_no_memory();
	TRY(provide_parameters(a, PLACE_FILE, m->files, m->file_count, a->plan->files, to->files,
			       &to->file_count));
	TRY(provide_parameters(a, PLACE_ENVIRONMENT, m->environment, m->environment_count,
			       a->plan->environment, to->environment, &to->environment_count));
	return provide_predefined(a, to);
}

static void admission_free(struct admission *a)
{
	scope_free(&a->scope);
	free(a->chain_pem);
	secret_free(&a->key_pem);
}
DEFINE_CLEANUP_IN_PLACE(admission_free, struct admission)

error *coordinator_activate(struct coordinator *c, const struct activation_request *request,
			    int64_t now, struct activation *ret)
{
	CLEANUP(arena_free) struct arena arena = { 0 };
	CLEANUP(activation_free) struct activation granted = { .mesh = coordinator_mesh(c) };
	CLEANUP(admission_free) struct admission a = { .coordinator = c, .request = request, .now = now,
						       .mesh = granted.mesh };
	TRY(state_require(a.mesh->state, REQUEST_ACTIVATE));
	if (!request->client_certificate.size)
		return error_new(ERROR_UNAUTHENTICATED, "the connection shows no client certificate");
	TRY(find_marble(&a, &arena));
	if (c->options.issuer) { /* else plain simulation: chosen by name, visible to relying parties */
		TRY_CTX(verify_evidence(&a), "marble verification failed");
		TRY_CTX(check_binding(&a), "marble verification failed");
		TRY_CTX(check_package(&a), "marble verification failed");
	}
	TRY(check_enforcement(&a));
	TRY_CTX(rollback_check(c, a.mesh, request->state_mark, a.marble->name, a.uuid, now), "state");
	TRY(activation_budget(&a, &arena, false));
	TRY(make_identity(&a));
	TRY(fill_parameters(&a, &granted));
	TRY(activation_budget(&a, &arena, true));
	TRY(rollback_mark(c, a.mesh, &granted.state_mark));
	running_note(&c->running, a.marble->name, a.uuid, c->options.issuer ? &a.verdict : NULL);
	granted.marble = a.marble;
	memcpy(granted.uuid, a.uuid, sizeof granted.uuid);
	*ret = granted;
	granted = (struct activation){ 0 };
	return NULL;
}

bool coordinator_activation_is_slow(struct coordinator *c, bytes marble_type)
{
	CLEANUP(arena_free) struct arena arena = { 0 };
	CLEANUP(mesh_release) struct mesh *mesh = coordinator_mesh(c);
	const char *name = arena_string(&arena, marble_type);
	if (!mesh->manifest || !name)
		return false;
	const struct marble *marble = manifest_marble(mesh->manifest, name);
	return marble && mesh->plans[marble - mesh->manifest->marbles].slow;
}

static void provided_free(struct provided_value *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		secret_free(&values[i].value);
	free(values);
}

void activation_free(struct activation *a)
{
	provided_free(a->files, a->file_count);
	provided_free(a->environment, a->environment_count);
	mesh_release(a->mesh);
	blob_free(&a->state_mark);
	*a = (struct activation){ 0 };
}
