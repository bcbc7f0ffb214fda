/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The kernel's structs, as far as we read them. Offsets are relocated when the object is loaded, so order and gaps mean nothing here. */
#ifndef PARAPET_KERNEL_H
#define PARAPET_KERNEL_H

#include <linux/types.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct { unsigned int val; } kuid_t;
typedef struct { int counter; } atomic_t;

struct qstr { __u64 hash_len; unsigned int len; const unsigned char *name; };
struct super_block { __u32 s_dev; unsigned long s_flags; unsigned long s_magic; };
struct inode { kuid_t i_uid; unsigned short i_mode; const unsigned int i_nlink; struct super_block *i_sb; };
struct dentry { unsigned int d_flags; struct dentry *d_parent; struct qstr d_name; struct inode *d_inode; struct super_block *d_sb; };

struct ns_common { unsigned int inum; __u64 ns_id; };
struct vfsmount { struct dentry *mnt_root; struct super_block *mnt_sb; int mnt_flags; };
struct list_head { struct list_head *next; };
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct list_head mnt_mounts;
	struct list_head mnt_child;
	struct mnt_namespace *mnt_ns;
};
struct mnt_namespace { struct ns_common ns; __u64 seq; struct mount *root; };
struct path { struct vfsmount *mnt; struct dentry *dentry; };
struct file { unsigned int f_mode; unsigned int f_flags; struct inode *f_inode; struct path f_path; };

struct cred { kuid_t uid; kuid_t fsuid; };
struct mm_struct { struct file *exe_file; };
struct tty_struct;
struct signal_struct { atomic_t live; struct tty_struct *tty; };

struct pid_namespace { struct task_struct *child_reaper; struct ns_common ns; };
struct upid { int nr; struct pid_namespace *ns; };
struct hlist_node { struct hlist_node *next; };
struct hlist_head { struct hlist_node *first; };
struct pid { unsigned int level; struct hlist_head tasks[1]; struct upid numbers[1]; };
struct proc_inode { struct pid *pid; struct inode vfs_inode; };
struct nsproxy { struct mnt_namespace *mnt_ns; };

struct kernfs_node { __u64 id; };
struct cgroup_subsys_state { struct cgroup *cgroup; struct cgroup_subsys_state *parent; };
struct cgroup { struct cgroup_subsys_state self; struct kernfs_node *kn; };
struct css_set { struct cgroup *dfl_cgrp; };

struct thread_info { __u32 status; };
struct pt_regs { unsigned long bx; unsigned long orig_ax; };

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	int pid;
	int tgid;
	char comm[16];
	__u64 start_time;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	struct mm_struct *mm;
	const struct cred *real_cred;
	const struct cred *cred;
	void *io_uring;
	struct signal_struct *signal;
	struct pid *thread_pid;
	struct nsproxy *nsproxy;
	struct css_set *cgroups;
	struct hlist_node pid_links[1];
};

struct linux_binprm { struct file *file; };

struct vm_area_struct { struct file *vm_file; void *anon_vma; const unsigned long vm_flags; };
struct backing_file { struct path user_path; };

struct bpf_map { __u32 id; };
struct bpf_prog_aux { __u32 id; };
struct bpf_prog { struct bpf_prog_aux *aux; };

struct in6_addr { __u32 word[4]; };
struct sock_common {
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	__u16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	unsigned char skc_ipv6only : 1;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};
struct sock { struct sock_common __sk_common; unsigned int sk_kern_sock : 1; __u16 sk_type; __u16 sk_protocol; };
struct socket { short type; struct sock *sk; };
struct msghdr { void *msg_name; unsigned int msg_flags; };

struct seq_file;
struct bpf_iter_meta { struct seq_file *seq; };
struct bpf_iter__task { struct bpf_iter_meta *meta; struct task_struct *task; };

#pragma clang attribute pop

/* Constants of the kernel that no BTF carries. */
#define EPERM 1
#define EAGAIN 11
#define EACCES 13
#define EEXIST 17

#define TS_COMPAT 0x2                 /* the system call came by a 32-bit entry */
#define X32_SYSCALL_BIT 0x40000000
#define COMPAT_SOCKETCALL 102
#define COMPAT_IPC 117
#define PROC_SUPER_MAGIC 0x9fa0
#define BPF_FS_MAGIC 0xcafe4a11
#define SB_KERNMOUNT 0x400000
#define MNT_INTERNAL 0x4000          /* a mount that the kernel made for itself, as for memfds and pipes */
#define PROT_WRITE 0x2
#define PROT_EXEC 0x4
#define MAP_SHARED 0x1
#define VM_EXEC 0x4
#define VM_SHARED 0x8
#define PTRACE_MODE_ATTACH 0x2
#define READING_MODULE 2             /* enum kernel_read_file_id and kernel_load_data_id; two kinds of kexec images follow */
#define READING_KEXEC_LAST 4
#define PERF_SECURITY_OPEN 0
#define PERF_SECURITY_LAST 3

#define PF_IO_WORKER 0x00000010
#define PF_FORKNOEXEC 0x00000040
#define PF_KTHREAD 0x00200000
#define CLONE_THREAD 0x00010000
#define SIGKILL 9

#define FMODE_READ 0x1
#define FMODE_WRITE 0x2
#define FMODE_NOACCOUNT 0x20000000   /* the inner open of a stacked file system; the outer one has been judged */
#define FMODE_PATH 0x4000            /* a descriptor that only names a file: what is done through it is judged then */
#define FMODE_BACKING 0x2000000      /* from 6.5 on: the file below an overlay, whose own path is another */
#define O_TRUNC 01000
#define DCACHE_DISCONNECTED 0x20     /* reached by file handle: its place in the tree is not known */
#define RENAME_EXCHANGE 2
#define S_IFMT 0170000
#define S_IFDIR 0040000

#define AF_UNSPEC 0
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define AF_PACKET 17
#define AF_SMC 43                     /* carries its streams over TCP where both ends cannot do better */
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define SOCK_SEQPACKET 5
#define SOCK_DCCP 6
#define SOCK_PACKET 10
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_DCCP 33
#define IPPROTO_ICMPV6 58
#define IPPROTO_SCTP 132
#define IPPROTO_UDPLITE 136
#define IPPROTO_RAW 255
#define IPPROTO_MPTCP 262
#define SCTP_SOCKOPT_BINDX_ADD 100
#define SCTP_SOCKOPT_CONNECTX 110
#define MSG_FASTOPEN 0x20000000
#define CAP_OPT_NOAUDIT 2

#endif
