/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What actor.c tries with peers, over loopback only.
 *
 *   hear FAMILY PORT          listens at any address, until the actor ends; the last one that listens is the one that is greeted
 *   greet FROM TO PORT        a child connects from one address to another, and what listens accepts: ETIMEDOUT when nobody came
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "sockets.h"

#define PATIENCE_MS 1000

static int listener = -1;

static int listen_at(char **w)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(atoi(w[2])) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(atoi(w[2])) };
	int is_six = w[1][0] == '6';

	listener = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || bind(listener, is_six ? (void *)&six : (void *)&four, is_six ? sizeof(six) : sizeof(four)) || listen(listener, 4))
		return errno;
	return 0;
}

static void connect_from(const char *from, const char *to, int port)
{
	struct timeval patience = { .tv_sec = 1 };
	struct sockaddr_in name = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	inet_pton(AF_INET, from, &name.sin_addr);
	if (bind(fd, (void *)&name, sizeof(name)))
		_exit(1);
	inet_pton(AF_INET, to, &name.sin_addr);
	name.sin_port = htons(port);
	connect(fd, (void *)&name, sizeof(name));
	pause();
	_exit(0);
}

static int greet(char **w)
{
	struct pollfd ready = { .fd = listener, .events = POLLIN };
	pid_t peer = fork();
	int fd = -1, error;

	if (peer == 0)
		connect_from(w[1], w[2], atoi(w[3]));
	error = poll(&ready, 1, PATIENCE_MS) == 1 ? 0 : ETIMEDOUT;
	if (!error) {
		fd = accept(listener, NULL, NULL);
		error = fd < 0 ? errno : 0;
	}
	kill(peer, SIGKILL);
	waitpid(peer, NULL, 0);
	if (fd >= 0)
		close(fd);
	return error;
}

int act_on_peers(char **w)
{
	return !strcmp(w[0], "hear") ? listen_at(w) : greet(w);
}
