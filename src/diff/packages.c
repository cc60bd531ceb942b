/* Packages and infrastructures: which software, on which platforms, may be a marble. */
#include "codec/hex.h"
#include "diff/diff_internal.h"

static const char *id_text(struct diffing *d, const struct package *p, bool given, const uint8_t id[32])
{
	static const uint8_t none[32];
	CLEANUP(writer_free) struct writer w = { 0 };
	if (!given)
		return NULL;
	if (p->placeholder && memcmp(id, none, sizeof none) == 0)
		return data_text(d, bytes_of_string(p->placeholder));
	write_hex(&w, bytes_of(id, 32));
	const char *text = arena_string(&d->out->arena, writer_view(&w));
	return text ? text : "?";
}

/* A property that is not given restricts nothing. */
static enum diff_severity severity_of(bool given)
{
	return given ? DIFF_NOTICE : DIFF_WEAKENS;
}

static error *describe_unique_id(const struct subject *s, const void *old, const void *new)
{
	const struct package *a = old, *b = new;
	return diff_value(s, severity_of(b->has_unique_id), "UniqueID",
			  id_text(s->d, a, a->has_unique_id, a->unique_id),
			  id_text(s->d, b, b->has_unique_id, b->unique_id));
}

static error *describe_signer_id(const struct subject *s, const void *old, const void *new)
{
	const struct package *a = old, *b = new;
	return diff_value(s, severity_of(b->has_signer_id), "SignerID",
			  id_text(s->d, a, a->has_signer_id, a->signer_id),
			  id_text(s->d, b, b->has_signer_id, b->signer_id));
}

static const char *optional_number(struct diffing *d, bool given, uint64_t number)
{
	return given ? number_text(d, number) : NULL;
}

static error *describe_product_id(const struct subject *s, const void *old, const void *new)
{
	const struct package *a = old, *b = new;
	return diff_value(s, severity_of(b->has_product_id), "ProductID",
			  optional_number(s->d, a->has_product_id, a->product_id),
			  optional_number(s->d, b->has_product_id, b->product_id));
}

static error *describe_security_version(const struct subject *s, const void *old, const void *new)
{
	const struct package *a = old, *b = new;
	if (a->has_security_version && b->has_security_version && b->security_version < a->security_version)
		return diff_add(s, DIFF_CHANGED, DIFF_WEAKENS, "SecurityVersion is lowered: %llu → %llu. Older "
				"versions of the software are admitted again.",
				(unsigned long long)a->security_version,
				(unsigned long long)b->security_version);
	if (a->has_security_version && b->has_security_version && b->security_version > a->security_version)
		return diff_add(s, DIFF_CHANGED, DIFF_NOTICE, "SecurityVersion is raised: %llu → %llu. Older "
				"versions of the software are admitted no more.",
				(unsigned long long)a->security_version,
				(unsigned long long)b->security_version);
	return diff_value(s, severity_of(b->has_security_version), "SecurityVersion",
			  optional_number(s->d, a->has_security_version, a->security_version),
			  optional_number(s->d, b->has_security_version, b->security_version));
}

static error *describe_debug(const struct subject *s, const void *old, const void *new)
{
	const struct package *a = old, *b = new;
	if (a->debug == b->debug)
		return NULL;
	if (b->debug)
		return diff_add(s, DIFF_CHANGED, DIFF_WEAKENS, "Debug enclaves become acceptable: whoever runs "
				"them can read what they hold.");
	return diff_add(s, DIFF_CHANGED, DIFF_NOTICE, "Debug enclaves are acceptable no more.");
}

/* UpToDate is accepted whatever the list says. */
static error *describe_statuses(const struct subject *s, const void *old, const void *new)
{
	const struct package *a = old, *b = new;
	for (enum marblerun_tcb_status i = MARBLERUN_TCB_SW_HARDENING_NEEDED; i <= MARBLERUN_TCB_REVOKED; i++) {
		bool before = a->accepted_tcb_statuses >> i & 1, after = b->accepted_tcb_statuses >> i & 1;
		if (!before && after)
			TRY(diff_add(s, DIFF_CHANGED, DIFF_WEAKENS, "AcceptedTCBStatuses: platforms with TCB "
				     "status %s become acceptable.", marblerun_tcb_status_name(i)));
		if (before && !after)
			TRY(diff_add(s, DIFF_CHANGED, DIFF_NOTICE, "AcceptedTCBStatuses: platforms with TCB "
				     "status %s are acceptable no more.", marblerun_tcb_status_name(i)));
	}
	return NULL;
}

/* An empty list accepts all. */
static error *describe_advisories(const struct subject *s, const void *old, const void *new)
{
	const struct string_list *a = &((const struct package *)old)->accepted_advisories;
	const struct string_list *b = &((const struct package *)new)->accepted_advisories;
	if (a->count && !b->count)
		return diff_add(s, DIFF_CHANGED, DIFF_WEAKENS, "AcceptedAdvisories: the list is gone, so that "
				"platforms with any advisory become acceptable.");
	if (!a->count && b->count)
		return diff_add(s, DIFF_CHANGED, DIFF_NOTICE, "AcceptedAdvisories: only platforms with none but "
				"these advisories stay acceptable: %s.", list_text(s->d, b));
	return diff_names(s, "AcceptedAdvisories", a, b, DIFF_WEAKENS, DIFF_NOTICE);
}

/* TDX and SNP say by name which way is the looser one. */
static error *describe_tdx(const struct subject *s, const void *old, const void *new)
{
	(void)old, (void)new;
	return diff_restrictions(s, "TDX", json_member(s->old_json, "TDX"), json_member(s->new_json, "TDX"));
}

static error *describe_snp(const struct subject *s, const void *old, const void *new)
{
	(void)old, (void)new;
	return diff_restrictions(s, "SNP", json_member(s->old_json, "SNP"), json_member(s->new_json, "SNP"));
}

static const struct described package_properties[] = {
	{ "TDX", describe_tdx },
	{ "SNP", describe_snp },
	{ "UniqueID", describe_unique_id },
	{ "SignerID", describe_signer_id },
	{ "ProductID", describe_product_id },
	{ "SecurityVersion", describe_security_version },
	{ "Debug", describe_debug },
	{ "AcceptedTCBStatuses", describe_statuses },
	{ "AcceptedAdvisories", describe_advisories },
};

/* What software a new package means, as far as the model's words go. */
static error *describe_new(const struct subject *s, const struct package *p)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	if (p->has_unique_id)
		write_format(&w, " UniqueID %s.", id_text(s->d, p, true, p->unique_id));
	if (p->has_signer_id)
		write_format(&w, " SignerID %s.", id_text(s->d, p, true, p->signer_id));
	if (p->has_product_id)
		write_format(&w, " ProductID %llu.", (unsigned long long)p->product_id);
	if (p->has_security_version)
		write_format(&w, " SecurityVersion at least %llu.", (unsigned long long)p->security_version);
	if (p->tdx.given)
		write_string(&w, " TDX.");
	if (p->snp.given)
		write_string(&w, " SNP.");
	if (p->debug)
		write_string(&w, " Debug enclaves are acceptable.");
	CLEANUP_FREE char *text = writer_take_string(&w);
	TRY_ALLOC(text);
	return diff_add(s, DIFF_ADDED, p->debug ? DIFF_WEAKENS : DIFF_NOTICE, "New package.%s", text);
}

/* Those that restrict nothing have no effect beside others that do. */
static bool restricts(const struct manifest *m)
{
	for (size_t i = 0; i < m->infrastructure_count; i++)
		if (m->infrastructures[i].restricts)
			return true;
	return false;
}

static error *diff_infrastructures(struct diffing *d)
{
	const struct manifest *a = d->from, *b = d->to;
	struct subject all = { .d = d, .section = "Infrastructures", .name = "" };
	struct pairs p = pairs_of(a->infrastructures, a->infrastructure_count, b->infrastructures,
				  b->infrastructure_count, sizeof *a->infrastructures, NULL);
	while (pairs_next(&p)) {
		struct subject s = { .d = d, .section = "Infrastructures", .name = pairs_name(&p) };
		if (!p.old)
			TRY(diff_add(&s, DIFF_ADDED, DIFF_NOTICE, "New infrastructure."));
		else if (!p.new)
			TRY(diff_add(&s, DIFF_REMOVED, DIFF_NOTICE, "The infrastructure is gone."));
		else
			TRY(diff_restrictions(&s, NULL, diff_entry_json(a, &s), diff_entry_json(b, &s)));
	}
	if (restricts(a) && !restricts(b))
		return diff_add(&all, DIFF_CHANGED, DIFF_WEAKENS, "Nothing restricts platforms any more: all that "
				"packages accept become acceptable.");
	if (!restricts(a) && restricts(b))
		return diff_add(&all, DIFF_CHANGED, DIFF_NOTICE, "Only platforms of these infrastructures stay "
				"acceptable.");
	return NULL;
}

error *diff_packages(struct diffing *d)
{
	const struct manifest *a = d->from, *b = d->to;
	struct pairs p = pairs_of(a->packages, a->package_count, b->packages, b->package_count,
				  sizeof *a->packages, NULL);
	while (pairs_next(&p)) {
		struct subject s = { .d = d, .section = "Packages", .name = pairs_name(&p) };
		if (!p.old)
			TRY(describe_new(&s, p.new));
		else if (!p.new)
			TRY(diff_add(&s, DIFF_REMOVED, DIFF_NOTICE, "The package is gone: its software is "
				     "admitted no more, unless another package fits it."));
		else
			TRY(diff_properties(&s, p.old, p.new, package_properties,
					    ARRAY_SIZE(package_properties)));
	}
	return diff_infrastructures(d);
}
