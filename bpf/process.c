/* SPDX-License-Identifier: Apache-2.0 */
/* Signals to a process that stays the same one, whatever happens to its number meanwhile. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A descriptor of the process with this number, or a negative error. */
int parapet_pidfd(int pid)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}

int parapet_signal(int pidfd, int signal)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}
