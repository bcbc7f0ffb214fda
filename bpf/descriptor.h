/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The open files of a task: the way from a descriptor to the kernel's struct file. */
#ifndef PARAPET_DESCRIPTOR_H
#define PARAPET_DESCRIPTOR_H

#include <bpf/bpf_core_read.h>
#include "kernel.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct fdtable { unsigned int max_fds; struct file **fd; };
struct files_struct { atomic_t count; struct fdtable *fdt; };
struct task_struct___files { struct files_struct *files; };
#pragma clang attribute pop

/* The file behind a descriptor; NULL where there is none. */
static __always_inline struct file *file_of(struct task_struct *task, __u32 descriptor)
{
	struct fdtable *table = BPF_CORE_READ((struct task_struct___files *)task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = NULL;

	if (descriptor >= BPF_CORE_READ(table, max_fds) || bpf_probe_read_kernel(&file, sizeof(file), files + descriptor))
		return NULL;
	return file;
}

/* Does another task have the same descriptors, as threads have? */
static __always_inline bool shares_descriptors(struct task_struct *task)
{
	return BPF_CORE_READ((struct task_struct___files *)task, files, count.counter) > 1;
}

#endif
