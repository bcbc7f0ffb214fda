/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A program that its own work would start once more: the kernel leaves that run out. For the test that such runs are seen. */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "maps.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} inner SEC(".maps");

SEC("fentry/htab_map_delete_elem")
int on_delete(void *ctx)
{
	__u32 key = 0;

	bpf_map_delete_elem(&inner, &key);
	return 0;
}
