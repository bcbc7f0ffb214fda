/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Hooks of `spec.hardening`: ways into the kernel and into other processes. Those of the mount tree are in hooks_mount.h, tracing in hooks_guard.h. */
#ifndef PARAPET_HOOKS_HARDENING_H
#define PARAPET_HOOKS_HARDENING_H

#include <bpf/bpf_tracing.h>
#include "guard_link.h"
#include "switch.h"

/* A module that the kernel loads because of what the process asked for. */
SEC("lsm/kernel_module_request")
int BPF_PROG(on_module_request, char *name, int ret)
{
	return ret ? ret : refuse_by(HOOK_KERNEL_MODULE_REQUEST, SWITCH_MODULES);
}

static __always_inline bool is_kernel_code(__u32 id)
{
	return id >= READING_MODULE && id <= READING_KEXEC_LAST;
}

/* finit_module(2), kexec_file_load(2). */
SEC("lsm/kernel_read_file")
int BPF_PROG(on_kernel_read_file, struct file *file, int id, bool contents, int ret)
{
	if (ret || !is_kernel_code(id))
		return ret;
	return refuse_with(HOOK_KERNEL_READ_FILE, SWITCH_MODULES, file->f_path.dentry, file->f_path.mnt);
}

/* init_module(2), kexec_load(2). */
SEC("lsm/kernel_load_data")
int BPF_PROG(on_kernel_load_data, int id, bool contents, int ret)
{
	return ret || !is_kernel_code(id) ? ret : refuse_by(HOOK_KERNEL_LOAD_DATA, SWITCH_MODULES);
}

SEC("lsm/bpf")
int BPF_PROG(on_bpf, int command, union bpf_attr *attributes, unsigned int size, int ret)
{
	if (!ret)
		ret = guard_link(command, attributes);
	return ret ? ret : refuse_by(HOOK_BPF, SWITCH_BPF);
}

/*
 * The kernel asks again for what an event may see: once is enough. Newer kernels give the kind of question alone, older ones the event's
 * attributes before it; either way a first argument that small is a question asked again. A denial by an earlier program never comes here.
 */
SEC("lsm/perf_event_open")
int on_perf_event_open(unsigned long long *ctx)
{
	if (ctx[0] > PERF_SECURITY_OPEN && ctx[0] <= PERF_SECURITY_LAST)
		return 0;
	return refuse_by(HOOK_PERF_EVENT_OPEN, SWITCH_PERF);
}

SEC("lsm/userns_create")
int BPF_PROG(on_userns_create, const struct cred *cred, int ret)
{
	return ret ? ret : refuse_by(HOOK_USERNS_CREATE, SWITCH_USER_NAMESPACES);
}

/* io_uring_setup(2) makes a file without a path called [io_uring]. */
SEC("lsm/inode_init_security_anon")
int BPF_PROG(on_anonymous_inode, struct inode *inode, const struct qstr *name, const struct inode *context, int ret)
{
	static const char uring[] = "[io_uring]";
	char text[sizeof(uring)] = {};

	if (ret || bpf_probe_read_kernel_str(text, sizeof(text), name->name) < 0)
		return ret;
#pragma unroll
	for (int i = 0; i < sizeof(uring); i++)
		if (text[i] != uring[i])
			return 0;
	return refuse_by(HOOK_INODE_INIT_SECURITY_ANON, SWITCH_IO_URING);
}

/* A ring that was handed in from outside. */
SEC("lsm/uring_override_creds")
int BPF_PROG(on_uring_override_creds, const struct cred *cred, int ret)
{
	return ret ? ret : refuse_by(HOOK_URING_OVERRIDE_CREDS, SWITCH_IO_URING);
}

SEC("lsm/uring_sqpoll")
int BPF_PROG(on_uring_sqpoll, int ret)
{
	return ret ? ret : refuse_by(HOOK_URING_SQPOLL, SWITCH_IO_URING);
}

#endif
