/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the kernel programs which maps and programs are ours. */
#include <errno.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "abi.h"

/* Every kind of object begins its description with its type and its id. */
static int note(int own, __u64 kind, int fd)
{
	struct { __u32 type, id; } info = {};
	__u32 length = sizeof(info), value = 1;
	__u64 key;

	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		return -errno;
	key = kind << 32 | info.id;
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
