/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Hooks with a path: executing, opening, and changing names. Unconfined tasks leave after one or two lookups. */
#ifndef PARAPET_HOOKS_PATH_H
#define PARAPET_HOOKS_PATH_H

#include <bpf/bpf_tracing.h>
#include "executions.h"
#include "judge_name.h"
#include "proc_files.h"

struct path_access { __u32 hook; __u32 ops; struct dentry *dentry; struct vfsmount *mount; struct inode *inode; __u32 argc; struct label *label; struct file *file; };

static __always_inline bool owns(struct inode *inode)
{
	return !inode || inode->i_uid.val == bpf_get_current_task_btf()->cred->fsuid.val;
}

/* What a program that is executed will be as a source, while its path is at hand: looked for again when it has been executed only where this
 * walk was not plain. To be called after the path was judged, which walks again when the tree has changed: then `renames` differ. */
static __always_inline void note_source(struct scratch *s, struct path_access *access, __u32 source, __u32 renames)
{
	struct label *label = access->label;

	if (!label || s->renames != renames || (renames & 1))
		return;
	*(volatile __u64 *)&s->executing = (__u64)access->file;
	*(volatile __u64 *)&label->executing = execution_mark(*(volatile __u64 *)&s->executing, s->subject.generation) | (source & SOURCE_BITS);
}

/* Opening and executing: the file is known to the verifier, and its path found quickly. Returns 1 to deny. */
static __always_inline int judge(struct subject *subject, struct path_access *access)
{
	struct scratch *s = NULL;
	int slot = scratch_claim(&s), denied;
	__u32 source = 0, renames = 1;

	if (slot < 0 || !s) {
		lose_unseen(VERDICT_BLOCK);
		return 1;
	}
	s->subject = *subject;
	s->hook = access->hook;
	s->ops = access->ops;
	s->who = owns(access->inode) ? WHO_OWNER : WHO_OTHER;
	s->argued.node = s->noted.node = 0;
	note_file(s, access->inode);
	s->gone = access->inode && !access->inode->i_nlink;
	s->event.detail[0] = s->event.detail[1] = s->event.detail[2] = 0;
	if (s->subject.source == SOURCE_UNKNOWN) {
		s->mnt_ns = (__u64)bpf_get_current_task_btf()->nsproxy->mnt_ns;
		source_of_current(slot);
	}
	walk_near(s, slot, access->dentry, access->mount);
	if (access->label && !s->crossed) {
		source = source_of_walk(s, slot);
		renames = s->renames;
	}
	find_alias(s);
	s->told_dentry = s->dentry;
	s->told_mount = s->mount;
	denied = judge_path(slot);
	note_source(s, access, source, renames);
	if (!denied && s->noted.node)
		denied = note_execution(slot, access->argc);
	scratch_release(s);
	return denied;
}

SEC("lsm/file_open")
int BPF_PROG(on_file_open, struct file *file, int ret)
{
	struct path_access access = { .hook = HOOK_FILE_OPEN };
	struct subject subject = {};
	__u32 mode = file->f_mode;
	struct table *table;

	if (ret)
		return ret;
	if ((mode & FMODE_NOACCOUNT) && is_under_other_creds())
		return 0;
	table = table_of_current(&subject);
	if (!table)
		return 0;
	if (table->flags & TABLE_HAS_SYSCALL_PATHS)
		audit_call(HOOK_FILE_OPEN, subject.container, address_of(file->f_path.dentry), 0, address_of(file->f_path.mnt));
	if ((mode & FMODE_WRITE) && is_in_proc(file)) {
		ret = guard_tracing(file);
		if (ret)
			return ret;
	}
	if ((table->flags & TABLE_HAS(CLASS_PRESET)) && is_in_proc(file)) {
		ret = judge_memory_file(file);
		if (!ret)
			ret = judge_proc_file(file);
		if (ret)
			return ret;
	}
	if (!is_subject_to(&subject, table, CLASS_FILE))
		return 0;
	if ((mode & FMODE_WRITE) || (file->f_flags & O_TRUNC))
		access.ops |= OPS(OP_WRITE);
	if ((mode & FMODE_READ) || !access.ops)
		access.ops |= OPS(OP_READ);
	access.dentry = file->f_path.dentry;
	access.mount = file->f_path.mnt;
	access.inode = file->f_inode;
	return deny_if(judge(&subject, &access), -EACCES);
}

SEC("lsm/path_mknod")
int BPF_PROG(on_path_mknod, const struct path *dir, struct dentry *dentry, unsigned short mode, unsigned int dev, int ret)
{
	return ret ? ret : refuse_call_on(HOOK_PATH_MKNOD, dentry, dir->mnt);
}

SEC("lsm/path_mkdir")
int BPF_PROG(on_path_mkdir, const struct path *dir, struct dentry *dentry, unsigned short mode, int ret)
{
	return ret ? ret : refuse_call_on(HOOK_PATH_MKDIR, dentry, dir->mnt);
}

SEC("lsm/path_rmdir")
int BPF_PROG(on_path_rmdir, const struct path *dir, struct dentry *dentry, int ret)
{
	return ret ? ret : refuse_call_on(HOOK_PATH_RMDIR, dentry, dir->mnt);
}

SEC("lsm/path_unlink")
int BPF_PROG(on_path_unlink, const struct path *dir, struct dentry *dentry, int ret)
{
	return ret ? ret : refuse_call_on(HOOK_PATH_UNLINK, dentry, dir->mnt);
}

/* mq_unlink(2) goes by no path: it removes from the kernel's own mount of the queues. All other calls have come to path_unlink. */
SEC("lsm/inode_unlink")
int BPF_PROG(on_inode_unlink, struct inode *dir, struct dentry *dentry, int ret)
{
	struct ipc_namespace *queues = bpf_get_current_task_btf()->nsproxy->ipc_ns;
	__u64 number;

	if (ret || !bpf_core_field_exists(queues->mq_mnt) || dir->i_sb->s_magic != MQUEUE_MAGIC)
		return ret;
	number = call_number();
	if (number != CALL_MQ_UNLINK && number != COMPAT_MQ_UNLINK)
		return 0;
	return refuse_name(HOOK_PATH_UNLINK, OPS(OP_WRITE), dentry, BPF_CORE_READ(queues, mq_mnt));
}

SEC("lsm/path_symlink")
int BPF_PROG(on_path_symlink, const struct path *dir, struct dentry *dentry, const char *old_name, int ret)
{
	return ret ? ret : refuse_call_on(HOOK_PATH_SYMLINK, dentry, dir->mnt);
}

/* A blocked program must not become runnable under another name, and a directory not take what lies below it out of the rules' reach. */
SEC("lsm/path_link")
int BPF_PROG(on_path_link, struct dentry *old_dentry, const struct path *new_dir, struct dentry *new_dentry, int ret)
{
	if (!ret)
		ret = refuse_call_on_two(HOOK_PATH_LINK, old_dentry, new_dentry, new_dir->mnt);
	if (!ret)
		ret = refuse_name(HOOK_PATH_LINK, OPS(OP_WRITE), new_dentry, new_dir->mnt);
	if (!ret)
		ret = refuse_name(HOOK_PATH_LINK, OPS(OP_EXEC), old_dentry, new_dir->mnt);
	return ret;
}

SEC("lsm/path_rename")
int BPF_PROG(on_path_rename, const struct path *old_dir, struct dentry *old_dentry, const struct path *new_dir, struct dentry *new_dentry,
	     unsigned int flags, int ret)
{
	if (!ret)
		ret = refuse_call_on_two(HOOK_PATH_RENAME, old_dentry, new_dentry, old_dir->mnt);
	if (!ret)
		ret = refuse_name(HOOK_PATH_RENAME, OPS(OP_WRITE), new_dentry, new_dir->mnt);
	if (!ret)
		ret = refuse_name(HOOK_PATH_RENAME, OPS(OP_EXEC), old_dentry, old_dir->mnt);
	if (!ret)
		ret = refuse_name(HOOK_PATH_RENAME, OPS(OP_MOVE), old_dentry, old_dir->mnt);
	if (!ret && (flags & RENAME_EXCHANGE))
		ret = refuse_name(HOOK_PATH_RENAME, OPS(OP_EXEC), new_dentry, new_dir->mnt);
	if (!ret && (flags & RENAME_EXCHANGE))
		ret = refuse_name(HOOK_PATH_RENAME, OPS(OP_MOVE), new_dentry, new_dir->mnt);
	return ret;
}

SEC("lsm/path_chmod")
int BPF_PROG(on_path_chmod, const struct path *path, unsigned short mode, int ret)
{
	return ret ? ret : refuse_call_on(HOOK_PATH_CHMOD, path->dentry, path->mnt);
}

SEC("lsm/path_chown")
int BPF_PROG(on_path_chown, const struct path *path, __u64 uid, __u64 gid, int ret)
{
	return ret ? ret : refuse_call_on(HOOK_PATH_CHOWN, path->dentry, path->mnt);
}

SEC("lsm/path_truncate")
int BPF_PROG(on_path_truncate, const struct path *path, int ret)
{
	return ret ? ret : refuse_call_on(HOOK_PATH_TRUNCATE, path->dentry, path->mnt);
}

/* From 6.2 on ftruncate(2) and O_TRUNC come here and no longer to path_truncate. */
SEC("lsm/file_truncate")
int BPF_PROG(on_file_truncate, struct file *file, int ret)
{
	return ret ? ret : refuse_call_on(HOOK_FILE_TRUNCATE, file->f_path.dentry, file->f_path.mnt);
}

#endif
