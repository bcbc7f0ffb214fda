/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The part of abi.h about the addresses that sockets are used with. */
#ifndef PARAPET_ABI_ENDPOINT_H
#define PARAPET_ABI_ENDPOINT_H

#include <linux/types.h>

#define MAX_ENDPOINTS 262144
#define MAX_ENDPOINT_ENTRIES 64

/* What can be done with an address. */
enum endpoint_op { ENDPOINT_CONNECT = 0, ENDPOINT_SEND = 1, ENDPOINT_BIND = 2, ENDPOINT_LISTEN = 3, ENDPOINT_ACCEPT = 4 };

/* Protocols of endpoint rules, as bits. */
enum endpoint_protocol { PROTOCOL_TCP = 1, PROTOCOL_UDP = 2, PROTOCOL_SCTP = 4, PROTOCOL_ANY = 15 };

/* Key of the longest-prefix trie of all tables. IPv4 addresses use the first four bytes. */
struct endpoint_key {
	__u32 prefix;        /* bits that count, from `root` on: 64 and those of the address */
	__u32 root;          /* a table's root id */
	__u32 version;       /* 4 or 6 */
	__u8 address[16];
};

struct endpoint_entry {
	__u32 number;        /* names the rule: the table knows it */
	__u32 source;        /* a source class, 0 for any */
	__u16 first_port;
	__u16 last_port;
	__u8 verdict;
	__u8 operations;     /* bits 1 << enum endpoint_op */
	__u8 protocols;      /* enum endpoint_protocol bits */
	__u8 any_port;       /* 1: also about what has no port */
};

/* What is said about the addresses of a block, those of wider blocks included: the first entry that is about an access decides. */
struct endpoint {
	__u32 count;
	__u32 reserved;
	struct endpoint_entry entries[MAX_ENDPOINT_ENTRIES];
};

#endif
