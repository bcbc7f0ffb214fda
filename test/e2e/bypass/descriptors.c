/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that somebody else opened, and what can be done with one. */
#include <signal.h>
#include <sys/fanotify.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include "attempt.h"

static int send_descriptor(int channel, int fd)
{
	char byte = 'x', control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	return result(sendmsg(channel, &message, 0));
}

/* The descriptor that comes through the channel; EACCES when the kernel has taken it out of the message. */
static int receive_descriptor(int channel)
{
	char byte, control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *header;
	int fd = -1;

	if (recvmsg(channel, &message, 0) != 1)
		return -1;
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int))) {
		errno = EACCES;
		return -1;
	}
	memcpy(&fd, CMSG_DATA(header), sizeof(int));
	return fd;
}

/* For outside: send PATH: another process opens it and passes it on; that process stays. */
static int send_from_beside(char **w)
{
	int ends[2], fd;
	char text[16];
	pid_t other;

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends))
		return errno;
	fd = open(w[1], w[2] && !strcmp(w[2], "write") ? O_RDWR : O_RDONLY);
	if (fd < 0 || dup2(fd, HELD + 2) < 0) /* before there is the other process: nobody waits for it to run */
		return errno;
	other = fork();
	if (other == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (send_descriptor(ends[1], fd))
			_exit(1);
		for (;;)
			pause();
	}
	close(fd);
	close(HELD + 2);
	snprintf(text, sizeof(text), "%d", other);
	return result(dup2(ends[0], CHANNEL)) ?: result(setenv("BESIDE", text, 1));
}

static int receive(char **w)
{
	(void)w;
	return hold(receive_descriptor(CHANNEL));
}

/* take: the other process's descriptor, by its number there */
static int take_by_pidfd(char **w)
{
	int pidfd = syscall(SYS_pidfd_open, atoi(getenv("BESIDE") ?: "0"), 0);

	(void)w;
	return hold(pidfd < 0 ? -1 : syscall(SYS_pidfd_getfd, pidfd, HELD + 2, 0));
}

static int read_held(char **w)
{
	(void)w;
	return reads(HELD);
}

/* reopen: the held descriptor once more, with other rights */
static int reopen_held(char **w)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", HELD);
	if (w[1] && !strcmp(w[1], "write"))
		return writes(open(path, O_RDWR));
	return reads(open(path, O_RDONLY));
}

/* open-at NAME: from the held directory */
static int open_at_held(char **w)
{
	return reads(openat(HELD, w[1], O_RDONLY));
}

static int execute_at_held(char **w, char **rest)
{
	(void)rest;
	syscall(SYS_execveat, HELD, w[1], (char *[]){ w[1], NULL }, environ, 0);
	return errno;
}

static int moved(int from, const char *how, int to)
{
	int ends[2];
	ssize_t sent;

	if (from < 0 || to < 0)
		return errno;
	if (!strcmp(how, "sendfile"))
		return sendfile(to, from, NULL, 64) > 0 ? 0 : errno;
	if (!strcmp(how, "copy-file-range"))
		return copy_file_range(from, NULL, to, NULL, 64, 0) > 0 ? 0 : errno;
	if (pipe(ends))
		return errno;
	sent = splice(from, NULL, ends[1], NULL, 64, 0);
	return sent > 0 && splice(ends[0], NULL, to, NULL, sent, 0) == sent ? 0 : errno;
}

/* transfer HOW FROM TO: without a read or a write */
static int transfer(char **w)
{
	return moved(open(w[2], O_RDONLY), w[1], open(w[3], O_WRONLY | O_CREAT, 0644));
}

/* map HOW PATH: through memory */
static int through_memory(char **w)
{
	int write = strcmp(w[1], "write") == 0, fd = open(w[2], write ? O_RDWR : O_RDONLY);
	char *page;

	if (fd < 0)
		return errno;
	page = mmap(NULL, 4096, write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return errno;
	if (!write)
		return memcmp(page, SECRET, strlen(SECRET)) ? ENODATA : 0;
	memcpy(page, "spoiled", 7);
	return result(msync(page, 4096, MS_SYNC));
}

/* watch DIRECTORY PATH: fanotify opens for its reader what others open */
static int take_from_watch(char **w)
{
	int watch = fanotify_init(FAN_CLASS_NOTIF, O_RDONLY);
	struct fanotify_event_metadata event;

	if (watch < 0 || fanotify_mark(watch, FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD, AT_FDCWD, w[1]))
		return errno;
	/* whoever opens it, fails or not, makes an event with O_PATH's opposite: a process that may */
	kill(atoi(getenv("BESIDE") ?: "0"), SIGUSR1);
	if (read(watch, &event, sizeof(event)) != sizeof(event))
		return errno;
	return reads(event.fd);
}

static char *watched;

static void open_watched(int signal)
{
	int fd = open(watched, O_RDONLY);

	(void)signal;
	if (fd >= 0)
		close(fd);
}

/* For outside: opener PATH: a process that opens it whenever it is asked to */
static int keep_opener(char **w)
{
	pid_t other;
	char text[16];

	watched = w[1];
	signal(SIGUSR1, open_watched); /* inherited, so that it is there before anybody asks */
	other = fork();
	if (other == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	snprintf(text, sizeof(text), "%d", other);
	return result(other < 0 ? -1 : setenv("BESIDE", text, 1));
}

const struct step DESCRIPTORS[] = {
	{ "send", send_from_beside }, { "receive", receive }, { "take", take_by_pidfd }, { "read-held", read_held }, { "reopen-held", reopen_held },
	{ "open-at-held", open_at_held }, { "exec-at-held", .enter = execute_at_held }, { "transfer", transfer }, { "map", through_memory },
	{ "watch", take_from_watch }, { "opener", keep_opener }, {}
};
