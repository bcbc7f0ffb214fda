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
struct inode { kuid_t i_uid; unsigned short i_mode; const unsigned int i_nlink; unsigned long i_ino; struct super_block *i_sb; };
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
struct file { unsigned int f_mode; unsigned int f_flags; struct inode *f_inode; struct path f_path; void *private_data; };

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
struct ipc_namespace { struct vfsmount *mq_mnt; };
struct nsproxy { struct ipc_namespace *ipc_ns; struct mnt_namespace *mnt_ns; };

struct kernfs_node { const char *name; __u64 id; };
struct cgroup_subsys_state { struct cgroup *cgroup; struct cgroup_subsys_state *parent; };
struct cgroup { struct cgroup_subsys_state self; struct kernfs_node *kn; int level; struct cgroup *ancestors[1]; };
struct css_set { struct cgroup *dfl_cgrp; };

struct thread_info { __u32 status; };
struct pt_regs { unsigned long bx; unsigned long ax; unsigned long orig_ax; };

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	unsigned int ptrace;
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

struct linux_binprm { unsigned long p; struct file *file; int argc; const char *filename; const char *interp; };

struct vm_area_struct { struct file *vm_file; void *anon_vma; const unsigned long vm_flags; };
struct backing_file { struct path user_path; };

struct bpf_map { __u32 id; };
struct bpf_prog_aux { __u32 id; };
struct bpf_prog { struct bpf_prog_aux *aux; };
struct bpf_link { struct bpf_prog *prog; };

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
struct sock_cgroup_data { struct cgroup *cgroup; };
struct sock {
	struct sock_common __sk_common;
	unsigned int sk_kern_sock : 1;
	__u16 sk_type;
	__u16 sk_protocol;
	struct pid *sk_peer_pid;
	struct sock_cgroup_data sk_cgrp_data;
};
struct request_sock { struct request_sock *dl_next; struct sock *sk; };
struct request_sock_queue { struct request_sock *rskq_accept_head; };
struct inet_connection_sock { struct request_sock_queue icsk_accept_queue; };
struct mptcp_sock { struct sock *first; };
struct unix_address;
struct unix_sock { struct unix_address *addr; struct path path; struct sock *peer; };
struct sctp_ep_common { struct sock *sk; };
struct sctp_association { struct sctp_ep_common base; };
struct sk_buff { unsigned char *head; __u16 network_header; };
struct sockaddr { unsigned short sa_family; };
struct socket { short type; struct sock *sk; };
struct msghdr { void *msg_name; void *msg_control; unsigned long msg_controllen; unsigned int msg_flags; };

struct seq_file;
struct bpf_iter_meta { struct seq_file *seq; };
struct bpf_iter__task { struct bpf_iter_meta *meta; struct task_struct *task; };

#pragma clang attribute pop

/* Constants of the kernel that no BTF carries. */
#define EPERM 1
#define EAGAIN 11
#define EACCES 13
#define EEXIST 17
#define ENOSYS 38                   /* as a result: the system call is not through yet */
#define ERESTARTNOINTR 513          /* does the system call once more, after signals */

#define TS_COMPAT 0x2                 /* the system call came by a 32-bit entry */
#define X32_SYSCALL_BIT 0x40000000
#define CALL_MQ_UNLINK 241
#define CALL_SETNS 308
#define CALL_MOUNT_SETATTR 442         /* by every entry */
#define COMPAT_MQ_UNLINK 278
#define COMPAT_SETNS 346
#define COMPAT_SOCKETCALL 102
#define COMPAT_IPC 117
#define PROC_SUPER_MAGIC 0x9fa0
#define BPF_FS_MAGIC 0xcafe4a11
#define MQUEUE_MAGIC 0x19800202
#define SB_KERNMOUNT 0x400000
#define MNT_NS_INTERNAL (-22ull)     /* in place of the namespace of a mount that the kernel made for itself */
#define MNT_INTERNAL 0x4000          /* a mount that the kernel made for itself, as for memfds and pipes */
#define PROT_WRITE 0x2
#define PROT_EXEC 0x4
#define MAP_SHARED 0x1
#define VM_EXEC 0x4
#define VM_SHARED 0x8
#define PTRACE_MODE_ATTACH 0x2
#define PTRACE_MODE_NOAUDIT 0x4      /* a line of /proc/PID/stat that is left empty otherwise */
#define PTRACE_MODE_FSCREDS 0x8
#define READING_MODULE 2             /* enum kernel_read_file_id and kernel_load_data_id; two kinds of kexec images follow */
#define READING_KEXEC_LAST 4
#define PERF_SECURITY_OPEN 0
#define PERF_SECURITY_LAST 3

#define PF_IO_WORKER 0x00000010
#define PF_FORKNOEXEC 0x00000040
#define PF_KTHREAD 0x00200000
#define CLONE_THREAD 0x00010000
#define SIGKILL 9
#define SIGSTOP 19

#define FMODE_READ 0x1
#define FMODE_WRITE 0x2
#define FMODE_NOACCOUNT 0x20000000   /* the inner open of a stacked file system; the outer one has been judged */
#define FMODE_PATH 0x4000            /* a descriptor that only names a file: what is done through it is judged then */
#define FMODE_BACKING 0x3000000      /* from 6.5 on one of these, with FMODE_NOACCOUNT: the file below an overlay, whose own path is another */
#define O_TRUNC 01000
#define DCACHE_DISCONNECTED 0x20     /* reached by file handle: its place in the tree is not known */
#define RENAME_EXCHANGE 2
#define OVERLAYFS_MAGIC 0x794c7630
#define S_IFMT 0170000
#define S_IFDIR 0040000
#define S_IFIFO 0010000

#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define AF_PACKET 17
#define AF_RXRPC 33                  /* carried by UDP */
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
#define IPPROTO_SMC 256               /* from 6.11 on; the same as AF_SMC */
#define IPPROTO_MPTCP 262
#define SCTP_SOCKOPT_BINDX_ADD 100
#define SCTP_SOCKOPT_CONNECTX 110
#define SCTP_DSTADDRV4 7              /* in a control message: one more address of the peer */
#define SCTP_DSTADDRV6 8
#define MSG_FASTOPEN 0x20000000
#define CAP_SYS_CHROOT 18
#define CAP_SYS_ADMIN 21
#define CAP_OPT_NOAUDIT 2
#define PR_SET_MM 35
#define PR_SET_MM_EXE_FILE 13
#define PR_SET_MM_MAP 14
#define V4_SOURCE 12                  /* where the headers of IPv4 and IPv6 have the sender */
#define V6_SOURCE 8

#endif
