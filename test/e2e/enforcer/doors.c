/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands of the actor (actor.c) on paths by other doors than plain system calls, of which io_uring and the 32-bit entry are the bypass attempts'
 * steps; and on what is a file to the kernel only: message queues, shared memory, pipes.
 */
#define _GNU_SOURCE
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "../bypass/attempt.h"
#include "doors.h"
#include "held.h"

/* What the steps do with an opened file: here opening it is all. */
int reads(int fd)
{
	int error = result(fd);

	if (fd >= 0)
		close(fd);
	return error;
}

static int open_by_handle(const char *mount, const char *path)
{
	struct { struct file_handle handle; unsigned char bytes[128]; } file = { .handle.handle_bytes = 128 };
	int id, root = open(mount, O_PATH);

	if (root < 0 || name_to_handle_at(AT_FDCWD, path, &file.handle, &id, 0))
		return errno;
	root = open(mount, O_RDONLY);
	return root < 0 ? errno : reads(open_by_handle_at(root, &file.handle, O_RDONLY));
}

static int bind_local(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), error;

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	error = result(fd < 0 ? -1 : bind(fd, (void *)&address, sizeof(address)));
	close(fd);
	return error;
}

static int cut(const char *path)
{
	int fd = open(path, O_WRONLY), error = fd < 0 ? errno : result(ftruncate(fd, 0));

	close(fd);
	return error;
}

/* queue make|write|read|remove NAME: a message queue of POSIX */
static int use_queue(const char *what, const char *name)
{
	mqd_t queue;

	if (!strcmp(what, "remove"))
		return result(mq_unlink(name));
	if (!strcmp(what, "make"))
		queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
	else
		queue = mq_open(name, (what[0] == 'w' ? O_WRONLY : O_RDONLY) | O_NONBLOCK);
	if (queue < 0)
		return errno;
	if (what[0] == 'w' && mq_send(queue, "x", 1, 0))
		return errno;
	return result(mq_close(queue));
}

/* Shared memory of System V: made, attached, used and removed; executable where `flags` say so. */
static int share_memory(int flags)
{
	int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0700);
	char *memory = id < 0 ? (void *)-1 : shmat(id, NULL, flags);
	int error = memory == (void *)-1 ? errno : 0;

	if (!error) {
		*(volatile char *)memory = 1;
		error = result(shmdt(memory));
	}
	shmctl(id, IPC_RMID, NULL);
	return error;
}

/* Opens once more what has no path, by its descriptor: pipe, memfd. */
static int open_anew(const char *what)
{
	char name[64];
	int fds[2] = { -1, -1 };

	if (!strcmp(what, "pipe") && pipe(fds))
		return errno;
	if (!strcmp(what, "memfd"))
		fds[0] = memfd_create("memory", 0);
	if (fds[0] < 0)
		return errno;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fds[0]);
	return reads(open(name, O_RDWR));
}

/* One of the steps of bypass attempts, in a process of its own where it becomes another program. */
static int act_by(const struct step *step, char **w)
{
	char *nothing[] = { NULL };
	pid_t child;

	for (; step->name && strcmp(step->name, w[0]); step++)
		;
	if (!step->name)
		return ENOSYS;
	if (step->act)
		return step->act(w);
	child = fork();
	if (child == 0)
		_exit(step->enter(w, nothing));
	return wait_for(child);
}

int act_by_other_doors(char **w)
{
	int error;

	if (!strcmp(w[0], "handle"))
		return open_by_handle(w[1], w[2]);
	if (!strcmp(w[0], "bind-local"))
		return bind_local(w[1]);
	if (!strcmp(w[0], "cut"))
		return cut(w[1]);
	if (!strcmp(w[0], "queue"))
		return use_queue(w[1], w[2]);
	if (!strcmp(w[0], "shared-memory"))
		return share_memory(w[1] ? SHM_EXEC : 0);
	if (!strcmp(w[0], "anew"))
		return open_anew(w[1]);
	error = act_by(HELD_CALLS, w);
	if (error == ENOSYS)
		error = act_by(URING, w);
	return error == ENOSYS ? act_by(COMPAT, w) : error;
}
