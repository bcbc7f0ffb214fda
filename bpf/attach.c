/* SPDX-License-Identifier: Apache-2.0 */
/* Attaches one program to what its section names. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

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

struct bpf_link *parapet_attach_program(struct bpf_program *program)
{
	struct bpf_link *link;
	int cgroup;

	if (bpf_program__type(program) == BPF_PROG_TYPE_LSM)
		return bpf_program__attach_lsm(program);
	if (bpf_program__type(program) != BPF_PROG_TYPE_CGROUP_SKB)
		return bpf_program__attach(program);
	cgroup = open_cgroup_root();
	if (cgroup < 0)
		return NULL;
	link = bpf_program__attach_cgroup(program, cgroup);
	close(cgroup);
	return link;
}
