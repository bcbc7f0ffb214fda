/* SPDX-License-Identifier: Apache-2.0 */
/* Giving a file another path, or a path another file, by mounting. */
#include <linux/mount.h>
#include "attempt.h"

/* glibc's <sys/mount.h> and the kernel's <linux/mount.h> do not go together */
int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int umount2(const char *target, int flags);
#define LAZILY 2
#define EMPTY_PATH AT_EMPTY_PATH

/* mount HOW FROM TO */
static int make_mount(char **w)
{
	const char *how = w[1];

	if (!strcmp(how, "bind"))
		return result(mount(w[2], w[3], NULL, MS_BIND, NULL));
	if (!strcmp(how, "recursive"))
		return result(mount(w[2], w[3], NULL, MS_BIND | MS_REC, NULL));
	if (!strcmp(how, "move"))
		return result(mount(w[2], w[3], NULL, MS_MOVE, NULL));
	if (!strcmp(how, "overlay")) {
		char options[512];

		snprintf(options, sizeof(options), "lowerdir=%s:/var/empty", w[2]);
		mkdir("/var/empty", 0755);
		return result(mount("overlay", w[3], "overlay", MS_RDONLY, options));
	}
	return result(mount(w[2], w[3], how, 0, NULL)); /* a file system of the type HOW */
}

/* mount-tree FROM TO: the new system calls */
static int move_tree(char **w)
{
	int fd = syscall(SYS_open_tree, AT_FDCWD, w[1], OPEN_TREE_CLONE | AT_RECURSIVE);

	if (fd < 0)
		return errno;
	return result(syscall(SYS_move_mount, fd, "", AT_FDCWD, w[2], MOVE_MOUNT_F_EMPTY_PATH));
}

/* tree FROM: a copy of a mount that is attached nowhere, held */
static int detach_tree(char **w)
{
	return hold(syscall(SYS_open_tree, AT_FDCWD, w[1], OPEN_TREE_CLONE | (w[2] ? AT_RECURSIVE : 0)));
}

/* fresh-fs TYPE: a file system that was never mounted, held */
static int make_detached(char **w)
{
	int fd = syscall(SYS_fsopen, w[1], 0);

	if (fd < 0 || syscall(SYS_fsconfig, fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return errno;
	return hold(syscall(SYS_fsmount, fd, 0, 0));
}

static int lazily_unmount(char **w)
{
	return result(umount2(w[1], LAZILY));
}

/* pivot ROOT: it becomes the root of this mount namespace */
static int pivot(char **w)
{
	if (chdir(w[1]))
		return errno;
	return result(syscall(SYS_pivot_root, ".", ".")) ?: result(umount2(".", LAZILY));
}

static int change_propagation(char **w)
{
	return result(mount(NULL, w[1], NULL, MS_REC | MS_PRIVATE, NULL));
}

/* mount-attribute PATH: propagation, by the new system call */
static int set_mount_attribute(char **w)
{
	struct mount_attr wanted = { .propagation = MS_PRIVATE };

	return result(syscall(SYS_mount_setattr, AT_FDCWD, w[1], 0, &wanted, sizeof(wanted)));
}

const struct step MOUNTS[] = {
	{ "mount", make_mount }, { "mount-tree", move_tree }, { "tree", detach_tree }, { "fresh-fs", make_detached }, { "unmount", lazily_unmount },
	{ "pivot", pivot }, { "private", change_propagation }, { "mount-attribute", set_mount_attribute }, {}
};
