/* SPDX-License-Identifier: Apache-2.0 */
/* Being connected to, by a peer that must not be let in: 127.0.0.66, or ::1. Let in it is when a byte of it has arrived. */
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include "attempt.h"

#define PEER 0x7f000042
#define PATIENCE_MS 1000
#define LATER_US (300 * 1000)
#define QUEUE 8

static union { struct sockaddr any; struct sockaddr_in four; struct sockaddr_in6 six; } address;
static socklen_t length;

static void choose(int family, uint32_t four, const struct in6_addr *six, int port)
{
	memset(&address, 0, sizeof(address));
	address.any.sa_family = family;
	length = family == AF_INET ? sizeof(address.four) : sizeof(address.six);
	if (family == AF_INET) {
		address.four.sin_addr.s_addr = htonl(four);
		address.four.sin_port = htons(port);
	} else {
		address.six.sin6_addr = *six;
		address.six.sin6_port = htons(port);
	}
}

static int set(const char *file, const char *value)
{
	int fd = open(file, O_WRONLY), error = result(fd);

	if (!error)
		error = result(write(fd, value, strlen(value)));
	if (fd >= 0)
		close(fd);
	return error;
}

/* hold-listener FAMILY TYPE PROTOCOL, at any address */
static int make_listener(char **w)
{
	int family = atoi(w[1]), fd = socket(family, atoi(w[2]), atoi(w[3]));
	int is_six = family == AF_INET6 || (family == AF_SMC && atoi(w[3]) == 1), queue = QUEUE;

	choose(is_six ? AF_INET6 : AF_INET, INADDR_ANY, &in6addr_any, 0);
	if (fd < 0 || bind(fd, &address.any, length) || listen(fd, 4))
		return errno;
	setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof(queue));
	return hold(fd);
}

/* What the peer does, in a process of its own. */
static void connect_as_peer(const char *way, int port)
{
	struct timeval patience = { .tv_sec = 1 };
	int is_six = !strcmp(way, "6"), family = is_six ? AF_INET6 : AF_INET, fd;

	fd = socket(family, SOCK_STREAM, !strcmp(way, "mptcp") ? IPPROTO_MPTCP : !strcmp(way, "sctp") ? IPPROTO_SCTP : 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	choose(family, PEER, &in6addr_loopback, 0);
	if (bind(fd, &address.any, length))
		_exit(MISTAKE);
	choose(family, INADDR_LOOPBACK, &in6addr_loopback, port);
	if (!strcmp(way, "fastopen"))
		sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, &address.any, length);
	else if (!connect(fd, &address.any, length))
		send(fd, "x", 1, MSG_NOSIGNAL);
	pause();
	_exit(0);
}

static int accept_how(const char *how)
{
	struct pollfd ready = { .fd = HELD, .events = POLLIN };
	struct timeval patience = { .tv_usec = PATIENCE_MS * 1000 % 1000000, .tv_sec = PATIENCE_MS / 1000 };

	if (!strcmp(how, "waiting")) {
		int fd;

		setsockopt(HELD, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		fd = accept(HELD, NULL, NULL);
		if (fd < 0 && errno == EAGAIN)
			errno = ETIMEDOUT;
		return fd;
	}
	if (poll(&ready, 1, PATIENCE_MS) != 1) {
		errno = ETIMEDOUT;
		return -1;
	}
	if (!strncmp(how, "ring-", strlen("ring-")))
		return accept_by_ring(how + strlen("ring-"));
	return !strcmp(how, "accept4") ? accept4(HELD, NULL, NULL, SOCK_CLOEXEC) : accept(HELD, NULL, NULL);
}

/* let-in HOW WAY: the held listener accepts, and the peer comes that way */
static int let_in(char **w)
{
	struct timeval patience = { .tv_sec = 2 };
	int port, fd, error;
	pid_t peer;
	char byte;

	length = sizeof(address);
	if (getsockname(HELD, &address.any, &length))
		return errno;
	port = ntohs(address.four.sin_port); /* at the same place in both */
	if (!strcmp(w[2], "fastopen") && set("/proc/sys/net/ipv4/tcp_fastopen", "519")) /* data in the first packet, without a cookie */
		return MISTAKE;
	if (!strcmp(w[2], "cookies") && set("/proc/sys/net/ipv4/tcp_syncookies", "2")) /* always */
		return MISTAKE;
	peer = fork();
	if (peer == 0) {
		if (!strcmp(w[1], "waiting"))
			usleep(LATER_US);
		connect_as_peer(w[2], port);
	}
	fd = accept_how(w[1]);
	error = result(fd);
	if (!error)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (!error && read(fd, &byte, 1) != 1)
		error = ENODATA;
	kill(peer, SIGKILL);
	wait_for(peer);
	set("/proc/sys/net/ipv4/tcp_syncookies", "1");
	return error;
}

const struct step PEERS[] = { { "hold-listener", make_listener }, { "let-in", let_in }, {} };
