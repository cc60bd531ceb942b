#include "premain/data_plane.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* In a build folder what is installed beside each other lies in folders of `src`. */
static bool of_build_folder(const char *own_folder, const char *room, const char *name, char **ret)
{
	static const char end[] = "/src/premain";
	size_t size = strlen(own_folder);
	if (size < sizeof end || strcmp(own_folder + size - (sizeof end - 1), end) != 0)
		return false;
	return asprintf(ret, "%s/../%s%s", own_folder, room, name) > 0 && access(*ret, R_OK) == 0;
}

static error *find(const char *room, const char *name, const char *what, char **ret)
{
	char own[4096];
	CLEANUP_FREE char *path = NULL;
	ssize_t size = readlink("/proc/self/exe", own, sizeof own - 1);
	own[size > 0 ? size : 0] = '\0';
	char *end = strrchr(own, '/');
	if (end)
		*end = '\0';
	if (!of_build_folder(own, room, name, &path)) {
		free(path);
		if (asprintf(&path, MARBLERUN_OWN_LIBRARIES "/%s", name) < 0)
			path = NULL;
	}
	TRY_ALLOC(path);
	if (access(path, R_OK) != 0)
		return error_errno(ERROR_NOT_FOUND, errno, "%s, %s", what, path);
	*ret = TAKE(path);
	return NULL;
}

error *data_plane_library(char **ret)
{
	return find("ttls/", "libmarblerun-ttls.so", "the data plane", ret);
}

static const struct marblerun_named_value *config_of(const struct marblerun_parameters *given)
{
	for (size_t i = 0; i < given->environment_count; i++)
		if (strcmp(given->environment[i].name, "MARBLE_TTLS_CONFIG") == 0)
			return &given->environment[i];
	return NULL;
}

error *data_plane_prepare(enum libos libos, const struct marblerun_parameters *given, struct data_plane *ret)
{
	CLEANUP(data_plane_free) struct data_plane made = DATA_PLANE_NONE;
	CLEANUP(plane_policy_free) struct plane_policy policy = { 0 };
	CLEANUP_FREE char *library = NULL;
	const struct marblerun_named_value *config = config_of(given);
	if (!config) {
		*ret = made;
		return NULL;
	}
	if (libos != LIBOS_NONE)
		return error_new(ERROR_UNSUPPORTED, "the manifest gives this marble TLS tags, and the data plane "
				 "does not run in a LibOS yet: remove TLS from its entry in the manifest, and use "
				 "the certificate in MARBLE_PREDEFINED_MARBLE_CERTIFICATE_CHAIN");
	TRY(plane_policy_of_config(bytes_of(config->data, config->size), &policy));
	TRY(observer_wanted(given, &made.observer));
	TRY(data_plane_library(&library));
	TRY(handover_make(&policy, observer_is_wanted(&made.observer), &made.handover));
	if (observer_is_wanted(&made.observer))
		TRY(observer_describe(made.handover.files[HANDOVER_TELEMETRY], &policy, &made.observer));
	if (asprintf(&made.preload, "LD_PRELOAD=%s", library) < 0)
		return error_no_memory();
	made.wanted = true;
	*ret = made;
	made = (struct data_plane)DATA_PLANE_NONE;
	return NULL;
}

error *data_plane_observe(const struct data_plane *plane, unsigned *ret_port)
{
	CLEANUP_FREE char *program = NULL;
	*ret_port = 0;
	if (!plane->wanted || !observer_is_wanted(&plane->observer))
		return NULL;
	TRY(find("telemetry/", "marblerun-observer", "the observer", &program));
	return observer_start(&plane->observer, program, plane->handover.files[HANDOVER_TELEMETRY], ret_port);
}

error *data_plane_confine(const struct data_plane *plane)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { ARRAY_SIZE(filter), filter };
	if (!plane->wanted)
		return NULL;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
		return error_errno(ERROR_UNSUPPORTED, errno, "data plane: refusing io_uring");
	return NULL;
}

void data_plane_free(struct data_plane *plane)
{
	free(plane->preload);
	handover_close(&plane->handover);
	*plane = (struct data_plane)DATA_PLANE_NONE;
}
