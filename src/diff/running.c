/* Marbles that run now, and what the new manifest would say to them. */
#include "diff/diff_internal.h"
#include "manifest/policy.h"

static const char *count_text(struct diffing *d, const struct running_marble *r)
{
	const char *text = arena_format(&d->out->arena, "%s%zu running marble%s", r->estimated ? "about " : "",
					r->count, r->count == 1 ? "" : "s");
	return text ? text : "Running marbles";
}

/* NULL: it is admitted, or nobody knows. */
static error *refusal_of(const struct manifest *m, const struct marble *marble, const struct running_marble *r)
{
	const struct package *package = manifest_package(m, marble->package);
	if (!package || !r->verdict)
		return NULL;
	error *e = package_admits(package, r->verdict);
	if (e)
		return error_wrap(e, "package \"%s\"", package->name);
	return infrastructures_admit(m->infrastructures, m->infrastructure_count, r->verdict);
}

/* Only what the update causes: who is refused now, too, is no concern of it. */
static error *judge(struct diffing *d, const struct running_marble *r)
{
	struct subject s = { .d = d, .section = "Running", .name = r->type };
	const struct marble *old = manifest_marble(d->from, r->type), *new = manifest_marble(d->to, r->type);
	if (!old)
		return NULL;
	CLEANUP(error_free) error *before = refusal_of(d->from, old, r);
	if (before)
		return NULL;
	if (!new)
		return diff_add(&s, DIFF_REMOVED, DIFF_NOTICE, "%s of this type can't be activated again: the "
				"type is gone.", count_text(d, r));
	CLEANUP(error_free) error *after = refusal_of(d->to, new, r);
	if (!after)
		return NULL;
	return diff_add(&s, DIFF_REMOVED, DIFF_NOTICE, "%s of this type would no more be admitted: %s.",
			count_text(d, r), error_message(after));
}

static error *judge_budget(struct diffing *d, const struct activation_count *a)
{
	struct subject s = { .d = d, .section = "Running", .name = a->type };
	const struct marble *old = manifest_marble(d->from, a->type), *new = manifest_marble(d->to, a->type);
	bool was_spent = old && old->max_activations && a->used >= old->max_activations;
	bool is_spent = new && new->max_activations && a->used >= new->max_activations;
	if (!is_spent || was_spent)
		return NULL;
	return diff_add(&s, DIFF_CHANGED, DIFF_NOTICE, "MaxActivations is spent: %llu are allowed and %llu are "
			"counted, so that none of this type can be activated again.",
			(unsigned long long)new->max_activations, (unsigned long long)a->used);
}

error *diff_running(struct diffing *d)
{
	const struct running_state *running = d->running;
	struct subject s = { .d = d, .section = "Running", .name = "" };
	if (!running)
		return NULL;
	for (size_t i = 0; i < running->marble_count; i++)
		TRY(judge(d, &running->marbles[i]));
	for (size_t i = 0; i < running->activation_count; i++)
		TRY(judge_budget(d, &running->activations[i]));
	if (!running->incomplete)
		return NULL;
	return diff_add(&s, DIFF_CHANGED, DIFF_NOTICE, "More kinds of marbles run than the coordinator has recorded: "
			"others may be concerned, too.");
}
