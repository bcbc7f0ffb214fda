/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Ways to a program or a file that go round execve(2) and open(2): mapping a file to execute it (`ld.so program`, dlopen), making memory
 * executable, receiving somebody else's descriptor, and changing what a file carries besides its bytes.
 */
#ifndef PARAPET_HOOKS_MEMORY_H
#define PARAPET_HOOKS_MEMORY_H

#include <bpf/bpf_tracing.h>
#include "fileless.h"
#include "hooks_path.h"
#include "judge_mapping.h"

struct mapping { __u32 hook; struct file *file; bool anonymous; struct dentry *dentry; struct vfsmount *mount; };

/* The path by which a mapped file was opened. From 6.5 on the mapping of an overlay's file holds the file below it. */
static __always_inline void find_path(struct mapping *mapping)
{
	struct file *file = mapping->file;
	struct backing_file *backing = (void *)file;
	__u32 mode = BPF_CORE_READ(file, f_mode);

	mapping->dentry = BPF_CORE_READ(file, f_path.dentry);
	mapping->mount = BPF_CORE_READ(file, f_path.mnt);
	if (!(mode & FMODE_BACKING) || !(mode & FMODE_NOACCOUNT) || !bpf_core_field_exists(backing->user_path))
		return;
	mapping->dentry = BPF_CORE_READ(backing, user_path.dentry);
	mapping->mount = BPF_CORE_READ(backing, user_path.mnt);
}

/* Memory of the kernel's own: a memfd, shared anonymous memory, System V shared memory. */
static __always_inline bool is_memory(struct mapping *mapping)
{
	struct vfsmount *mount = mapping->mount;

	return BPF_CORE_READ(mount, mnt_flags) & MNT_INTERNAL;
}

static __always_inline int judge_program_map(struct mapping *mapping)
{
	struct subject subject = {};
	struct scratch *s = NULL;
	struct dentry *dentry = mapping->dentry;
	struct inode *inode;
	int slot, denied;

	if (!subject_of_current(&subject, CLASS_PROCESS))
		return 0;
	slot = scratch_claim(&s);
	if (slot < 0 || !s)
		return 1;
	inode = BPF_CORE_READ(dentry, d_inode);
	s->subject = subject;
	s->argued.node = 0;
	note_file_at(s, inode);
	s->hook = mapping->hook;
	s->mnt_ns = (__u64)BPF_CORE_READ(bpf_get_current_task_btf(), nsproxy, mnt_ns);
	if (s->subject.source == SOURCE_UNKNOWN)
		source_of_current(slot);
	s->who = BPF_CORE_READ(inode, i_uid.val) == bpf_get_current_task_btf()->cred->fsuid.val ? WHO_OWNER : WHO_OTHER;
	s->gone = 0;
	s->dentry = (__u64)mapping->dentry;
	s->mount = (__u64)mapping->mount;
	s->event.detail[0] = s->event.detail[1] = s->event.detail[2] = 0;
	denied = judge_named(slot);
	scratch_release(s);
	return denied;
}

/* Judges making a mapping executable. The program that is being executed, or runs, has been judged when it was executed. */
static __always_inline int judge_mapping(struct mapping *mapping)
{
	struct file *exe = BPF_CORE_READ(bpf_get_current_task_btf(), mm, exe_file);
	int denied;

	if (mapping->file)
		find_path(mapping);
	if (mapping->anonymous || !mapping->file || is_memory(mapping)) {
		denied = judge_switch(mapping->hook, SWITCH_ANONYMOUS_MAP_EXEC, 0, address_of(mapping->dentry), address_of(mapping->mount));
		if (denied)
			return deny_if(1, -EPERM);
	}
	if (!mapping->file || (exe && mapping->dentry == BPF_CORE_READ(exe, f_path.dentry)))
		return 0;
	denied = deny_if(judge_fileless(mapping->hook, 0, mapping->dentry, mapping->mount), -EPERM);
	return denied ? denied : deny_if(judge_program_map(mapping), -EACCES);
}

SEC("lsm/mmap_file")
int BPF_PROG(on_mmap, struct file *file, unsigned long asked, unsigned long protection, unsigned long flags, int ret)
{
	struct mapping mapping = { .hook = HOOK_MMAP_FILE };

	if (ret || !(protection & PROT_EXEC))
		return ret;
	/* there may be no file, which some verifiers hold to be impossible: they would take the question for it out */
	bpf_probe_read_kernel(&mapping.file, sizeof(mapping.file), &ctx[0]);
	mapping.anonymous = !(flags & MAP_SHARED) && (protection & PROT_WRITE);
	return judge_mapping(&mapping);
}

/* Memory becomes executable; what was already has been judged when it became so, unless it becomes writable as well. */
SEC("lsm/file_mprotect")
int BPF_PROG(on_mprotect, struct vm_area_struct *area, unsigned long asked, unsigned long protection, int ret)
{
	struct mapping mapping = { .hook = HOOK_FILE_MPROTECT };
	__u64 flags = area->vm_flags;

	if (ret || !(protection & PROT_EXEC))
		return ret;
	mapping.file = BPF_CORE_READ(area, vm_file);
	mapping.anonymous = !(flags & VM_SHARED) && ((protection & PROT_WRITE) || (BPF_CORE_READ(area, anon_vma) && !(flags & VM_EXEC)));
	if ((flags & VM_EXEC) && !mapping.anonymous)
		return 0;
	return judge_mapping(&mapping);
}

/* A descriptor arrives: over a socket, from another process by pidfd_getfd(2) or a seccomp notifier. Taking it is opening its file. */
SEC("lsm/file_receive")
int BPF_PROG(on_file_receive, struct file *file, int ret)
{
	__u32 mode = file->f_mode, ops = 0;

	if (ret)
		return ret;
	if ((mode & FMODE_PATH) || ((file->f_path.mnt->mnt_flags & MNT_INTERNAL) && !has_queues(file->f_path.mnt)))
		return 0;
	if (mode & FMODE_WRITE)
		ops |= OPS(OP_WRITE);
	if (mode & FMODE_READ)
		ops |= OPS(OP_READ);
	return ops ? refuse_name(HOOK_FILE_RECEIVE, ops, file->f_path.dentry, file->f_path.mnt) : 0;
}

/* FS_IOC_SETFLAGS (chattr), FS_IOC32_SETFLAGS and FS_IOC_FSSETXATTR need no descriptor that can write. */
static __always_inline bool changes_flags(__u32 command)
{
	return command == 0x40086602 || command == 0x40046602 || command == 0x401c5820;
}

static __always_inline int judge_ioctl(struct file *file, __u32 command)
{
	if (!changes_flags(command) || (file->f_path.mnt->mnt_flags & MNT_INTERNAL))
		return 0;
	return refuse_name(HOOK_FILE_IOCTL, OPS(OP_WRITE), file->f_path.dentry, file->f_path.mnt);
}

SEC("lsm/file_ioctl")
int BPF_PROG(on_ioctl, struct file *file, unsigned int command, unsigned long argument, int ret)
{
	return ret ? ret : judge_ioctl(file, command);
}

/* Newer kernels bring 32-bit programs' calls here; older ones to file_ioctl. */
SEC("lsm/file_ioctl_compat")
int BPF_PROG(on_ioctl_compat, struct file *file, unsigned int command, unsigned long argument, int ret)
{
	return ret ? ret : judge_ioctl(file, command);
}

#endif
