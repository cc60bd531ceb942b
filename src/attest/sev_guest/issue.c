/* SEV-SNP guests whose Linux has no configfs-tsm yet (before 6.7): reports by ioctl. */
#include "attest/issuer.h"
#include "attest/sev_guest/guest_request.h"

struct sev_guest {
	const struct kernel *kernel;
};

static bool present(const struct kernel *kernel)
{
	return kernel_has(kernel, "/dev/sev-guest", S_IFCHR);
}

static error *open_guest(const struct kernel *kernel, const char *program, void **ret_context)
{
	(void)program;
	struct sev_guest *g = malloc(sizeof *g);
	TRY_ALLOC(g);
	g->kernel = kernel;
	*ret_context = g;
	return NULL;
}

static const char *name(const void *context)
{
	(void)context;
	return "sev-snp";
}

static error *issue(void *context, const uint8_t report_data[64], struct blob *ret)
{
	const struct sev_guest *g = context;
	return snp_request_evidence(g->kernel, report_data, ret);
}

/* These kernels know of no privilege level but 0. */
static error *sealing_key(void *context, enum sealing_kind kind, struct secret *ret)
{
	const struct sev_guest *g = context;
	return snp_sealing_key(g->kernel, 0, kind, ret);
}

const struct issuer_kind sev_guest_issuer = { "/dev/sev-guest", present,     open_guest, name,
					      issue,            sealing_key, NULL,       free };
