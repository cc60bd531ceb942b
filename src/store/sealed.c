#include "store/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sealed_format.h"

/* The whole is written anew when the commits since the snapshot are this many bytes and more than the
 * snapshot: seldom enough that a commit's cost stays that of its change. */
enum { JOURNAL_MIN = 16 << 20, FILE_MAX = 1 << 30 };

struct sealed {
	const struct file_operations *files;
	char *folder, *data_path, *key_path, *new_data_path, *new_key_path;
	struct secret keys[3]; /* the platform's, by sealing_mode */
	int lock_file;
	int data_file;         /* -1: none */
	struct generation generation;
	enum sealing_mode mode;
	struct secret state_key;
	struct blob public_section;
	size_t size, snapshot_size; /* of sealed_data */
	char *locked;          /* why; NULL: it is open */
	bool foreign;          /* sealed_data is no file of ours */
	struct blob held;      /* sealed_data, while it is locked */
	bool broken;           /* a commit failed in a way that left the file unknown */
};

/* ---- files ---- */

static error *file_error(const char *what, const char *path)
{
	return error_errno(ERROR_UNAVAILABLE, errno, "%s %s", what, path);
}

static error *write_all(struct sealed *s, int file, bytes content, size_t offset, const char *path)
{
	while (content.size) {
		ssize_t done = s->files->pwrite(file, content.data, content.size, (off_t)offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done == 0)
			errno = ENOSPC;
		if (done <= 0)
			return file_error("writing", path);
		content = bytes_slice(content, (size_t)done, SIZE_MAX);
		offset += (size_t)done;
	}
	return s->files->sync(file) == 0 ? NULL : file_error("syncing", path);
}

static error *sync_folder(struct sealed *s)
{
	int folder = s->files->open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (folder < 0)
		return file_error("opening", s->folder);
	error *e = s->files->sync(folder) == 0 ? NULL : file_error("syncing", s->folder);
	s->files->close(folder);
	return e;
}

/* A file that is not yet in anybody's way. */
static error *write_new(struct sealed *s, const char *path, bytes first, bytes second, int *ret)
{
	int file = s->files->open(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file < 0)
		return file_error("making", path);
	error *e = write_all(s, file, first, 0, path);
	if (!e)
		e = write_all(s, file, second, first.size, path);
	if (e) {
		s->files->close(file);
		s->files->remove(path);
		return e;
	}
	*ret = file;
	return NULL;
}

static error *read_whole(struct sealed *s, const char *path, size_t limit, int *ret_file, struct blob *ret)
{
	CLEANUP(writer_free) struct writer w = { .limit = limit };
	static const size_t step = 1 << 16;
	int file = s->files->open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0);
	if (file < 0)
		return errno == ENOENT ? error_new(ERROR_NOT_FOUND, "%s is not there", path) :
					 file_error("opening", path);
	CLEANUP_FREE uint8_t *piece = malloc(step);
	ssize_t got = piece ? 1 : -1;
	while (got > 0 && !w.too_large) {
		got = s->files->pread(file, piece, step, (off_t)w.size);
		if (got > 0)
			write_bytes(&w, bytes_of(piece, (size_t)got));
	}
	error *e = got < 0 ? file_error("reading", path) : blob_of_writer(&w, path, ret);
	if (e || !ret_file)
		s->files->close(file);
	else
		*ret_file = file;
	return e;
}

/* ---- the key ---- */

static bytes sealing_key_of(const struct sealed *s, enum sealing_mode mode)
{
	return secret_view(&s->keys[mode]);
}

static error *put_key(struct sealed *s, const struct key_binding *bindings, size_t count)
{
	CLEANUP(blob_free) struct blob content = { 0 };
	int file;
	TRY(key_seal(bindings, count, &content));
	TRY(write_new(s, s->new_key_path, blob_view(&content), BYTES_EMPTY, &file));
	s->files->close(file);
	if (s->files->rename(s->new_key_path, s->key_path) != 0)
		return file_error("renaming", s->new_key_path);
	return sync_folder(s);
}

static error *bind(const struct sealed *s, enum sealing_mode mode, const struct generation *g, bytes state_key,
		   struct key_binding *ret)
{
	*ret = (struct key_binding){ .mode = mode, .sealing_key = sealing_key_of(s, mode), .state_key = state_key };
	memcpy(ret->generation, g->name, GENERATION_SIZE);
	if (ret->sealing_key.size)
		return NULL;
	return error_new(ERROR_UNSUPPORTED, "this platform has no sealing key of that kind: SealMode \"Disabled\" and "
			 "RecoveryKeys are the way to keep a state");
}

static error *drop_key(struct sealed *s)
{
	if (s->files->remove(s->key_path) != 0 && errno != ENOENT)
		return file_error("removing", s->key_path);
	return sync_folder(s);
}

/* Before sealed_data is replaced, the key fits what is there and what comes. */
static error *put_both_keys(struct sealed *s, enum sealing_mode mode, const struct generation *next, bytes state_key)
{
	struct key_binding both[2];
	size_t count = 0;
	if (mode == SEALED_FOR_NOBODY)
		return NULL; /* the old one stays until the new file is in its place */
	if (s->mode != SEALED_FOR_NOBODY && s->state_key.size)
		TRY(bind(s, s->mode, &s->generation, secret_view(&s->state_key), &both[count++]));
	TRY(bind(s, mode, next, state_key, &both[count++]));
	return put_key(s, both, count);
}

static error *put_final_key(struct sealed *s)
{
	struct key_binding only;
	if (s->mode == SEALED_FOR_NOBODY)
		return drop_key(s);
	TRY(bind(s, s->mode, &s->generation, secret_view(&s->state_key), &only));
	return put_key(s, &only, 1);
}

/* ---- writing ---- */

static void set_locked(struct sealed *s, const char *why)
{
	free(s->locked);
	s->locked = why ? strdup(why) : NULL;
}

static error *unusable(void)
{
	return error_new(ERROR_UNAVAILABLE, "an earlier commit left sealed_data in a state that is not known: restart "
			 "the coordinator");
}

/* Everything of a generation, before any of it is in effect. */
struct draft {
	struct generation generation;
	struct secret state_key;
	struct blob public_section, header, snapshot;
	int file;
};
static void draft_free(struct draft *d)
{
	generation_free(&d->generation);
	secret_free(&d->state_key);
	blob_free(&d->public_section);
	blob_free(&d->header);
	blob_free(&d->snapshot);
}
DEFINE_CLEANUP_IN_PLACE(draft_free, struct draft)

static error *make_draft(const struct change *all, size_t count, const struct store_head *head,
			 const struct sealing *sealing, struct draft *d)
{
	TRY(secret_copy(sealing->state_key, &d->state_key));
	TRY(blob_copy(sealing->public_section, &d->public_section));
	TRY(generation_new(sealing->state_key, sealing->public_section, &d->generation, &d->header));
	return record_seal(&d->generation, all, count, head, &d->snapshot);
}

static void take_effect(struct sealed *s, struct draft *d, enum sealing_mode mode)
{
	if (s->data_file >= 0)
		s->files->close(s->data_file);
	s->data_file = d->file;
	generation_free(&s->generation);
	s->generation = d->generation;
	d->generation = (struct generation){ 0 };
	record_written(&s->generation, blob_view(&d->snapshot));
	secret_free(&s->state_key);
	s->state_key = secret_take(&d->state_key);
	blob_free(&s->public_section);
	s->public_section = blob_take(&d->public_section);
	s->size = s->snapshot_size = d->header.size + d->snapshot.size;
	s->mode = mode;
	blob_free(&s->held);
	set_locked(s, NULL);
}

static error *rewrite(void *context, const struct change *all, size_t count, const struct store_head *head,
		      const struct sealing *sealing)
{
	struct sealed *s = context;
	CLEANUP(draft_free) struct draft d = { 0 };
	struct sealing as_it_is = { s->mode, secret_view(&s->state_key), blob_view(&s->public_section) };
	if (s->broken)
		return unusable();
	if (!sealing)
		sealing = &as_it_is;
	TRY(make_draft(all, count, head, sealing, &d));
	TRY(write_new(s, s->new_data_path, blob_view(&d.header), blob_view(&d.snapshot), &d.file));
	error *e = put_both_keys(s, sealing->mode, &d.generation, sealing->state_key);
	if (!e && s->files->rename(s->new_data_path, s->data_path) != 0)
		e = file_error("renaming", s->new_data_path);
	if (e) {
		s->files->close(d.file);
		s->files->remove(s->new_data_path);
		return error_wrap(e, "the state is unchanged");
	}
	e = sync_folder(s);
	if (e) {
		s->broken = true;
		s->files->close(d.file);
		return error_wrap(e, "it is not known whether the state has changed");
	}
	take_effect(s, &d, sealing->mode);
	/* A key that fits an old file as well does no harm: the next start mends it. */
	error_free(put_final_key(s));
	return NULL;
}

/* What was begun is taken back; if that fails, too, nobody knows what the file holds. */
static error *take_back(struct sealed *s, error *cause)
{
	if (s->files->truncate(s->data_file, (off_t)s->size) == 0 && s->files->sync(s->data_file) == 0)
		return error_wrap(cause, "the state is unchanged");
	s->broken = true;
	return error_wrap(cause, "it is not known whether the state has changed");
}

static error *append(struct sealed *s, const struct change *changes, size_t count, const struct store_head *head)
{
	CLEANUP(blob_free) struct blob record = { 0 };
	TRY(record_seal(&s->generation, changes, count, head, &record));
	if (s->size + record.size > FILE_MAX)
		return error_new(ERROR_TOO_LARGE, "sealed_data would be larger than %d bytes: the state is unchanged",
				 FILE_MAX);
	error *e = write_all(s, s->data_file, blob_view(&record), s->size, s->data_path);
	if (e)
		return take_back(s, e);
	record_written(&s->generation, blob_view(&record));
	s->size += record.size;
	return NULL;
}

/* How a state is sealed of which no manifest has said anything yet. */
static error *first_commit(struct sealed *s, const struct change *changes, size_t count,
			   const struct store_head *head)
{
	CLEANUP(secret_free) struct secret key = { 0 };
	struct sealing sealing = { SEALED_FOR_NOBODY, BYTES_EMPTY, BYTES_EMPTY };
	TRY(secret_random(32, &key));
	sealing.state_key = secret_view(&key);
	if (sealing_key_of(s, SEALED_FOR_PRODUCT).size)
		sealing.mode = SEALED_FOR_PRODUCT;
	else if (sealing_key_of(s, SEALED_FOR_UNIQUE).size)
		sealing.mode = SEALED_FOR_UNIQUE;
	return rewrite(s, changes, count, head, &sealing);
}

static error *commit(void *context, const struct change *changes, size_t count, const struct store_head *head)
{
	struct sealed *s = context;
	if (s->broken)
		return unusable();
	bool first = s->data_file < 0 || s->locked;
	return first ? first_commit(s, changes, count, head) : append(s, changes, count, head);
}

static bool crowded(void *context)
{
	const struct sealed *s = context;
	size_t journal = s->size - s->snapshot_size;
	return !s->broken && s->data_file >= 0 && journal > JOURNAL_MIN && journal > s->snapshot_size;
}

/* ---- reading ---- */

static error *read_records(struct sealed *s, bytes file, size_t offset, struct generation *g, struct map *to,
			   struct store_head *ret_head)
{
	size_t size, at = offset;
	do {
		TRY(record_open(g, bytes_slice(file, at, SIZE_MAX), to, ret_head, &size));
		at += size;
		if (g->records == 1 && size)
			s->snapshot_size = at;
	} while (size);
	if (!g->records)
		return error_new(ERROR_DENIED, "sealed_data holds no whole record");
	s->size = at;
	return NULL;
}

/* Opens `held` with a state key. */
static error *open_held(struct sealed *s, bytes state_key, struct map *ret, struct store_head *ret_head)
{
	struct map read = { 0 };
	CLEANUP(generation_free) struct generation g = { 0 };
	CLEANUP(secret_free) struct secret key = { 0 };
	bytes public_section, file = blob_view(&s->held);
	size_t header;
	TRY(generation_read(file, &g, &public_section, &header));
	TRY(generation_set_key(&g, state_key));
	TRY(secret_copy(state_key, &key));
	error *e = read_records(s, file, header, &g, &read, ret_head);
	/* What a crash has left behind the last record goes. */
	if (!e && s->size < file.size &&
	    (s->files->truncate(s->data_file, (off_t)s->size) != 0 || s->files->sync(s->data_file) != 0))
		e = file_error("cutting", s->data_path);
	if (e) {
		map_clear(&read);
		return e;
	}
	generation_free(&s->generation);
	s->generation = g;
	g = (struct generation){ 0 };
	secret_free(&s->state_key);
	s->state_key = secret_take(&key);
	*ret = read;
	return NULL;
}

static error *unlock(void *context, bytes state_key, struct map *ret, struct store_head *ret_head)
{
	struct sealed *s = context;
	if (state_key.size != 32)
		return error_new(ERROR_DENIED, "a state key has 32 bytes");
	if (!s->held.size) /* it was open before */
		TRY(read_whole(s, s->data_path, FILE_MAX, NULL, &s->held));
	TRY(open_held(s, state_key, ret, ret_head));
	s->mode = SEALED_FOR_NOBODY; /* until it is resealed */
	set_locked(s, NULL);
	return NULL;
}

static void lock(void *context, const char *why)
{
	struct sealed *s = context;
	secret_free(&s->state_key);
	generation_free(&s->generation);
	blob_free(&s->held);
	set_locked(s, why);
}

static error *read_key(struct sealed *s, const uint8_t *generation, struct secret *ret)
{
	CLEANUP(blob_free) struct blob file = { 0 };
	const bytes keys[3] = { [SEALED_FOR_PRODUCT] = sealing_key_of(s, SEALED_FOR_PRODUCT),
				[SEALED_FOR_UNIQUE] = sealing_key_of(s, SEALED_FOR_UNIQUE) };
	TRY(read_whole(s, s->key_path, SEALED_KEY_MAX, NULL, &file));
	return key_unseal(blob_view(&file), keys, generation, &s->mode, ret);
}

static error *try_sealed_key(struct sealed *s, struct map *ret, struct store_head *ret_head)
{
	CLEANUP(secret_free) struct secret key = { 0 };
	CLEANUP(generation_free) struct generation g = { 0 };
	bytes public_section;
	size_t header;
	s->foreign = true;
	TRY(generation_read(blob_view(&s->held), &g, &public_section, &header));
	s->foreign = false;
	TRY(blob_copy(public_section, &s->public_section));
	TRY(read_key(s, g.name, &key));
	TRY(open_held(s, secret_view(&key), ret, ret_head));
	/* After a crash in the middle of a rewriting, the key may fit another file as well. */
	return put_final_key(s);
}

/* ---- opening and closing ---- */

static void close_sealed(void *context)
{
	struct sealed *s = context;
	if (s->data_file >= 0)
		s->files->close(s->data_file);
	if (s->lock_file >= 0)
		close(s->lock_file);
	generation_free(&s->generation);
	secret_free(&s->state_key);
	for (size_t i = 0; i < ARRAY_SIZE(s->keys); i++)
		secret_free(&s->keys[i]);
	blob_free(&s->public_section);
	blob_free(&s->held);
	free(s->locked);
	free(s->folder);
	free(s->data_path);
	free(s->key_path);
	free(s->new_data_path);
	free(s->new_key_path);
	free(s);
}

static const char *locked(void *context)
{
	return ((struct sealed *)context)->locked;
}

static bytes public_section(void *context)
{
	return blob_view(&((struct sealed *)context)->public_section);
}

static bool foreign(void *context)
{
	return ((struct sealed *)context)->foreign;
}

static error *join(const char *folder, const char *name, char **ret)
{
	char *path = NULL;
	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return error_no_memory();
	*ret = path;
	return NULL;
}

static error *name_files(struct sealed *s, const char *folder)
{
	s->folder = strdup(folder);
	TRY_ALLOC(s->folder);
	TRY(join(folder, "sealed_data", &s->data_path));
	TRY(join(folder, "sealed_key", &s->key_path));
	TRY(join(folder, "sealed_data.new", &s->new_data_path));
	return join(folder, "sealed_key.new", &s->new_key_path);
}

/* Two coordinators on one folder would each write what the other does not know. */
static error *take_folder(struct sealed *s)
{
	CLEANUP_FREE char *path = NULL;
	if (mkdir(s->folder, 0700) != 0 && errno != EEXIST)
		return file_error("making the folder", s->folder);
	TRY(join(s->folder, ".lock", &path));
	s->lock_file = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->lock_file < 0)
		return file_error("making", path);
	/* Library operating systems may know no locks: theirs would not reach another enclave anyway. */
	int failure = flock(s->lock_file, LOCK_EX | LOCK_NB) == 0 || errno == ENOSYS ? 0 : errno;
	if (failure == EWOULDBLOCK)
		return error_new(ERROR_CONFLICT, "%s is in use by another coordinator", s->folder);
	if (failure)
		return error_errno(ERROR_UNAVAILABLE, failure, "locking %s", path);
	s->files->remove(s->new_data_path);
	s->files->remove(s->new_key_path);
	return NULL;
}

static error *open_state(struct sealed *s, struct map *ret, struct store_head *ret_head)
{
	error *e = read_whole(s, s->data_path, FILE_MAX, &s->data_file, &s->held);
	if (e && error_code(e) == ERROR_NOT_FOUND) {
		error_free(e);
		return NULL;
	}
	TRY(e);
	e = try_sealed_key(s, ret, ret_head);
	if (!e) {
		blob_free(&s->held);
		return NULL;
	}
	if (error_code(e) == ERROR_NO_MEMORY || error_code(e) == ERROR_UNAVAILABLE) {
		map_clear(ret);
		return e;
	}
	map_clear(ret);
	set_locked(s, error_message(e));
	error_free(e);
	return s->locked ? NULL : error_no_memory();
}

static error *prepare(const struct sealed_options *options, struct sealed *s, struct map *ret,
		      struct store_head *ret_head)
{
	s->files = options->files ? options->files : &system_files;
	s->lock_file = s->data_file = -1;
	TRY(name_files(s, options->folder));
	TRY(secret_copy(options->product_key, &s->keys[SEALED_FOR_PRODUCT]));
	TRY(secret_copy(options->unique_key, &s->keys[SEALED_FOR_UNIQUE]));
	TRY(take_folder(s));
	return open_state(s, ret, ret_head);
}

error *store_open_sealed(const struct sealed_options *options, struct store **ret)
{
	static const struct store_backend backend = { commit, rewrite, crowded, locked, public_section, foreign,
						      unlock, lock, close_sealed };
	struct map read = { 0 };
	struct store_head head = { 0 };
	struct sealed *s = calloc(1, sizeof *s);
	TRY_ALLOC(s);
	s->lock_file = s->data_file = -1;
	error *e = prepare(options, s, &read, &head);
	if (e) {
		map_clear(&read);
		close_sealed(s);
		return e;
	}
	return store_new(&backend, s, &read, &head, ret);
}
