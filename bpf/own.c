/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the kernel programs which maps, programs and links are ours. */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "abi.h"

/* A descriptor of what has that id, or a negative error. */
static int open_noted(__u64 key)
{
	switch (key >> 32) {
	case OWN_MAP:
		return bpf_map_get_fd_by_id((__u32)key);
	case OWN_PROGRAM:
		return bpf_prog_get_fd_by_id((__u32)key);
	default:
		return bpf_link_get_fd_by_id((__u32)key);
	}
}

/* Makes room: forgets what earlier agents had and is no more. */
static void forget_gone(int own)
{
	__u64 key, next;
	int error = bpf_map_get_next_key(own, NULL, &next);

	while (!error) {
		int fd = open_noted(next);

		key = next;
		error = bpf_map_get_next_key(own, &key, &next);
		if (fd >= 0)
			close(fd);
		else if (fd == -ENOENT)
			bpf_map_delete_elem(own, &key);
	}
}

/* Every kind of object begins its description with its type and its id. */
static int note(int own, __u64 kind, int fd)
{
	struct { __u32 type, id; } info = {};
	__u32 length = sizeof(info), value = 1;
	__u64 key;

	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		return -errno;
	key = kind << 32 | info.id;
	if (!bpf_map_update_elem(own, &key, &value, BPF_ANY))
		return 0;
	if (errno != E2BIG)
		return -errno;
	forget_gone(own);
	return bpf_map_update_elem(own, &key, &value, BPF_ANY) ? -errno : 0;
}

/* Writes the ids of the object's maps and programs into its map `own`, if it has one: the programs keep containers away from those. */
int parapet_note_own(struct bpf_object *object)
{
	int own = bpf_object__find_map_fd_by_name(object, "own"), error = 0;
	struct bpf_program *program;
	struct bpf_map *map;

	if (own < 0)
		return 0;
	bpf_object__for_each_map(map, object)
		error = error ? error : note(own, OWN_MAP, bpf_map__fd(map));
	bpf_object__for_each_program(program, object)
		if (bpf_program__autoload(program))
			error = error ? error : note(own, OWN_PROGRAM, bpf_program__fd(program));
	return error;
}

/* The same for a link of one of the object's programs. */
int parapet_note_link(struct bpf_object *object, struct bpf_link *link)
{
	int own = bpf_object__find_map_fd_by_name(object, "own");

	return own < 0 ? 0 : note(own, OWN_LINK, bpf_link__fd(link));
}

/* Runs that the kernel left out of the program that has this key, because the processor was running it for another task already. */
static __u64 missed_by(__u64 key)
{
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);
	int fd = open_noted(key), error;

	if (fd < 0) /* it is gone */
		return 0;
	error = bpf_obj_get_info_by_fd(fd, &info, &length);
	close(fd);
	return error ? 0 : info.recursion_misses;
}

/*
 * How many runs of our programs the kernel left out: kernels do that whose trampolines do not know yet that a program for a hook may run twice at
 * a time. `own` is the descriptor of the map that parapet_note_own fills. At most INT_MAX.
 */
int parapet_missed_runs(int own)
{
	__u64 key, *from = NULL, missed = 0;

	for (; !bpf_map_get_next_key(own, from, &key); from = &key)
		if (key >> 32 == OWN_PROGRAM)
			missed += missed_by(key);
	return missed < INT_MAX ? missed : INT_MAX;
}
