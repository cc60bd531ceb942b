#include "base/file.h"
#include "cli/command.h"
#include "cli/evidence.h"
#include "cli/output.h"

error *evidence_read(const char *path, struct blob *ret)
{
	return file_read(path, EVIDENCE_SIZE_MAX, ret);
}

error *evidence_fields(bytes evidence, json_t **ret)
{
	char reason[MARBLERUN_REASON_SIZE];
	CLEANUP_FREE char *text = NULL;
	if (marblerun_evidence_print((struct marblerun_bytes){ evidence.data, evidence.size }, &text, reason) != 0)
		return error_new(ERROR_INVALID, "%s", reason);
	return json_parse(bytes_of_string(text), "evidence", ret);
}

static void print_list(const char *name, const json_t *list)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	size_t i;
	const json_t *item;
	json_array_foreach(list, i, item)
		write_format(&w, "%s%s", i ? ", " : "", json_string_value(item));
	CLEANUP_FREE char *text = writer_take_string(&w);
	print_field(name, "%s", !text || !*text ? "none" : text);
}

static void print_value(const char *name, const json_t *value)
{
	if (json_is_array(value))
		print_list(name, value);
	else if (json_is_string(value))
		print_field(name, "%s", json_string_value(value));
	else if (json_is_integer(value))
		print_field(name, "%lld", (long long)json_integer_value(value));
	else
		print_field(name, "%s", json_is_true(value) ? "yes" : "no");
}

void evidence_print_fields(const json_t *fields)
{
	const char *name, *inner_name;
	const json_t *value, *inner;
	json_object_foreach((json_t *)(uintptr_t)fields, name, value) {
		if (!json_is_object(value)) {
			print_value(name, value);
			continue;
		}
		printf("%s:\n", name);
		json_object_foreach((json_t *)(uintptr_t)value, inner_name, inner)
			print_value(inner_name, inner);
	}
}

static error *run(const struct invocation *call)
{
	CLEANUP(blob_free) struct blob evidence = { 0 };
	CLEANUP_JSON json_t *fields = NULL;
	TRY(evidence_read(call->arguments[0], &evidence));
	TRY_CTX(evidence_fields(blob_view(&evidence), &fields), "%s", call->arguments[0]);
	if (flags_want_json(&call->flags))
		return print_json(fields);
	evidence_print_fields(fields);
	return NULL;
}

const struct command evidence_show_command = {
	.name = "evidence show",
	.arguments = "FILE",
	.least = 1,
	.most = 1,
	.summary = "Print every field of a quote or report, verified or not",
	.text = "FILE is an SGX or TDX quote, bare or behind the Open Enclave header, or a SEV-SNP\n"
		"attestation report. Nothing is verified.\n",
	.examples = "  marblerun evidence show quote.bin\n"
		    "  marblerun evidence show report.bin --output json\n",
	.own = { FLAG_OUTPUT_FORMAT },
	.local = true,
	.judges = true,
	.run = run,
};
