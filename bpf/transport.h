/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The headers of a packet that leaves, up to its transport. */
#ifndef PARAPET_TRANSPORT_H
#define PARAPET_TRANSPORT_H

#include <bpf/bpf_endian.h>
#include "kernel.h"

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define MAX_EXTENSIONS 8

#define V4_HEADER 20
#define V4_DESTINATION 16
#define V6_DESTINATION 24
#define OPTION_END 0
#define OPTION_NOTHING 1
#define OPTION_LOOSE_ROUTE 131
#define OPTION_STRICT_ROUTE 137
#define MAX_OPTIONS 40       /* bytes that there are for them */

#define NEXT_HOP_BY_HOP 0
#define NEXT_ROUTING 43
#define NEXT_FRAGMENT 44
#define NEXT_DESTINATION 60

/* Where a packet's transport begins. `is_routed`: it goes first to another address than its sender named, or that cannot be excluded. */
struct transport { __u32 protocol; __u32 at; bool is_part; bool is_later_part; bool too_long; bool is_routed; };

struct options { struct __sk_buff *skb; __u32 at; __u32 end; __u32 is_routed; };

static long read_option(__u32 turn, struct options *options)
{
	__u8 option[2]; /* and its length */

	if (options->at >= options->end || bpf_skb_load_bytes(options->skb, options->at, option, sizeof(option)) || option[0] == OPTION_END)
		return 1;
	if (option[0] == OPTION_NOTHING) {
		options->at += 1;
		return 0;
	}
	options->at += option[1];
	options->is_routed = option[0] == OPTION_LOOSE_ROUTE || option[0] == OPTION_STRICT_ROUTE || option[1] < sizeof(option);
	return options->is_routed;
}

/* Is there a source route among the options of IPv4, which end where the transport begins? */
static __noinline bool has_source_route(struct __sk_buff *skb, __u32 end)
{
	struct options options = { .skb = skb, .at = V4_HEADER, .end = end };

	bpf_loop(MAX_OPTIONS, read_option, &options, 0);
	return options.is_routed;
}

/* Functions of their own, so that their memory is not held while an event is written. */
static __noinline bool find_transport_v4(struct __sk_buff *skb, struct transport *out)
{
	__u8 header[V4_HEADER];
	__u16 fragment;

	if (bpf_skb_load_bytes(skb, 0, header, sizeof(header)))
		return false;
	fragment = (__u16)header[6] << 8 | header[7];
	out->protocol = header[9];
	out->at = (header[0] & 15) * 4;
	out->is_later_part = fragment & 0x1fff;
	out->is_part = fragment & 0x2000;
	if (out->at > V4_HEADER)
		out->is_routed = has_source_route(skb, out->at);
	return true;
}

struct extensions { struct __sk_buff *skb; struct transport *out; __u32 done; };

static long skip_extension(__u32 turn, struct extensions *walk)
{
	struct transport *out = walk->out;
	__u8 header[4];

	if (out->protocol != NEXT_HOP_BY_HOP && out->protocol != NEXT_ROUTING && out->protocol != NEXT_FRAGMENT &&
	    out->protocol != NEXT_DESTINATION) {
		walk->done = 1;
		return 1;
	}
	if (bpf_skb_load_bytes(walk->skb, out->at, header, sizeof(header)))
		return 1;
	if (out->protocol == NEXT_FRAGMENT) {
		out->is_later_part = header[2] | (header[3] & 0xf8);
		out->is_part = header[3] & 1;
		out->at += 8;
	} else {
		out->is_routed |= out->protocol == NEXT_ROUTING;
		out->at += (header[1] + 1) * 8;
	}
	out->protocol = header[0];
	return 0;
}

static __noinline bool find_transport_v6(struct __sk_buff *skb, struct transport *out)
{
	struct extensions walk = { .skb = skb, .out = out };
	__u8 next;

	if (bpf_skb_load_bytes(skb, 6, &next, sizeof(next)))
		return false;
	out->protocol = next;
	out->at = 40;
	bpf_loop(MAX_EXTENSIONS, skip_extension, &walk, 0);
	out->too_long = !walk.done;
	out->is_routed |= out->too_long;
	return true;
}

/* False when it is neither IPv4 nor IPv6. */
static __always_inline bool find_transport(struct __sk_buff *skb, struct transport *out)
{
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return find_transport_v4(skb, out);
	return skb->protocol == bpf_htons(ETH_P_IPV6) && find_transport_v6(skb, out);
}

#endif
