#include "coordinator/plan.h"

#include <stdio.h>

error *parameter_write(const struct parameter *parameter, const struct template *parsed,
		       struct scope *scope, struct writer *ret)
{
	if (!parsed) {
		write_bytes(ret, parameter->data);
		return writer_check(ret, parameter->name);
	}
	struct value dot = scope_dot(scope);
	TRY(template_execute(parsed, &scope->template_scope, &dot, ret));
	return writer_check(ret, parameter->name);
}

static const char *const place_names[] = { "Files", "Env" };

/* Parses the templates of one marble's files or variables, and tries each. */
static error *make_templates(const struct marble *marble, enum parameter_place place,
			     const struct parameter *parameters, size_t count, struct scope *scope,
			     struct template ***ret, size_t *ret_count)
{
	*ret = calloc(count ? count : 1, sizeof **ret);
	TRY_ALLOC(*ret);
	*ret_count = count;
	scope_for(scope, place);
	for (size_t i = 0; i < count; i++) {
		const struct parameter *p = &parameters[i];
		CLEANUP(writer_free) struct writer tried = { .limit = PARAMETER_SIZE_MAX, .secret = true };
		CLEANUP_FREE char *where = NULL;
		if (p->no_templates || !p->data.size || !memmem(p->data.data, p->data.size, "{{", 2))
			continue;
		if (asprintf(&where, "Marbles: %s: %s: %s", marble->name, place_names[place], p->name) < 0) {
			where = NULL;
			return error_no_memory();
		}
		TRY(template_parse(p->data, where, &scope->template_scope, &(*ret)[i]));
		TRY(error_recode(parameter_write(p, (*ret)[i], scope, &tried), ERROR_INVALID));
	}
	return NULL;
}

/* The TLS entries use secrets without a template. */
static error *try_tls(const struct mesh *mesh, const struct marble *marble, struct scope *scope)
{
	CLEANUP(writer_free) struct writer tried = { .secret = true };
	if (!marble->tls.count)
		return NULL;
	TRY_CTX(tls_config_write(mesh, marble, scope, "", "", &tried), "Marbles: %s: TLS", marble->name);
	return NULL;
}

static error *plan_marble(struct mesh *mesh, size_t index, struct scope *scope)
{
	const struct marble *marble = &mesh->manifest->marbles[index];
	struct marble_plan *plan = &mesh->plans[index];
	scope->touched_slow = false;
	TRY(make_templates(marble, PLACE_FILE, marble->files, marble->file_count, scope, &plan->files,
			   &plan->file_count));
	TRY(make_templates(marble, PLACE_ENVIRONMENT, marble->environment, marble->environment_count,
			   scope, &plan->environment, &plan->environment_count));
	TRY(try_tls(mesh, marble, scope));
	plan->slow = scope->touched_slow;
	return NULL;
}

/* The certificates exist already; a marble's own do not. */
static error *fill_reserved(struct scope *scope)
{
	static const uint8_t letter = 'A';
	for (size_t i = 0; i < RESERVED_COUNT; i++)
		TRY(blob_copy(bytes_of(&letter, 1), &scope->reserved[i].certificate));
	TRY(blob_copy(bytes_of(&letter, 1), &scope->reserved[RESERVED_MARBLE_CERT].public_part));
	return secret_copy(bytes_of(&letter, 1), &scope->reserved[RESERVED_MARBLE_CERT].private_part);
}

error *plans_make(struct mesh *mesh)
{
	size_t count = mesh->manifest->marble_count;
	CLEANUP(scope_free) struct scope scope = { 0 };
	mesh->plans = calloc(count ? count : 1, sizeof *mesh->plans);
	TRY_ALLOC(mesh->plans);
	TRY(scope_init(&scope, &mesh->ca, &mesh->secrets, NULL));
	TRY(fill_reserved(&scope));
	scope.dry_run = true;
	for (size_t i = 0; i < count; i++)
		TRY(plan_marble(mesh, i, &scope));
	return NULL;
}

static void templates_free(struct template **templates, size_t count)
{
	for (size_t i = 0; templates && i < count; i++)
		template_free(templates[i]);
	free(templates);
}

void plans_free(struct mesh *mesh)
{
	for (size_t i = 0; mesh->plans && i < mesh->manifest->marble_count; i++) {
		templates_free(mesh->plans[i].files, mesh->plans[i].file_count);
		templates_free(mesh->plans[i].environment, mesh->plans[i].environment_count);
	}
	free(mesh->plans);
}
