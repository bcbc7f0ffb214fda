/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the actor (actor.c) that go round open(2) and execve(2), or into the kernel and other processes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "agent.h"
#include "doors.h"
#define PAGE 4096

static int result(long value)
{
	return value < 0 ? errno : 0;
}

/* Maps a file to execute it: at once, or only when it is there already. */
static int map_file(const char *path, int afterwards)
{
	int fd = open(path, O_RDONLY);
	void *memory;

	if (fd < 0)
		return errno;
	memory = mmap(NULL, PAGE, afterwards ? PROT_READ : PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	if (memory == MAP_FAILED)
		return errno;
	return afterwards ? result(mprotect(memory, PAGE, PROT_READ | PROT_EXEC)) : 0;
}

/* Executable memory without a file, by several ways. */
static int map_memory(const char *way)
{
	int flags = strcmp(way, "shared") == 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_PRIVATE | MAP_ANONYMOUS, fd = -1;
	void *memory;

	if (strcmp(way, "memfd") == 0) {
		fd = memfd_create("code", 0);
		flags = MAP_SHARED;
		if (fd < 0 || ftruncate(fd, PAGE))
			return errno;
	}
	if (strcmp(way, "at-once") == 0)
		return mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, flags, fd, 0) == MAP_FAILED ? errno : 0;
	memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (memory == MAP_FAILED)
		return errno;
	*(volatile char *)memory = (char)0xc3;
	return result(mprotect(memory, PAGE, PROT_READ | PROT_EXEC));
}

/* Changes the mapped program text of a file in private memory, then wants to run it. */
static int map_changed(const char *path)
{
	int fd = open(path, O_RDONLY);
	void *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	if (memory == MAP_FAILED)
		return errno;
	*(volatile char *)memory = (char)0xc3;
	return result(mprotect(memory, PAGE, PROT_READ | PROT_EXEC));
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	return connect(fd, (void *)&address, sizeof(address)) ? -1 : fd;
}

static void send_descriptor(int to, int fd)
{
	char space[CMSG_SPACE(sizeof(int))] = {}, byte = 0;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	sendmsg(to, &message, 0);
}

/* Gives whoever asks for `rPATH` or `wPATH` a descriptor of it. Until it is killed. */
static int offer(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (bind(listener, (void *)&address, sizeof(address)) || listen(listener, 8))
		return errno;
	for (;;) {
		char wish[256] = {};
		int to = accept(listener, NULL, NULL);

		if (read(to, wish, sizeof(wish) - 1) > 0)
			send_descriptor(to, open(wish + 1, wish[0] == 'w' ? O_WRONLY : wish[0] == 'p' ? O_PATH : O_RDONLY));
		close(to);
	}
}

/* EACCES when no descriptor arrives: the kernel leaves those out that are refused. */
static int take(const char *from, const char *wish)
{
	char space[CMSG_SPACE(sizeof(int))] = {}, byte;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space) };
	int fd = connect_to(from);

	if (fd < 0 || write(fd, wish, strlen(wish)) < 0 || recvmsg(fd, &message, 0) < 0)
		return errno;
	close(fd);
	return (message.msg_flags & MSG_CTRUNC) || !CMSG_FIRSTHDR(&message) ? EACCES : 0;
}

/* Opens a name in a clone of a tree that is mounted nowhere. */
static int open_in_clone(const char *tree, const char *name)
{
	int clone = syscall(SYS_open_tree, AT_FDCWD, tree, OPEN_TREE_CLONE);

	return clone < 0 ? errno : result(openat(clone, name, O_RDONLY));
}

static int open_again(const char *path)
{
	char name[64];
	int fd = open(path, O_PATH);

	if (fd < 0)
		return errno;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return result(open(name, O_RDONLY));
}

/* Attaches to a process, or to a child of its own, and lets it go. */
static int trace(const char *whom)
{
	pid_t child = strcmp(whom, "child") == 0 ? fork() : atoi(whom);
	int error;

	if (child == 0) {
		pause();
		_exit(0);
	}
	error = result(ptrace(PTRACE_SEIZE, child, 0, 0));
	if (strcmp(whom, "child") == 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	return error;
}

static int in_child(int (*what)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(what());
	waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}

static int trace_me(void)
{
	return result(ptrace(PTRACE_TRACEME, 0, 0, 0));
}

static int new_user_namespace(void)
{
	return result(unshare(CLONE_NEWUSER));
}

/* Takes a descriptor of every map or program there is. */
static int take_all(int next, int get)
{
	union bpf_attr attribute = {};

	while (syscall(SYS_bpf, next, &attribute, sizeof(attribute)) == 0) {
		union bpf_attr wanted = { .map_id = attribute.next_id };
		int fd = syscall(SYS_bpf, get, &wanted, sizeof(wanted));

		if (fd < 0 && errno != ENOENT)
			return errno;
		close(fd);
		attribute.start_id = attribute.next_id;
	}
	return errno == ENOENT ? 0 : errno;
}

static int make_map(void)
{
	union bpf_attr attribute = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };

	return result(syscall(SYS_bpf, BPF_MAP_CREATE, &attribute, sizeof(attribute)));
}

/* A text where 32-bit entries can see it. */
static unsigned int low_text(const char *text)
{
	void *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	return (unsigned int)(unsigned long)strcpy(memory, text);
}

/* A system call by the 32-bit entry. */
static int call_32(int number, unsigned int first, unsigned int second)
{
	int answer;

	asm volatile("int $0x80" : "=a"(answer) : "a"(number), "b"(first), "c"(second) : "memory", "r8", "r9", "r10", "r11");
	return answer < 0 ? -answer : 0;
}

static int into_kernel(char **w)
{
	struct perf_event_attr event = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(event), .config = PERF_COUNT_SW_CPU_CLOCK };
	struct io_uring_params ring = {};

	if (!strcmp(w[0], "bpf"))
		return !strcmp(w[1], "make") ? make_map()
		     : !strcmp(w[1], "maps") ? take_all(BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID)
					     : take_all(BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID);
	if (!strcmp(w[0], "hostname-32"))
		return call_32(74, low_text("parapet"), 7);
	if (!strcmp(w[0], "hostname"))
		return result(sethostname("parapet", 7));
	if (!strcmp(w[0], "perf"))
		return result(syscall(SYS_perf_event_open, &event, 0, -1, -1, 0));
	if (!strcmp(w[0], "uring"))
		return result(syscall(SYS_io_uring_setup, 4, &ring));
	if (!strcmp(w[0], "module"))
		return result(syscall(SYS_init_module, (char[PAGE]){ "no module" }, PAGE, ""));
	if (!strcmp(w[0], "module-file"))
		return result(syscall(SYS_finit_module, open(w[1], O_RDONLY), "", 0));
	if (!strcmp(w[0], "user-namespace"))
		return in_child(new_user_namespace);
	if (!strcmp(w[0], "traceme"))
		return in_child(trace_me);
	if (!strcmp(w[0], "trace"))
		return trace(w[1]);
	if (!strcmp(w[0], "agent"))
		return act_on_agent(w[1]);
	return act_by_other_doors(w);
}

int intrude(char **w)
{
	int flags = 0;

	if (!strcmp(w[0], "map") || !strcmp(w[0], "map-later"))
		return map_file(w[1], w[0][3] != 0);
	if (!strcmp(w[0], "map-memory"))
		return map_memory(w[1]);
	if (!strcmp(w[0], "map-changed"))
		return map_changed(w[1]);
	if (!strcmp(w[0], "offer"))
		return offer(w[1]);
	if (!strcmp(w[0], "take"))
		return take(w[1], w[2]);
	if (!strcmp(w[0], "open-in-clone"))
		return open_in_clone(w[1], w[2]);
	if (!strcmp(w[0], "open-again"))
		return open_again(w[1]);
	if (!strcmp(w[0], "chroot"))
		return result(chroot(w[1]));
	if (!strcmp(w[0], "bind"))
		return result(mount(w[1], w[2], NULL, MS_BIND, NULL));
	if (!strcmp(w[0], "mount-memory"))
		return result(mount("none", w[1], "tmpfs", 0, NULL));
	if (!strcmp(w[0], "umount"))
		return result(umount2(w[1], MNT_DETACH));
	if (!strcmp(w[0], "attribute"))
		return result(setxattr(w[1], "trusted.x", "y", 1, 0));
	if (!strcmp(w[0], "flags"))
		return result(ioctl(open(w[1], O_RDONLY), FS_IOC_SETFLAGS, &flags));
	return into_kernel(w);
}
