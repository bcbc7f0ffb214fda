/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent needs from libbpf beyond plain calls: opening an object for the kernel that is there, pinning, attaching. All else (map updates
 * and look-ups) the agent calls in libbpf itself, through the same library handle.
 *
 * Errors: functions return a negative errno or NULL, and parapet_messages() has what libbpf said meanwhile.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "hooks.h"

#define MESSAGES_BYTES 16384
#define MESSAGE_END 4096

static char messages[MESSAGES_BYTES];
static size_t messages_used;
static int loading; /* objects */
static pthread_mutex_t messages_lock = PTHREAD_MUTEX_INITIALIZER;

/* Keeps the last messages: when there is no room, the older half goes. Of a long one, which a verifier's log is, its end says why. */
static int keep_message(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char *message, *end;
	int length;

	if (level == LIBBPF_DEBUG)
		return 0;
	length = vasprintf(&message, format, arguments);
	if (length < 0)
		return 0;
	end = message;
	if (length > MESSAGE_END) {
		end += length - MESSAGE_END;
		length = MESSAGE_END;
	}
	pthread_mutex_lock(&messages_lock);
	if (messages_used + length >= MESSAGES_BYTES) {
		size_t half = messages_used / 2;

		memmove(messages, messages + half, messages_used - half);
		messages_used -= half;
	}
	memcpy(messages + messages_used, end, length);
	messages_used += length;
	messages[messages_used] = '\0';
	pthread_mutex_unlock(&messages_lock);
	free(message);
	return length;
}

/* What libbpf has said since a load began while there was no other; the verifier's log among it. */
const char *parapet_messages(void)
{
	return messages;
}

static int set_pins(struct bpf_object *object, const char *directory)
{
	struct bpf_map *map;
	char path[512];

	bpf_object__for_each_map(map, object) {
		int error;

		if (bpf_map__is_internal(map))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", directory, bpf_map__name(map)) >= (int)sizeof(path))
			return -ENAMETOOLONG;
		error = bpf_map__set_pin_path(map, path);
		if (error)
			return error;
	}
	return 0;
}

int parapet_set_locks(struct bpf_object *object);                          /* locks.c */
int parapet_note_own(struct bpf_object *object);                           /* own.c */
int parapet_note_link(struct bpf_object *object, struct bpf_link *link);   /* own.c */
struct bpf_link *parapet_attach_program(struct bpf_program *program);      /* attach.c */
int parapet_aim(struct bpf_object *shared, struct bpf_object *hooks);      /* share.c */

/*
 * Objects that share pinned maps may be loaded at the same time: the first makes the maps, and others wait until it has, to find them by their
 * pins. One that has programs for hooks tells so when the first of them is loaded, any other when all is.
 */
static pthread_mutex_t maker_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t maker_done = PTHREAD_COND_INITIALIZER;
static bool has_maker;
static __thread bool is_maker;

static void make_maps_or_wait(void)
{
	pthread_mutex_lock(&maker_lock);
	is_maker = !has_maker;
	has_maker = true;
	while (!is_maker && has_maker)
		pthread_cond_wait(&maker_done, &maker_lock);
	pthread_mutex_unlock(&maker_lock);
}

void parapet_maps_are_made(void)
{
	if (!is_maker)
		return;
	is_maker = false;
	pthread_mutex_lock(&maker_lock);
	has_maker = false;
	pthread_cond_broadcast(&maker_done);
	pthread_mutex_unlock(&maker_lock);
}

static void begin_messages(void)
{
	pthread_mutex_lock(&messages_lock);
	if (loading++ == 0) {
		messages_used = 0;
		messages[0] = '\0';
	}
	pthread_mutex_unlock(&messages_lock);
}

static void end_messages(void)
{
	pthread_mutex_lock(&messages_lock);
	loading--;
	pthread_mutex_unlock(&messages_lock);
}

static int load(struct bpf_object *object, const char *pins, struct bpf_object *hooks)
{
	int error = hooks ? parapet_aim(object, hooks) : parapet_leave_out_missing(object);

	if (!error)
		error = parapet_set_locks(object);
	if (!error && *pins)
		error = set_pins(object, pins);
	if (!error)
		error = bpf_object__load(object);
	return error ? error : parapet_note_own(object);
}

/*
 * Opens and loads an object, without the programs whose hooks this kernel lacks. With `pins` not empty, its maps are pinned in that
 * directory, or taken from there. An object of shared functions is told the loaded object of their `hooks`, any other NULL. NULL on
 * failure, with *error set. May be called by several threads.
 */
struct bpf_object *parapet_load(const char *path, const char *pins, struct bpf_object *hooks, int *error)
{
	struct bpf_object *object;

	begin_messages();
	libbpf_set_print(keep_message);
	if (*pins)
		make_maps_or_wait();
	object = bpf_object__open_file(path, NULL);
	*error = object ? load(object, pins, hooks) : -errno;
	parapet_maps_are_made();
	end_messages();
	if (!*error)
		return object;
	bpf_object__close(object);
	return NULL;
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
			link = parapet_attach_program(program);
			if (!link)
				return -errno;
			error = parapet_note_link(object, link);
			if (!error && *directory)
				error = bpf_link__pin(link, path);
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
	error = parapet_leave_out_missing(object);
	bpf_object__for_each_program(program, object) {
		if (error || bpf_program__autoload(program))
			continue;
		used += snprintf(buffer + used, capacity - used, "%s\n", parapet_hook_of(program));
		if (used >= capacity)
			error = -ENOSPC;
	}
	bpf_object__close(object);
	return error ? error : (int)used;
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
