/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Hooks with a path: executing, opening, and changing names. Unconfined tasks leave after one or two lookups. */
#ifndef PARAPET_HOOKS_PATH_H
#define PARAPET_HOOKS_PATH_H

#include <bpf/bpf_tracing.h>
#include "guard.h"
#include "proc_files.h"

struct path_access { __u32 hook; __u32 ops; struct dentry *dentry; struct vfsmount *mount; struct inode *inode; };

static __always_inline bool owns(struct inode *inode)
{
	return !inode || inode->i_uid.val == bpf_get_current_task_btf()->cred->fsuid.val;
}

static __always_inline int judge(struct subject *subject, struct path_access *access)
{
	struct scratch *s = NULL;
	int slot = scratch_claim(&s), denied;

	if (slot < 0 || !s)
		return 1;
	s->subject = *subject;
	s->hook = access->hook;
	s->ops = access->ops;
	s->who = owns(access->inode) ? WHO_OWNER : WHO_OTHER;
	s->gone = access->inode && !access->inode->i_nlink;
	s->event.detail[0] = s->event.detail[1] = s->event.detail[2] = 0;
	if (s->subject.source == SOURCE_UNKNOWN) {
		s->mnt_ns = (__u64)bpf_get_current_task_btf()->nsproxy->mnt_ns;
		source_of_current(slot);
	}
	if (access->hook == HOOK_FILE_OPEN || access->hook == HOOK_BPRM_CHECK) {
		walk_near(s, slot, access->dentry, access->mount);
	} else { /* seldom: the longer way is fast enough, and less for the verifier to do */
		s->mnt_ns = (__u64)bpf_get_current_task_btf()->nsproxy->mnt_ns;
		s->dentry = (__u64)access->dentry;
		s->mount = (__u64)access->mount;
		walk_once(s, slot);
	}
	denied = judge_path(slot);
	scratch_release(s);
	return denied;
}

/* Judges a file operation of the current process. A name that does not exist yet belongs to its creator. */
static __always_inline int judge_file(__u32 hook, __u32 ops, struct dentry *dentry, struct vfsmount *mount, struct inode *inode)
{
	struct path_access access = { .hook = hook, .ops = ops, .dentry = dentry, .mount = mount, .inode = inode };
	struct subject subject = {};
	int guarded = hook == HOOK_FILE_OPEN ? 0 : guard_pin(hook, dentry, mount);

	if (guarded)
		return guarded;
	if (!subject_of_current(&subject, CLASS_FILE))
		return 0;
	return deny_if(judge(&subject, &access), -EACCES);
}

/* A blocked program must not become runnable under another name. */
static __always_inline int judge_moved(__u32 hook, struct dentry *dentry, struct vfsmount *mount)
{
	struct path_access access = { .hook = hook, .ops = OPS(OP_EXEC), .dentry = dentry, .mount = mount, .inode = dentry->d_inode };
	struct subject subject = {};

	if (!subject_of_current(&subject, CLASS_PROCESS))
		return 0;
	return deny_if(judge(&subject, &access), -EACCES);
}

/* A directory must not take what lies below it out of the rules' reach. */
static __always_inline int judge_relocated(struct dentry *dentry, struct vfsmount *mount)
{
	struct inode *inode = dentry->d_inode;
	struct path_access access = { .hook = HOOK_PATH_RENAME, .ops = OPS(OP_MOVE), .dentry = dentry, .mount = mount, .inode = inode };
	struct subject subject = {};

	if (!inode || (inode->i_mode & S_IFMT) != S_IFDIR)
		return 0;
	if (!subject_of_current(&subject, CLASS_FILE) && !subject_of_current(&subject, CLASS_PROCESS))
		return 0;
	return deny_if(judge(&subject, &access), -EACCES);
}

SEC("lsm/file_open")
int BPF_PROG(on_file_open, struct file *file, int ret)
{
	__u32 mode = file->f_mode, ops = 0;
	int denied;

	if (ret)
		return ret;
	if (mode & FMODE_NOACCOUNT)
		return 0;
	if ((mode & FMODE_WRITE) || (file->f_flags & O_TRUNC))
		ops |= OPS(OP_WRITE);
	if ((mode & FMODE_READ) || !ops)
		ops |= OPS(OP_READ);
	denied = judge_file(HOOK_FILE_OPEN, ops, file->f_path.dentry, file->f_path.mnt, file->f_inode);
	return denied || !is_in_proc(file) ? denied : judge_proc_file(file);
}

SEC("lsm/path_mknod")
int BPF_PROG(on_path_mknod, const struct path *dir, struct dentry *dentry, unsigned short mode, unsigned int dev, int ret)
{
	return ret ? ret : judge_file(HOOK_PATH_MKNOD, OPS(OP_WRITE), dentry, dir->mnt, NULL);
}

SEC("lsm/path_mkdir")
int BPF_PROG(on_path_mkdir, const struct path *dir, struct dentry *dentry, unsigned short mode, int ret)
{
	return ret ? ret : judge_file(HOOK_PATH_MKDIR, OPS(OP_WRITE), dentry, dir->mnt, NULL);
}

SEC("lsm/path_rmdir")
int BPF_PROG(on_path_rmdir, const struct path *dir, struct dentry *dentry, int ret)
{
	return ret ? ret : judge_file(HOOK_PATH_RMDIR, OPS(OP_WRITE), dentry, dir->mnt, dentry->d_inode);
}

SEC("lsm/path_unlink")
int BPF_PROG(on_path_unlink, const struct path *dir, struct dentry *dentry, int ret)
{
	return ret ? ret : judge_file(HOOK_PATH_UNLINK, OPS(OP_WRITE), dentry, dir->mnt, dentry->d_inode);
}

SEC("lsm/path_symlink")
int BPF_PROG(on_path_symlink, const struct path *dir, struct dentry *dentry, const char *old_name, int ret)
{
	return ret ? ret : judge_file(HOOK_PATH_SYMLINK, OPS(OP_WRITE), dentry, dir->mnt, NULL);
}

SEC("lsm/path_link")
int BPF_PROG(on_path_link, struct dentry *old_dentry, const struct path *new_dir, struct dentry *new_dentry, int ret)
{
	if (!ret)
		ret = judge_file(HOOK_PATH_LINK, OPS(OP_WRITE), old_dentry, new_dir->mnt, old_dentry->d_inode);
	if (!ret)
		ret = judge_file(HOOK_PATH_LINK, OPS(OP_WRITE), new_dentry, new_dir->mnt, NULL);
	if (!ret)
		ret = judge_moved(HOOK_PATH_LINK, old_dentry, new_dir->mnt);
	return ret;
}

SEC("lsm/path_rename")
int BPF_PROG(on_path_rename, const struct path *old_dir, struct dentry *old_dentry, const struct path *new_dir, struct dentry *new_dentry,
	     unsigned int flags, int ret)
{
	if (!ret)
		ret = judge_file(HOOK_PATH_RENAME, OPS(OP_WRITE), old_dentry, old_dir->mnt, old_dentry->d_inode);
	if (!ret)
		ret = judge_file(HOOK_PATH_RENAME, OPS(OP_WRITE), new_dentry, new_dir->mnt, new_dentry->d_inode);
	if (!ret)
		ret = judge_moved(HOOK_PATH_RENAME, old_dentry, old_dir->mnt);
	if (!ret)
		ret = judge_relocated(old_dentry, old_dir->mnt);
	if (!ret && (flags & RENAME_EXCHANGE))
		ret = judge_moved(HOOK_PATH_RENAME, new_dentry, new_dir->mnt);
	if (!ret && (flags & RENAME_EXCHANGE))
		ret = judge_relocated(new_dentry, new_dir->mnt);
	return ret;
}

SEC("lsm/path_chmod")
int BPF_PROG(on_path_chmod, const struct path *path, unsigned short mode, int ret)
{
	return ret ? ret : judge_file(HOOK_PATH_CHMOD, OPS(OP_WRITE), path->dentry, path->mnt, path->dentry->d_inode);
}

SEC("lsm/path_chown")
int BPF_PROG(on_path_chown, const struct path *path, __u64 uid, __u64 gid, int ret)
{
	return ret ? ret : judge_file(HOOK_PATH_CHOWN, OPS(OP_WRITE), path->dentry, path->mnt, path->dentry->d_inode);
}

SEC("lsm/path_truncate")
int BPF_PROG(on_path_truncate, const struct path *path, int ret)
{
	return ret ? ret : judge_file(HOOK_PATH_TRUNCATE, OPS(OP_WRITE), path->dentry, path->mnt, path->dentry->d_inode);
}

/* From 6.2 on ftruncate(2) and O_TRUNC come here and no longer to path_truncate. */
SEC("lsm/file_truncate")
int BPF_PROG(on_file_truncate, struct file *file, int ret)
{
	return ret ? ret : judge_file(HOOK_FILE_TRUNCATE, OPS(OP_WRITE), file->f_path.dentry, file->f_path.mnt, file->f_inode);
}

#endif
