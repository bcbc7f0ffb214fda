/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A program that does nothing, for the benchmark: what the kernel's statistics count for it is what they cost themselves. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("lsm/file_open")
int on_nothing(void *ctx)
{
	return 0;
}
