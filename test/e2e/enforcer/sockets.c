/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What actor.c tries with sockets, over loopback only. Nobody listens at the ports that are connected to, so ECONNREFUSED means that
 * nothing was denied.
 *
 *   socket FAMILY TYPE PROTOCOL        as numbers; socketcall: the same through the 32-bit entry
 *   net HOW FAMILY KIND ADDRESS PORT   HOW: connect, sendto, fastopen, bind, listen, unspec, ring (io_uring's connect), rebind
 *   serve PATH                         hands out sockets over a Unix socket to whoever asks; ends with its parent
 *   given PATH WHAT HOW                asks for one: fresh, connected, listening, datagram; then connects, sends, binds, listens, accepts
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include "sockets.h"

#define SERVED_PORT 7777
#define SYS_SOCKET 1
#define SOCKETCALL_32 102

static int result(long value)
{
	return value < 0 ? errno : 0;
}

static int close_with(int fd, int error)
{
	if (fd >= 0)
		close(fd);
	return error;
}

static int make_socket(char **words)
{
	int fd = socket(atoi(words[0]), atoi(words[1]), atoi(words[2]));

	return close_with(fd, result(fd));
}

static int make_by_socketcall(char **words)
{
	unsigned int *arguments = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int fd = SOCKETCALL_32;

	for (int i = 0; i < 3; i++)
		arguments[i] = atoi(words[i]);
	asm volatile("int $0x80" : "+a"(fd) : "b"(SYS_SOCKET), "c"(arguments) : "memory", "r8", "r9", "r10", "r11");
	return fd < 0 ? -fd : close_with(fd, 0);
}

struct name { struct sockaddr_storage address; socklen_t length; };

/* The address for a socket of the family: IPv4 in IPv6 where it is written so. */
static struct name name_of(const char *text, int port)
{
	struct name name = { .length = sizeof(struct sockaddr_in) };
	struct sockaddr_in *short_name = (void *)&name.address;
	struct sockaddr_in6 *long_name = (void *)&name.address;

	if (inet_pton(AF_INET, text, &short_name->sin_addr) == 1) {
		short_name->sin_family = AF_INET;
		short_name->sin_port = htons(port);
	} else {
		inet_pton(AF_INET6, text, &long_name->sin6_addr);
		long_name->sin6_family = AF_INET6;
		long_name->sin6_port = htons(port);
		name.length = sizeof(*long_name);
	}
	return name;
}

/* Connects by io_uring, in the kernel's own way of waiting. */
static int connect_by_ring(int fd, struct name *name)
{
	struct io_uring_params params = { 0 };
	int ring = syscall(SYS_io_uring_setup, 1, &params), error;
	char *queue, *done;
	struct io_uring_sqe *entry;
	struct io_uring_cqe *completion;

	if (ring < 0)
		return errno;
	queue = mmap(NULL, params.sq_off.array + 64, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	done = mmap(NULL, params.cq_off.cqes + 64, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
	entry = mmap(NULL, sizeof(*entry), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	memset(entry, 0, sizeof(*entry));
	entry->opcode = IORING_OP_CONNECT;
	entry->fd = fd;
	entry->addr = (unsigned long)&name->address;
	entry->off = name->length;
	*(unsigned int *)(queue + params.sq_off.array) = 0;
	*(volatile unsigned int *)(queue + params.sq_off.tail) = 1;
	error = result(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0));
	completion = (void *)(done + params.cq_off.cqes);
	if (!error && completion->res < 0)
		error = -completion->res;
	close(ring);
	return error;
}

static int use(int fd, const char *how, struct name *name)
{
	struct sockaddr *address = (void *)&name->address;

	if (!strcmp(how, "connect"))
		return result(connect(fd, address, name->length));
	if (!strcmp(how, "ring"))
		return connect_by_ring(fd, name);
	if (!strcmp(how, "sendto"))
		return result(sendto(fd, "x", 1, 0, address, name->length));
	if (!strcmp(how, "fastopen"))
		return result(sendto(fd, "x", 1, MSG_FASTOPEN, address, name->length));
	if (!strcmp(how, "unspec")) {
		address->sa_family = AF_UNSPEC;
		return result(sendto(fd, "x", 1, 0, address, name->length));
	}
	if (!strcmp(how, "disconnect")) {
		address->sa_family = AF_UNSPEC;
		return result(connect(fd, address, name->length));
	}
	if (!strcmp(how, "bind"))
		return result(bind(fd, address, name->length));
	if (!strcmp(how, "listen"))
		return result(listen(fd, 1));
	if (!strcmp(how, "accept"))
		return result(accept4(fd, NULL, NULL, SOCK_NONBLOCK));
	if (!strcmp(how, "send"))
		return result(send(fd, "x", 1, MSG_NOSIGNAL));
	return ENOSYS;
}

static int use_new(char **w)
{
	struct name name = name_of(w[3], atoi(w[4]));
	int type = !strcmp(w[2], "tcp") ? SOCK_STREAM : SOCK_DGRAM, one = 1;
	int fd = socket(w[1][0] == '4' ? AF_INET : AF_INET6, type, 0), error;

	if (fd < 0)
		return errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!strcmp(w[0], "listen") && bind(fd, (void *)&name.address, name.length) < 0)
		return close_with(fd, errno);
	error = use(fd, w[0], &name);
	return close_with(fd, error);
}

static int make_for(char what)
{
	struct name served = name_of("127.0.0.1", SERVED_PORT), nobody = name_of("127.0.0.1", 9);
	int fd = socket(AF_INET, what == 'd' ? SOCK_DGRAM : SOCK_STREAM, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (what == 'l') {
		bind(fd, (void *)&served.address, served.length);
		listen(fd, 8);
	}
	if (what == 'c')
		connect(fd, (void *)&served.address, served.length);
	if (what == 'd')
		connect(fd, (void *)&nobody.address, nobody.length);
	return fd;
}

static int pass(int to, int fd)
{
	char byte = 'x', control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return result(sendmsg(to, &message, 0));
}

static int serve(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int door = socket(AF_UNIX, SOCK_STREAM, 0), listening = make_for('l');

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (bind(door, (void *)&address, sizeof(address)) < 0 || listen(door, 8) < 0)
		return errno;
	for (;;) {
		int client = accept(door, NULL, NULL), fd;
		char what = 0;

		if (client < 0)
			return errno;
		if (read(client, &what, 1) == 1) {
			fd = what == 'l' ? listening : make_for(what);
			pass(client, fd);
			if (what != 'l')
				close(fd);
		}
		close(client);
	}
}

static int given(char **w)
{
	char byte, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct name nobody = name_of("127.0.0.1", !strcmp(w[2], "bind") ? 7070 : 9);
	int door = socket(AF_UNIX, SOCK_STREAM, 0), fd;

	strncpy(address.sun_path, w[0], sizeof(address.sun_path) - 1);
	if (connect(door, (void *)&address, sizeof(address)) < 0 || write(door, w[1], 1) != 1 || recvmsg(door, &message, 0) != 1)
		return close_with(door, ENOTCONN);
	close(door);
	if (!CMSG_FIRSTHDR(&message))
		return EBADF;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return close_with(fd, use(fd, w[2], &nobody));
}

int intrude(char **w); /* intrusion.c */

int act_on_sockets(char **w)
{
	if (!strcmp(w[0], "socket"))
		return make_socket(w + 1);
	if (!strcmp(w[0], "socketcall"))
		return make_by_socketcall(w + 1);
	if (!strcmp(w[0], "net"))
		return use_new(w + 1);
	if (!strcmp(w[0], "serve"))
		return serve(w[1]);
	if (!strcmp(w[0], "given"))
		return given(w + 1);
	if (!strcmp(w[0], "dns"))
		return act_on_names(w);
	if (!strcmp(w[0], "tcp")) {
		char *words[] = { w[1], "4", "tcp", "127.0.0.1", w[1][0] == 'b' ? "0" : "9" };

		return use_new(words);
	}
	if (!strcmp(w[0], "send-to")) /* a descriptor that the actor began with */
		return result(send(atoi(w[1]), "x", 1, MSG_NOSIGNAL));
	if (!strcmp(w[0], "hear") || !strcmp(w[0], "greet"))
		return act_on_peers(w);
	return intrude(w);
}
