/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of every kind, made here or got from elsewhere, and what is done with them. An access that the network itself answers was made. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "attempt.h"

#define NOBODY_LISTENS 9
#define FREE_PORT 10
#define SCTP_DSTADDRV4 7

static union { struct sockaddr any; struct sockaddr_in four; struct sockaddr_in6 six; struct sockaddr_un file; } address;
static socklen_t length;

/* Loopback, as a family has it: "4", "6", or "mapped" into IPv6. */
static void choose_address(const char *family, int port)
{
	memset(&address, 0, sizeof(address));
	if (!strcmp(family, "4")) {
		length = sizeof(address.four);
		address.four = (struct sockaddr_in){ AF_INET, htons(port), { htonl(INADDR_LOOPBACK) }, {} };
		return;
	}
	if (!strcmp(family, "any")) { /* to connect to the wildcard is to connect to loopback */
		length = sizeof(address.four);
		address.four = (struct sockaddr_in){ AF_INET, htons(port), { 0 }, {} };
		return;
	}
	length = sizeof(address.six);
	address.six.sin6_family = AF_INET6;
	address.six.sin6_port = htons(port);
	if (!strcmp(family, "any6"))
		return;
	inet_pton(AF_INET6, !strcmp(family, "mapped") ? "::ffff:127.0.0.1" : "::1", &address.six.sin6_addr);
}

static int answered(int error)
{
	return error == ECONNREFUSED || error == EINPROGRESS ? 0 : error;
}

/* socket FAMILY TYPE PROTOCOL: by number */
static int make(char **w)
{
	return result(socket(atoi(w[1]), atoi(w[2]), atoi(w[3])));
}

/* ask-for-socket FAMILY TYPE PROTOCOL: of a kernel that knows no such sockets nothing is got either way */
static int ask_for(char **w)
{
	int error = make(w);

	return error == EPROTONOSUPPORT ? 0 : error;
}

static int make_and_hold(char **w)
{
	return hold(socket(atoi(w[1]), atoi(w[2]), atoi(w[3])));
}

static int make_pair(char **w)
{
	int ends[2];

	return result(socketpair(atoi(w[1]), atoi(w[2]), atoi(w[3]), ends));
}

static int send_many(int fd, int flags)
{
	struct iovec part = { "x", 1 };
	struct mmsghdr message = { .msg_hdr = { .msg_name = &address, .msg_namelen = length, .msg_iov = &part, .msg_iovlen = 1 } };

	return answered(result(sendmmsg(fd, &message, 1, flags)));
}

static int send_one(int fd, int flags)
{
	struct iovec part = { "x", 1 };
	struct msghdr message = { .msg_name = &address, .msg_namelen = length, .msg_iov = &part, .msg_iovlen = 1 };

	return answered(result(sendmsg(fd, &message, flags)));
}

/* An association with the address, and with a second one of the same machine; neither port is a blocked one. */
static int send_to_two(int fd)
{
	struct in_addr second = { htonl(INADDR_LOOPBACK + 1) };
	char control[CMSG_SPACE(sizeof(second))] = "";
	struct iovec part = { "x", 1 };
	struct msghdr message = { &address, length, &part, 1, control, sizeof(control), 0 };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = IPPROTO_SCTP;
	head->cmsg_type = SCTP_DSTADDRV4;
	head->cmsg_len = CMSG_LEN(sizeof(second));
	memcpy(CMSG_DATA(head), &second, sizeof(second));
	address.four.sin_port = htons(FREE_PORT);
	return answered(result(sendmsg(fd, &message, 0)));
}

/* Listens, connects to itself, accepts. */
static int accept_own(int fd)
{
	int client = socket(AF_INET, SOCK_STREAM, 0);

	if (client < 0)
		return errno;
	if (bind(fd, &address.any, length) || listen(fd, 1) || getsockname(fd, &address.any, &length) || connect(client, &address.any, length))
		return errno;
	return result(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
}

/* use HOW FAMILY: the held socket */
static int use(char **w)
{
	const char *how = w[1];
	int error;

	choose_address(w[2] ?: "4", strcmp(how, "bind") ? NOBODY_LISTENS : 0);
	if (!strcmp(how, "connect"))
		return answered(result(connect(HELD, &address.any, length)));
	if (!strcmp(how, "bind"))
		return result(bind(HELD, &address.any, length));
	if (!strcmp(how, "listen"))
		return result(listen(HELD, 1));
	if (!strcmp(how, "sendto"))
		return answered(result(sendto(HELD, "x", 1, 0, &address.any, length)));
	if (!strcmp(how, "sendmsg"))
		return send_one(HELD, 0);
	if (!strcmp(how, "sendmmsg"))
		return send_many(HELD, 0);
	if (!strcmp(how, "send-to-two"))
		return send_to_two(HELD);
	if (!strcmp(how, "fastopen"))
		return send_one(HELD, MSG_FASTOPEN);
	if (!strcmp(how, "fastopen-many"))
		return send_many(HELD, MSG_FASTOPEN);
	if (!strcmp(how, "fastopen-connect")) { /* connect() only remembers; the first write connects */
		int one = 1;

		error = result(setsockopt(HELD, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one)));
		if (!error)
			error = result(connect(HELD, &address.any, length));
		return answered(error ?: result(send(HELD, "x", 1, MSG_NOSIGNAL)));
	}
	if (!strcmp(how, "send"))
		return result(send(HELD, "x", 1, MSG_NOSIGNAL));
	if (!strcmp(how, "reconnect")) { /* away from where it was connected, then elsewhere */
		struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

		error = result(connect(HELD, &nowhere, sizeof(nowhere)));
		return error ?: answered(result(connect(HELD, &address.any, length)));
	}
	if (!strcmp(how, "accept")) {
		choose_address("4", 0);
		return accept_own(HELD);
	}
	return MISTAKE;
}

static void choose_file(const char *path)
{
	memset(&address, 0, sizeof(address));
	address.file.sun_family = AF_UNIX;
	strncpy(address.file.sun_path, path, sizeof(address.file.sun_path) - 1);
	length = sizeof(address.file);
}

/* For outside: serve PATH TYPE: a socket in the file system, listened on */
static int serve(char **w)
{
	int type = atoi(w[2]), fd = socket(AF_UNIX, type, 0);

	choose_file(w[1]);
	if (fd < 0 || bind(fd, &address.any, length) || (type != SOCK_DGRAM && listen(fd, 4)))
		return errno;
	return result(dup2(fd, CHANNEL));
}

/* call HOW PATH TYPE */
static int call(char **w)
{
	int fd = socket(AF_UNIX, atoi(w[3]), 0);

	choose_file(w[2]);
	if (fd < 0)
		return errno;
	if (!strcmp(w[1], "connect"))
		return result(connect(fd, &address.any, length));
	if (!strcmp(w[1], "bind"))
		return result(bind(fd, &address.any, length));
	return result(sendto(fd, "x", 1, 0, &address.any, length));
}

/* hold-called PATH: a stream that is connected to a socket in the file system */
static int hold_called(char **w)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	choose_file(w[1]);
	if (fd < 0 || connect(fd, &address.any, length))
		return errno;
	return hold(fd);
}

const struct step SOCKETS[] = {
	{ "socket", make }, { "ask-for-socket", ask_for }, { "hold-socket", make_and_hold }, { "socketpair", make_pair }, { "use", use }, { "serve", serve }, { "call", call },
	{ "hold-called", hold_called }, {}
};
