/* SPDX-License-Identifier: Apache-2.0 */
/* Asking for a name, in every way in which a question can leave a socket. Nobody has to answer: a question that left was asked. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "attempt.h"

static unsigned char question[512];
static size_t asked;

/* A query for the addresses of a name, whose labels are taken as they are written. */
static void write_question(const char *name)
{
	static const unsigned char HEADER[12] = { 0x12, 0x34, 1, 0, 0, 1 };

	memcpy(question, HEADER, sizeof(HEADER));
	asked = sizeof(HEADER);
	while (*name) {
		size_t length = strcspn(name, ".");

		question[asked++] = length;
		memcpy(question + asked, name, length);
		asked += length;
		name += length + (name[length] == '.');
	}
	memcpy(question + asked, "\0\0\1\0\1", 5);
	asked += 5;
}

static int open_socket(const char *family, struct sockaddr_storage *to, socklen_t *length)
{
	struct sockaddr_in *four = (void *)to;
	struct sockaddr_in6 *six = (void *)to;

	memset(to, 0, sizeof(*to));
	if (!strcmp(family, "4")) {
		*four = (struct sockaddr_in){ AF_INET, htons(53), { htonl(INADDR_LOOPBACK) }, {} };
		*length = sizeof(*four);
		return socket(AF_INET, SOCK_DGRAM, 0);
	}
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(53);
	inet_pton(AF_INET6, !strcmp(family, "mapped") ? "::ffff:127.0.0.1" : "::1", &six->sin6_addr);
	*length = sizeof(*six);
	return socket(AF_INET6, SOCK_DGRAM, 0);
}

/* In one message of several parts, a byte each. */
static int send_in_parts(int fd, struct sockaddr_storage *to, socklen_t length)
{
	struct iovec parts[sizeof(question)];
	struct msghdr message = { .msg_name = to, .msg_namelen = length, .msg_iov = parts, .msg_iovlen = asked };

	for (size_t i = 0; i < asked; i++)
		parts[i] = (struct iovec){ question + i, 1 };
	return result(sendmsg(fd, &message, 0));
}

/* In several calls, which the kernel makes one packet of. */
static int send_corked(int fd, struct sockaddr_storage *to, socklen_t length)
{
	if (sendto(fd, question, 10, MSG_MORE, (void *)to, length) < 0)
		return errno;
	return result(sendto(fd, question + 10, asked - 10, 0, (void *)to, length));
}

static int send_two(int fd, struct sockaddr_storage *to, socklen_t length)
{
	struct iovec part = { question, asked };
	struct mmsghdr messages[2] = { { .msg_hdr = { to, length, &part, 1, NULL, 0, 0 } }, { .msg_hdr = { to, length, &part, 1, NULL, 0, 0 } } };

	return result(sendmmsg(fd, messages, 2, 0));
}

/* ask HOW FAMILY NAME */
static int ask(char **w)
{
	struct sockaddr_storage to;
	socklen_t length;
	int fd = open_socket(w[2], &to, &length), many = 0;

	if (fd < 0)
		return errno;
	write_question(w[3]);
	if (!strcmp(w[1], "sendto"))
		return result(sendto(fd, question, asked, 0, (void *)&to, length));
	if (!strcmp(w[1], "parts"))
		return send_in_parts(fd, &to, length);
	if (!strcmp(w[1], "corked"))
		return send_corked(fd, &to, length);
	if (!strcmp(w[1], "two"))
		return send_two(fd, &to, length);
	if (connect(fd, (void *)&to, length))
		return errno;
	if (!strcmp(w[1], "write"))
		return result(write(fd, question, asked));
	if (!strcmp(w[1], "writev"))
		return result(writev(fd, (struct iovec[]){ { question, 20 }, { question + 20, asked - 20 } }, 2));
	if (!strcmp(w[1], "send"))
		return result(send(fd, question, asked, MSG_DONTWAIT));
	if (strcmp(w[1], "segmented"))
		return MISTAKE;
	many = asked; /* the kernel cuts what is sent into packets of this size */
	if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &many, sizeof(many)))
		return errno;
	memcpy(question + asked, question, asked);
	return result(send(fd, question, 2 * asked, 0));
}

const struct step ASKING[] = { { "ask", ask }, {} };
