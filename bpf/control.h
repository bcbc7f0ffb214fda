/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a message says beside its data. */
#ifndef PARAPET_CONTROL_H
#define PARAPET_CONTROL_H

#include <bpf/bpf_helpers.h>
#include "kernel.h"

#define MAX_CONTROLS 64

struct control { __u64 size; int level; int type; };
struct controls { void *at; __u64 left; bool done; bool names_peer; };

static long read_control(__u32 turn, struct controls *controls)
{
	struct control control;
	__u64 size;

	if (controls->left < sizeof(control) || bpf_probe_read_kernel(&control, sizeof(control), controls->at)) {
		controls->done = true;
		return 1;
	}
	size = (control.size + 7) & ~7ull;
	controls->names_peer = control.level == IPPROTO_SCTP && (control.type == SCTP_DSTADDRV4 || control.type == SCTP_DSTADDRV6);
	controls->done = controls->names_peer || control.size < sizeof(control) || size > controls->left;
	if (controls->done)
		return 1;
	controls->at += size;
	controls->left -= size;
	return 0;
}

/* Does an SCTP message give its peer more addresses than its own? True also of more than anybody says. */
static __always_inline bool names_another_peer(struct msghdr *message)
{
	struct controls controls = { .at = message->msg_control, .left = message->msg_controllen };

	if (!controls.left)
		return false;
	bpf_loop(MAX_CONTROLS, read_control, &controls, 0);
	return controls.names_peer || !controls.done;
}

#endif
