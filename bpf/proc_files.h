/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The presets protectEnv and protectProc: files in /proc that belong to another process. The kernel's own record says whose they are. */
#ifndef PARAPET_PROC_FILES_H
#define PARAPET_PROC_FILES_H

#include "switch.h"

/* The process group that a file in /proc belongs to; 0 for files of no process, such as /proc/meminfo. */
static __always_inline __u32 proc_owner(struct inode *inode)
{
	struct proc_inode *entry = (void *)inode - bpf_core_field_offset(struct proc_inode, vfs_inode);
	struct pid *pid = BPF_CORE_READ(entry, pid);
	struct hlist_node *first;
	struct task_struct *task;

	if (!pid)
		return 0;
	first = BPF_CORE_READ(pid, tasks[0].first);
	if (!first)
		return -1; /* it is gone: nobody's, so not the caller's */
	task = (void *)first - bpf_core_field_offset(struct task_struct, pid_links[0]);
	return BPF_CORE_READ(task, tgid);
}

/* Does the file hold what the process keeps in its memory: its environment, or all of it? */
static __always_inline bool tells_environment(struct dentry *dentry)
{
	char name[8] = {};

	bpf_probe_read_kernel_str(name, sizeof(name), dentry->d_name.name);
	if (name[0] == 'm')
		return name[1] == 'e' && name[2] == 'm' && !name[3];
	return name[0] == 'e' && name[1] == 'n' && name[2] == 'v' && name[3] == 'i' && name[4] == 'r' && name[5] == 'o' && name[6] == 'n';
}

/* Judges opening a file in /proc by the two presets. */
static __always_inline int judge_proc_file(struct file *file)
{
	struct switched done = { .hook = HOOK_FILE_OPEN, .dentry = file->f_path.dentry, .mount = file->f_path.mnt };
	struct subject subject = {};
	struct table *table = subject_of_current(&subject, CLASS_PRESET);
	__u32 verdict, environment, owner;

	if (!table)
		return 0;
	verdict = switch_verdict(table, SWITCH_PROTECT_PROC);
	environment = switch_verdict(table, SWITCH_PROTECT_ENV);
	if (verdict < VERDICT_AUDIT && environment < VERDICT_AUDIT)
		return 0;
	owner = proc_owner(file->f_inode);
	if (!owner || owner == bpf_get_current_task_btf()->tgid)
		return 0;
	done.which = SWITCH_PROTECT_PROC;
	if (environment > verdict && tells_environment(file->f_path.dentry)) {
		verdict = environment;
		done.which = SWITCH_PROTECT_ENV;
	}
	return verdict < VERDICT_AUDIT ? 0 : deny_if(tell_switch(&subject, &done, verdict), -EACCES);
}

static __always_inline bool is_in_proc(struct file *file)
{
	return file->f_inode->i_sb->s_magic == PROC_SUPER_MAGIC;
}

#endif
