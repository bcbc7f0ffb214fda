/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns HOW NAME: looks a name up at a server of its own on a loopback address, whose port 53 it listens at. 0: the server got the query.
 * UDP that is refused gives EPERM; a TCP segment that is held back never arrives: EAGAIN.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "sockets.h"

#define HEADER 12
#define MESSAGE 512

static int result(long value)
{
	return value < 0 ? errno : 0;
}

/* A query for the name, whose parts are separated by dots. Returns its length. */
static int write_query(unsigned char *to, const char *name)
{
	static const unsigned char header[HEADER] = { 0, 1, 1, 0, 0, 1 };
	int at = HEADER;

	memcpy(to, header, HEADER);
	while (*name) {
		int length = strcspn(name, ".");

		to[at] = length;
		memcpy(to + at + 1, name, length);
		at += length + 1;
		name += length + (name[length] == '.');
	}
	memcpy(to + at, "\0\0\1\0\1", 5);
	return at + 5;
}

static struct sockaddr_in6 server_address(bool is_v6)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(53), .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	if (!is_v6)
		inet_pton(AF_INET6, "::ffff:127.0.0.1", &address.sin6_addr);
	return address;
}

static int open_server(int type, bool is_v6)
{
	struct sockaddr_in6 address = server_address(is_v6);
	struct timeval patience = { .tv_usec = 400 * 1000 };
	int fd = socket(AF_INET6, type, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (bind(fd, (void *)&address, sizeof(address)) < 0 || (type == SOCK_STREAM && listen(fd, 4) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static long send_split(int fd, struct sockaddr_in6 *address, unsigned char *query, int length)
{
	struct iovec parts[] = { { query, 5 }, { query + 5, 10 }, { query + 15, length - 15 } };
	struct msghdr message = { .msg_name = address, .msg_namelen = sizeof(*address), .msg_iov = parts, .msg_iovlen = 3 };

	return sendmsg(fd, &message, 0);
}

/* Two datagrams in one call: a harmless one first. */
static long send_two(int fd, struct sockaddr_in6 *address, unsigned char *query, int length, bool is_segmented)
{
	unsigned char both[2 * MESSAGE], harmless[MESSAGE];
	int size = length;

	memcpy(harmless, query, length);
	memset(harmless + HEADER + 1, 'z', harmless[HEADER]);
	memcpy(both, harmless, length);
	memcpy(both + length, query, length);
	if (is_segmented) {
		setsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size));
		return sendto(fd, both, 2 * length, 0, (void *)address, sizeof(*address));
	}
	if (sendto(fd, harmless, length, 0, (void *)address, sizeof(*address)) < 0)
		return -1;
	return sendto(fd, query, length, 0, (void *)address, sizeof(*address));
}

static int ask_udp(const char *how, unsigned char *query, int length)
{
	bool is_v6 = !strcmp(how, "v6");
	struct sockaddr_in6 address = server_address(is_v6);
	int server = open_server(SOCK_DGRAM, is_v6), fd = socket(AF_INET6, SOCK_DGRAM, 0);
	long sent;
	int error;

	if (!strcmp(how, "split"))
		sent = send_split(fd, &address, query, length);
	else if (!strcmp(how, "segmented"))
		sent = send_two(fd, &address, query, length, true);
	else if (!strcmp(how, "two"))
		sent = send_two(fd, &address, query, length, false);
	else if (!strcmp(how, "connected"))
		sent = connect(fd, (void *)&address, sizeof(address)) < 0 ? -1 : write(fd, query, length);
	else
		sent = sendto(fd, query, length, 0, (void *)&address, sizeof(address));
	error = result(sent);
	if (!error)
		error = result(recv(server, query, MESSAGE, 0));
	close(server);
	close(fd);
	return error;
}

static int ask_tcp(const char *how, unsigned char *query, int length)
{
	struct sockaddr_in6 address = server_address(false);
	int server = open_server(SOCK_STREAM, false), fd = socket(AF_INET6, SOCK_STREAM, 0), taken, error = 0;
	unsigned char message[2 * MESSAGE] = { length >> 8, length };
	struct timeval patience = { .tv_usec = 400 * 1000 };

	memcpy(message + 2, query, length);
	memcpy(message + 2 + length, message, 2 + length);
	if (connect(fd, (void *)&address, sizeof(address)) < 0)
		error = errno;
	taken = accept(server, NULL, NULL);
	setsockopt(taken, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (!error && !strcmp(how, "tcp-split"))
		error = result(write(fd, message, 1));
	else if (!error)
		error = result(write(fd, message, 2 + length));
	if (!error)
		error = result(recv(taken, message, sizeof(message), 0));
	close(taken);
	close(server);
	close(fd);
	return error;
}

int act_on_names(char **w)
{
	unsigned char query[MESSAGE];
	int length = write_query(query, w[2]);

	if (!strcmp(w[1], "pointer")) { /* the name's end is elsewhere in the packet */
		query[length - 5] = 0xc0;
		query[length - 4] = HEADER;
	}
	if (!strcmp(w[1], "questions"))
		query[5] = 2;
	if (!strcmp(w[1], "short"))
		length = HEADER + 3;
	return !strncmp(w[1], "tcp", 3) ? ask_tcp(w[1], query, length) : ask_udp(w[1], query, length);
}
