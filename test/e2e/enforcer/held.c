/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the actor (actor.c): system calls that rules can block and no other command makes. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/uio.h>
#include "../bypass/attempt.h"
#include "held.h"

#define CLONE_TREE 1
#define EMPTY_PATH 4
#define NO_INITRAMFS 4
#define TOO_MANY_SEGMENTS 17

/* Reads or writes a child's memory, or takes its standard input. */
static int reach_child(char **w)
{
	static char here[8], there[8];
	struct iovec ours = { here, sizeof(here) }, theirs = { there, sizeof(there) };
	pid_t child = fork();
	long done;
	int error;

	if (child == 0) {
		pause();
		_exit(0);
	}
	if (!strcmp(w[0], "vm-read"))
		done = process_vm_readv(child, &ours, 1, &theirs, 1, 0);
	else if (!strcmp(w[0], "vm-write"))
		done = process_vm_writev(child, &ours, 1, &theirs, 1, 0);
	else
		done = syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, child, 0), 0, 0);
	error = result(done);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return error;
}

/* move-mount FROM TO */
static int move_clone(char **w)
{
	int clone = syscall(SYS_open_tree, AT_FDCWD, w[1], CLONE_TREE);

	return clone < 0 ? errno : result(syscall(SYS_move_mount, clone, "", AT_FDCWD, w[2], EMPTY_PATH));
}

/* pivot ROOT, which is in the mount that is the root already */
static int pivot(char **w)
{
	return result(syscall(SYS_pivot_root, w[1], w[1]));
}

/* More segments than there can be: the kernel says so when it has taken the call. */
static int load_kernel(char **w)
{
	(void)w;
	return result(syscall(SYS_kexec_load, 0, TOO_MANY_SEGMENTS, NULL, 0));
}

/* kexec-file FILE, which is no kernel */
static int load_kernel_file(char **w)
{
	return result(syscall(SYS_kexec_file_load, open(w[1], O_RDONLY), -1, 0, NULL, NO_INITRAMFS));
}

const struct step HELD_CALLS[] = {
	{ "vm-read", reach_child }, { "vm-write", reach_child }, { "take-input", reach_child }, { "move-mount", move_clone }, { "pivot", pivot },
	{ "kexec", load_kernel }, { "kexec-file", load_kernel_file }, {}
};
