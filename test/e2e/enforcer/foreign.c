/* SPDX-License-Identifier: Apache-2.0 */
/* Files by way of another mount namespace. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include "foreign.h"

/* A file of a mount namespace of its own, where its directory is elsewhere; opened by its descriptor after coming back. */
int read_foreign(const char *directory, const char *file)
{
	char path[64], link[64];
	int own = open("/proc/self/ns/mnt", O_RDONLY), fd;

	if (own < 0 || unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount(directory, "/mnt", NULL, MS_BIND, NULL))
		return errno;
	snprintf(path, sizeof(path), "/mnt/%s", file);
	fd = open(path, O_PATH);
	if (fd < 0 || setns(own, CLONE_NEWNS))
		return errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return open(link, O_RDONLY) < 0 ? errno : 0;
}
