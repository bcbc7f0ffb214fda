/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Files in /proc: those of another process, by the presets protectEnv and protectProc (the kernel's own record says whose they are), the
 * memory of any, by anonymousMapExec, and the one that would take the programs themselves out of the way. */
#ifndef PARAPET_PROC_FILES_H
#define PARAPET_PROC_FILES_H

#include "guard.h"

/* The process group that a file in /proc belongs to; 0 for files of no process, such as /proc/meminfo. */
static __always_inline __u32 proc_owner(struct inode *inode)
{
	struct proc_inode *entry = (void *)inode - bpf_core_field_offset(struct proc_inode, vfs_inode);
	struct pid *pid = BPF_CORE_READ(entry, pid);
	struct task_struct *task;

	if (!pid)
		return 0;
	task = task_with(pid);
	return task ? BPF_CORE_READ(task, tgid) : -1; /* it is gone: nobody's, so not the caller's */
}

/* Is this the kernel's switch for all tracing? The programs of LSM hooks are called by it, and with it off no hook would be left on the node. */
static __always_inline bool is_tracing_switch(struct dentry *dentry)
{
	static const char tracing[] = "ftrace_enabled";
	char name[sizeof(tracing)] = {};

	if (bpf_probe_read_kernel_str(name, sizeof(name), dentry->d_name.name) != sizeof(name))
		return false;
#pragma unroll
	for (int i = 0; i < sizeof(tracing); i++)
		if (name[i] != tracing[i])
			return false;
	return true;
}

/* Writing there is refused to a container that has rules, whatever they say. */
static __always_inline int guard_tracing(struct file *file)
{
	struct switched done = { .hook = HOOK_FILE_OPEN, .which = SWITCH_BPF, .dentry = file->f_path.dentry, .mount = file->f_path.mnt };

	return is_tracing_switch(file->f_path.dentry) ? refuse_confined(&done) : 0;
}

static __always_inline bool is_memory_file(struct dentry *dentry)
{
	char name[8] = {};

	bpf_probe_read_kernel_str(name, sizeof(name), dentry->d_name.name);
	return name[0] == 'm' && name[1] == 'e' && name[2] == 'm' && !name[3];
}

/* Does the file hold what the process keeps in its memory: its environment, or all of it? */
static __always_inline bool tells_environment(struct dentry *dentry)
{
	char name[8] = {};

	if (is_memory_file(dentry))
		return true;
	bpf_probe_read_kernel_str(name, sizeof(name), dentry->d_name.name);
	return name[0] == 'e' && name[1] == 'n' && name[2] == 'v' && name[3] == 'i' && name[4] == 'r' && name[5] == 'o' && name[6] == 'n';
}

/* Writing to a process's memory, also to one's own, asks no page whether it may be written: program text that is changed so has no file. */
static __always_inline int judge_memory_file(struct file *file)
{
	struct dentry *dentry = file->f_path.dentry;

	if (!(file->f_mode & FMODE_WRITE) || !is_memory_file(dentry) || !proc_owner(file->f_inode))
		return 0;
	return deny_if(judge_switch(HOOK_FILE_OPEN, SWITCH_ANONYMOUS_MAP_EXEC, 0, address_of(dentry), address_of(file->f_path.mnt)), -EPERM);
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
