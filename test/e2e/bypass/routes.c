/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source routing: a call names one address, and the packet goes to another, the first hop, with the named one among its options. The hop is
 * 127.0.0.66 or ::1; the packet was sent when it has been seen there.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include "attempt.h"

#define PORT 9
#define HOP 0x7f000042
#define PATIENCE_MS 2500 /* a connection is tried again after a second */
#define NEXT_ROUTING 43
#define FREE_PORT 10

static union { struct sockaddr any; struct sockaddr_in four; struct sockaddr_in6 six; } address;
static socklen_t length;

/* One hop, as an option of IPv4 has it, and as the two types of IPv6's routing header have it that programs may set. */
static const unsigned char LOOSE[8] = { 131, 7, 4, 127, 0, 0, 0x42, 0 }, STRICT[8] = { 137, 7, 4, 127, 0, 0, 0x42, 0 };
static const unsigned char SEGMENTS[24] = { 0, 2, 4, [23] = 1 }, HOME_ADDRESS[24] = { 0, 2, 2, 1, [23] = 1 };

static struct { int level, option, in_message; const void *route; size_t size; } way;

/* "loose" or "strict" over IPv4, "segments" or "home" over IPv6. The named address is nobody's. */
static int choose(const char *route)
{
	memset(&address, 0, sizeof(address));
	way.level = IPPROTO_IP;
	way.option = IP_OPTIONS;
	way.in_message = IP_RETOPTS;
	way.route = strcmp(route, "strict") ? LOOSE : STRICT;
	way.size = sizeof(LOOSE);
	address.four.sin_family = AF_INET;
	address.four.sin_port = htons(PORT);
	length = sizeof(address.four);
	if (!strcmp(route, "loose") || !strcmp(route, "strict"))
		return inet_pton(AF_INET, "192.0.2.9", &address.four.sin_addr) == 1 ? 0 : MISTAKE;
	way.level = IPPROTO_IPV6;
	way.option = way.in_message = IPV6_RTHDR;
	way.route = strcmp(route, "home") ? SEGMENTS : HOME_ADDRESS;
	way.size = sizeof(SEGMENTS);
	memset(&address, 0, sizeof(address));
	address.six.sin6_family = AF_INET6;
	address.six.sin6_port = htons(PORT);
	length = sizeof(address.six);
	return inet_pton(AF_INET6, "2001:db8::9", &address.six.sin6_addr) == 1 ? 0 : MISTAKE;
}

/* route-socket ROUTE: whatever the held socket sends */
static int route_socket(char **w)
{
	int error = choose(w[1]);

	return error ?: result(setsockopt(HELD, way.level, way.option, way.route, way.size));
}

static int send_routed(void)
{
	char control[64] = "";
	struct iovec part = { "x", 1 };
	struct msghdr message = { &address, length, &part, 1, control, CMSG_SPACE(way.size), 0 };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = way.level;
	head->cmsg_type = way.in_message;
	head->cmsg_len = CMSG_LEN(way.size);
	memcpy(CMSG_DATA(head), way.route, way.size);
	return result(sendmsg(HELD, &message, 0));
}

/* Keeps the route with a flow label, by which the socket then sends. */
static int label_flow(void)
{
	struct { struct in6_flowlabel_req request; struct cmsghdr head; unsigned char route[sizeof(HOME_ADDRESS)]; } given = {
		.request = { .flr_action = IPV6_FL_A_GET, .flr_share = IPV6_FL_S_EXCL, .flr_flags = IPV6_FL_F_CREATE, .flr_label = htonl(0x1234) },
		.head = { .cmsg_len = CMSG_LEN(sizeof(HOME_ADDRESS)), .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_RTHDR },
	};
	int one = 1, error;

	memcpy(given.route, way.route, way.size);
	memcpy(&given.request.flr_dst, &address.six.sin6_addr, sizeof(given.request.flr_dst));
	error = result(setsockopt(HELD, IPPROTO_IPV6, IPV6_FLOWLABEL_MGR, &given, sizeof(given)));
	address.six.sin6_flowinfo = htonl(0x1234);
	return error ?: result(setsockopt(HELD, IPPROTO_IPV6, IPV6_FLOWINFO_SEND, &one, sizeof(one)));
}

static int is_at_hop(const unsigned char *packet, ssize_t size)
{
	static const struct in6_addr LOOPBACK = IN6ADDR_LOOPBACK_INIT;
	uint32_t hop = htonl(HOP);

	if (size < 28)
		return 0;
	if (address.any.sa_family == AF_INET)
		return packet[0] >> 4 == 4 && !memcmp(packet + 16, &hop, 4) && packet[20] == *(const unsigned char *)way.route;
	return size >= 40 && packet[0] >> 4 == 6 && packet[6] == NEXT_ROUTING && !memcmp(packet + 24, &LOOPBACK, 16);
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int watch(int watcher)
{
	unsigned char packet[256];
	long until = now_ms() + PATIENCE_MS;

	while (now_ms() < until) {
		ssize_t size = recv(watcher, packet, sizeof(packet), MSG_DONTWAIT);

		if (size >= 0 && is_at_hop(packet, size))
			return 0;
		if (size < 0)
			usleep(10000);
	}
	return ETIMEDOUT;
}

/* What each way of sending wants of the named address: a datagram socket connects to what it has a way to, and a raw one has no ports. */
static int suit(const char *how)
{
	int type = 0;
	socklen_t size = sizeof(type);

	if (!strcmp(how, "write")) {
		address.four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		address.four.sin_port = htons(FREE_PORT);
	}
	if (getsockopt(HELD, SOL_SOCKET, SO_TYPE, &type, &size))
		return errno;
	if (type == SOCK_RAW)
		address.four.sin_port = 0; /* that of IPv6 is in the same place */
	return 0;
}

/* routed HOW ROUTE: `connect`, `sendto`, `write` after connecting, each with the socket's own route; `message`, `label` */
static int routed(char **w)
{
	int watcher = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL)), error = watcher < 0 ? MISTAKE : choose(w[2]);

	if (!error)
		error = suit(w[1]);
	if (error)
		return error;
	if (!strcmp(w[1], "message"))
		error = send_routed();
	else if (!strcmp(w[1], "label"))
		error = label_flow();
	if (!strcmp(w[1], "connect") || !strcmp(w[1], "write")) {
		fcntl(HELD, F_SETFL, O_NONBLOCK);
		error = result(connect(HELD, &address.any, length));
		if (error == EINPROGRESS)
			error = 0;
	}
	if (!error && !strcmp(w[1], "write"))
		error = result(write(HELD, "x", 1));
	if (!error && (!strcmp(w[1], "sendto") || !strcmp(w[1], "label")))
		error = result(sendto(HELD, "x", 1, 0, &address.any, length));
	if (!error)
		error = watch(watcher);
	close(watcher);
	return error;
}

const struct step ROUTES[] = { { "route-socket", route_socket }, { "routed", routed }, {} };
