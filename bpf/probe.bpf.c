/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The smallest LSM program: whether it loads says whether this kernel can enforce at all, and why not. */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("lsm/file_open")
int probe(void *ctx)
{
	return 0;
}
