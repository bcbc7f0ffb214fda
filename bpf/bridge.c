/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent needs from libbpf beyond plain calls: opening an object for the kernel that is there, pinning, attaching, and emptying the
 * ring buffer in batches. All else (map updates and look-ups) the agent calls in libbpf itself, through the same library handle.
 *
 * Errors: functions return a negative errno or NULL, and parapet_messages() has what libbpf said meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>


#define MESSAGES_BYTES 16384

static char messages[MESSAGES_BYTES];
static size_t messages_used;

/* Keeps the last messages: when there is no room, the older half goes. */
static int keep_message(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char line[2048];
	int length = vsnprintf(line, sizeof(line), format, arguments);

	if (level == LIBBPF_DEBUG || length <= 0)
		return 0;
	if ((size_t)length >= sizeof(line))
		length = sizeof(line) - 1;
	if (messages_used + length >= MESSAGES_BYTES) {
		size_t half = messages_used / 2;

		memmove(messages, messages + half, messages_used - half);
		messages_used -= half;
	}
	memcpy(messages + messages_used, line, length);
	messages_used += length;
	messages[messages_used] = '\0';
	return length;
}

/* What libbpf has said since the last parapet_load; the verifier's log among it. */
const char *parapet_messages(void)
{
	return messages;
}

/* Does this kernel have what the program attaches to? Other kinds of programs are not optional. */
static bool has_target(const struct btf *kernel, const struct bpf_program *program)
{
	const char *section = bpf_program__section_name(program);
	char name[128];

	if (strncmp(section, "lsm/", 4) == 0) {
		snprintf(name, sizeof(name), "bpf_lsm_%s", section + 4);
		return btf__find_by_name_kind(kernel, name, BTF_KIND_FUNC) > 0;
	}
	if (strncmp(section, "tp_btf/", 7) == 0) {
		snprintf(name, sizeof(name), "btf_trace_%s", section + 7);
		return btf__find_by_name_kind(kernel, name, BTF_KIND_TYPEDEF) > 0;
	}
	return true;
}

static int leave_out_missing(struct bpf_object *object)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	struct bpf_program *program;

	if (!kernel)
		return -errno;
	bpf_object__for_each_program(program, object)
		if (!has_target(kernel, program))
			bpf_program__set_autoload(program, false);
	btf__free(kernel);
	return 0;
}

static int set_pins(struct bpf_object *object, const char *directory)
{
	struct bpf_map *map;
	char path[512];

	bpf_object__for_each_map(map, object) {
		int error;

		if (snprintf(path, sizeof(path), "%s/%s", directory, bpf_map__name(map)) >= (int)sizeof(path))
			return -ENAMETOOLONG;
		error = bpf_map__set_pin_path(map, path);
		if (error)
			return error;
	}
	return 0;
}

int parapet_note_own(struct bpf_object *object); /* own.c */
/*
 * Opens and loads an object, without the programs whose hooks this kernel lacks. With `pins` not empty, its maps are pinned in that
 * directory, or taken from there. NULL on failure, with *error set.
 */
struct bpf_object *parapet_load(const char *path, const char *pins, int *error)
{
	struct bpf_object *object;

	messages_used = 0;
	messages[0] = '\0';
	libbpf_set_print(keep_message);
	object = bpf_object__open_file(path, NULL);
	if (!object) {
		*error = -errno;
		return NULL;
	}
	*error = leave_out_missing(object);
	if (!*error && *pins)
		*error = set_pins(object, pins);
	if (!*error)
		*error = bpf_object__load(object);
	if (!*error)
		*error = parapet_note_own(object);
	if (!*error)
		return object;
	bpf_object__close(object);
	return NULL;
}

/* The root of the cgroup hierarchy, where a program sees the packets of every socket. */
static int open_cgroup_root(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct statfs facts;

		if (statfs(places[i], &facts) == 0 && facts.f_type == CGROUP2_SUPER_MAGIC)
			return open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	errno = ENOENT;
	return -1;
}

static struct bpf_link *attach_program(struct bpf_program *program)
{
	struct bpf_link *link;
	int cgroup;

	if (bpf_program__type(program) != BPF_PROG_TYPE_CGROUP_SKB)
		return bpf_program__attach(program);
	cgroup = open_cgroup_root();
	if (cgroup < 0)
		return NULL;
	link = bpf_program__attach_cgroup(program, cgroup);
	close(cgroup);
	return link;
}

/* Attaches every loaded program and pins its link in `directory` under the program's name; unpinned links live as long as this process.
 * Raw tracepoints are attached on demand: of those the program is pinned. On failure some are attached: the caller removes the directory. */
int parapet_attach(struct bpf_object *object, const char *directory)
{
	struct bpf_program *program;
	char path[512];

	bpf_object__for_each_program(program, object) {
		struct bpf_link *link;
		int error;

		if (!bpf_program__autoload(program))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", directory, bpf_program__name(program)) >= (int)sizeof(path))
			return -ENAMETOOLONG;
		if (strncmp(bpf_program__section_name(program), "raw_tp/", 7) == 0) {
			error = *directory ? bpf_program__pin(program, path) : 0;
		} else {
			link = attach_program(program);
			if (!link)
				return -errno;
			error = *directory ? bpf_link__pin(link, path) : 0;
			if (*directory)
				bpf_link__destroy(link); /* the pin holds it */
		}
		if (error)
			return error;
	}
	return 0;
}

/* Names of the hooks that an object has programs for and this kernel lacks, separated by newlines; returns the length. */
int parapet_missing(const char *path, char *buffer, size_t capacity)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	size_t used = 0;
	int error;

	if (!object)
		return -errno;
	error = leave_out_missing(object);
	bpf_object__for_each_program(program, object) {
		const char *hook = strchr(bpf_program__section_name(program), '/');

		if (error || bpf_program__autoload(program) || !hook)
			continue;
		used += snprintf(buffer + used, capacity - used, "%s\n", hook + 1);
		if (used >= capacity)
			error = -ENOSPC;
	}
	bpf_object__close(object);
	return error ? error : (int)used;
}

struct parapet_ring {
	struct ring_buffer *ring;
	char *buffer;
	size_t capacity;
	size_t used;
	size_t largest;          /* a record of this size must still fit for the next one to be taken */
};

/* A record was taken; a negative result stops after it. */
static int take_record(void *context, void *data, size_t size)
{
	struct parapet_ring *ring = context;
	__u32 length = size;

	if (ring->used + sizeof(length) + size > ring->capacity)
		return -ENOSPC;  /* cannot happen: see parapet_drain */
	memcpy(ring->buffer + ring->used, &length, sizeof(length));
	memcpy(ring->buffer + ring->used + sizeof(length), data, size);
	ring->used += sizeof(length) + size;
	return ring->capacity - ring->used < ring->largest + sizeof(length) ? -ENOSPC : 0;
}

/* Opens the ring buffer behind a map; no record is larger than `largest` bytes. NULL on failure, with *error set. */
struct parapet_ring *parapet_ring_open(int map, __u32 largest, int *error)
{
	struct parapet_ring *ring = calloc(1, sizeof(*ring));

	if (!ring) {
		*error = -ENOMEM;
		return NULL;
	}
	ring->largest = largest;
	ring->ring = ring_buffer__new(map, take_record, ring, NULL);
	if (ring->ring)
		return ring;
	*error = -errno;
	free(ring);
	return NULL;
}

/* Moves records into `buffer`, each as a 32-bit length and its bytes, until the ring is empty or the buffer is full. Returns the bytes used. */
int parapet_drain(struct parapet_ring *ring, char *buffer, size_t capacity)
{
	int taken;

	if (capacity < ring->largest + sizeof(__u32))
		return -EINVAL;
	ring->buffer = buffer;
	ring->capacity = capacity;
	ring->used = 0;
	taken = ring_buffer__consume(ring->ring);
	return taken < 0 && taken != -ENOSPC ? taken : (int)ring->used;
}

void parapet_ring_close(struct parapet_ring *ring)
{
	ring_buffer__free(ring->ring);
	free(ring);
}

/* Runs the iterator behind a link to its end; returns how many bytes it wrote. */
int parapet_iterate(int link)
{
	int fd = bpf_iter_create(link), total = 0;
	ssize_t length;
	char chunk[4096];

	if (fd < 0)
		return fd;
	while ((length = read(fd, chunk, sizeof(chunk))) != 0) {
		if (length > 0)
			total += length;
		else if (errno != EAGAIN && errno != EINTR) {
			total = -errno;
			break;
		}
	}
	close(fd);
	return total;
}
