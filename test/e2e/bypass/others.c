/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that make the kernel use a file or a capability for the caller, and the enforcer's own pins. */
#include <glob.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/acct.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/swap.h>
#include <sys/time.h>
#include "attempt.h"

/* capability WHAT: something that needs it */
static int use_capability(char **w)
{
	const char *what = w[1];

	if (!strcmp(what, "sethostname"))
		return result(sethostname("bypassed", 8));
	if (!strcmp(what, "setdomainname"))
		return result(setdomainname("bypassed", 8));
	if (!strcmp(what, "chroot"))
		return result(chroot("/"));
	if (!strcmp(what, "nice"))
		return result(setpriority(PRIO_PROCESS, 0, -5));
	if (!strcmp(what, "chown"))
		return result(chown(w[2], 1234, 1234));
	if (!strcmp(what, "mknod"))
		return result(mknod(w[2], S_IFCHR | 0600, (1 << 8) | 3));
	if (!strcmp(what, "handle"))
		return result(syscall(SYS_open_by_handle_at, open("/", O_RDONLY), NULL, O_RDONLY)) == EFAULT ? 0 : errno;
	return MISTAKE;
}

/* acct PATH: the kernel writes to it */
static int account(char **w)
{
	return result(acct(w[1]));
}

static int swap_to(char **w)
{
	int error = result(swapon(w[1], 0));

	return error == EINVAL ? 0 : error; /* it was opened and read, and is no swap space */
}

static int call_bpf(int command, union bpf_attr *attributes)
{
	return syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

/* object PATH: a pinned map or link, opened by its path */
static int open_object(char **w)
{
	union bpf_attr attributes = { .pathname = (uintptr_t)w[1] };

	return result(call_bpf(BPF_OBJ_GET, &attributes));
}

/* lift-rules NAME: finds a map of that name by its id, and empties it */
static int lift_rules(char **w)
{
	union bpf_attr next = {};
	int found = ENOENT;

	while (!call_bpf(BPF_MAP_GET_NEXT_ID, &next)) {
		struct bpf_map_info info = {};
		union bpf_attr get = { .map_id = next.next_id }, describe = { .info = { .info_len = sizeof(info), .info = (uintptr_t)&info } };
		union bpf_attr update = {};
		uint64_t nothing = 0;
		int fd = call_bpf(BPF_MAP_GET_FD_BY_ID, &get);

		next.start_id = next.next_id;
		if (fd < 0)
			return errno;
		describe.info.bpf_fd = fd;
		if (!call_bpf(BPF_OBJ_GET_INFO_BY_FD, &describe) && !strcmp(info.name, w[1])) {
			for (uint32_t index = 0; index < 64; index++) {
				update = (union bpf_attr){ .map_fd = fd, .key = (uintptr_t)&index, .value = (uintptr_t)&nothing };
				if (call_bpf(BPF_MAP_UPDATE_ELEM, &update))
					return errno;
			}
			found = 0;
		}
		close(fd);
	}
	return found;
}

/* take-links: a descriptor of every link there is, by its id */
static int take_links(char **w)
{
	union bpf_attr next = {};

	(void)w;
	while (!call_bpf(BPF_LINK_GET_NEXT_ID, &next)) {
		union bpf_attr get = { .link_id = next.next_id };
		int fd = call_bpf(BPF_LINK_GET_FD_BY_ID, &get);

		if (fd < 0)
			return errno;
		close(fd);
		next.start_id = next.next_id;
	}
	return errno == ENOENT ? 0 : errno;
}

/* A descriptor of the first pinned object whose path is like that. */
static int open_like(const char *pattern)
{
	union bpf_attr get = {};
	glob_t found;

	if (glob(pattern, 0, NULL, &found) || !found.gl_pathc) {
		errno = ENOENT;
		return -1;
	}
	get.pathname = (uintptr_t)found.gl_pathv[0];
	return call_bpf(BPF_OBJ_GET, &get);
}

/* lift-link HOW PATTERN: a pinned link; where its kind cannot be detached, or for want of another program, the kernel was ready to */
static int lift_link(char **w)
{
	int fd = open_like(w[2]), error;
	union bpf_attr detach = { .link_detach = { .link_fd = fd } }, update = { .link_update = { .link_fd = fd, .new_prog_fd = -1 } };

	if (fd < 0)
		return errno;
	error = result(!strcmp(w[1], "detach") ? call_bpf(BPF_LINK_DETACH, &detach) : call_bpf(BPF_LINK_UPDATE, &update));
	return error == EOPNOTSUPP || error == EBADF ? 0 : error;
}

/* pose PATTERN: runs a pinned iterator, as the agent does */
static int pose(char **w)
{
	int fd = open_like(w[1]);
	union bpf_attr iterate = { .iter_create = { .link_fd = fd } };
	char chunk[4096];

	if (fd < 0)
		return errno;
	fd = call_bpf(BPF_ITER_CREATE, &iterate);
	if (fd < 0)
		return errno;
	while (read(fd, chunk, sizeof(chunk)) > 0)
		;
	return 0;
}

/* put PATH VALUE: a setting of the kernel's */
static int put(char **w)
{
	int fd = open(w[1], O_WRONLY), error = result(fd);

	return error ? error : result(write(fd, w[2], strlen(w[2])));
}

static int make_map(char **w)
{
	union bpf_attr attributes = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };

	(void)w;
	return result(call_bpf(BPF_MAP_CREATE, &attributes));
}

static int count_events(char **w)
{
	struct perf_event_attr attributes = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attributes), .config = PERF_COUNT_SW_CPU_CLOCK };

	(void)w;
	return result(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
}

/* module HOW: one that is none, so that the kernel has taken it when it says so */
static int load_module(char **w)
{
	static char none[4096] = "no module";
	int error = 0;

	if (!strcmp(w[1], "memory"))
		error = result(syscall(SYS_init_module, none, sizeof(none), ""));
	else
		error = result(syscall(SYS_finit_module, open(HOME "/plain", O_RDONLY), "", 0));
	return error == ENOEXEC ? 0 : error;
}

const struct step OTHERS[] = {
	{ "capability", use_capability }, { "acct", account }, { "swap", swap_to }, { "object", open_object }, { "lift-rules", lift_rules },
	{ "take-links", take_links }, { "lift-link", lift_link }, { "pose", pose }, { "put", put }, { "bpf-map", make_map }, { "perf", count_events }, { "module", load_module }, {}
};
