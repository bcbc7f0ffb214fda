/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A record: who did what to what, in words. Only events pay for strings; aggregate.h decides which of them become records. */
#ifndef PARAPET_EVENT_H
#define PARAPET_EVENT_H

#include <bpf/bpf_core_read.h>
#include "kernel.h"
#include "label.h"
#include "scratch.h"
#include "walk.h"

/* Appends one character or name to the slot's text. The buffer is NAME_MAX + 1 longer than its limit, so a name always fits. */
static __always_inline void append(struct scratch *s, __u64 name, __u64 len)
{
	__u64 at = *(volatile __u32 *)&s->text_len;

	asm volatile("%0 &= 255" : "+r"(len));
	if (at > TEXT_MAX)
		return;
	s->text[at] = '/';
	if (len)
		bpf_probe_read_kernel(&s->text[at + 1 <= TEXT_MAX ? at + 1 : TEXT_MAX], len, (void *)name);
	s->text_len = at + 1 + len;
}

struct naming { struct scratch *s; __u32 at; };

/* Puts a dot where the next part's length was. */
static long dot_name(__u32 turn, struct naming *naming)
{
	__u32 at = naming->at;

	asm volatile("%0 &= 255" : "+r"(at));
	at += (__u8)naming->s->name[at] + 1;
	if (at > NAME_MAX || at + 1 >= naming->s->name_len)
		return 1;
	naming->at = at;
	at -= 1; /* never below 0: something was added */
	asm volatile("%0 &= 255" : "+r"(at));
	naming->s->text[at] = '.';
	return 0;
}

struct rendering { struct scratch *s; __u32 room; __u32 total; };

/* Counts how many components, from the last one up, fit into the room: s->next of them. */
static long fit_component(__u32 turn, struct rendering *rendering)
{
	struct scratch *s = rendering->s;
	struct component *component;

	if (turn >= s->count)
		return 1;
	component = component_at(s, turn);
	if (!component)
		return 1;
	rendering->total += (component->len & NAME_MAX) + 1;
	if (rendering->total > rendering->room) {
		s->event.truncated = 1;
		return 1;
	}
	s->next = turn + 1;
	return 0;
}

static long append_component(__u32 turn, struct rendering *rendering)
{
	struct scratch *s = rendering->s;
	struct component *component;
	__u32 at = s->next;

	if (!at)
		return 1;
	at -= 1;
	s->next = at;
	component = component_at(s, at);
	if (!component)
		return 1;
	append(s, component->name, component->len);
	return 0;
}

/* Appends the walked path, at most `room` bytes: a longer one loses its first components. Returns the bytes appended. */
__noinline int render(__u32 slot, __u32 room)
{
	struct rendering rendering = { .s = scratch_at(slot), .room = room };
	__u32 start;

	if (!rendering.s)
		return 0;
	start = rendering.s->text_len;
	rendering.s->next = 0;
	bpf_loop(MAX_COMPONENTS, fit_component, &rendering, 0);
	if (!rendering.s->count)
		append(rendering.s, 0, 0);
	bpf_loop(MAX_COMPONENTS, append_component, &rendering, 0);
	return rendering.s->text_len - start;
}

/* Appends the name that was looked up, with dots: as a packet has it, each part after a byte that says how long it is. */
static __always_inline __u16 render_name(struct scratch *s)
{
	struct naming naming = { .s = s };
	__u32 at = s->name_len;

	if (at < 2)
		return 0;
	at -= 2; /* the first length and the end */
	asm volatile("%0 &= 255" : "+r"(at));
	bpf_probe_read_kernel(s->text, at, s->name + 1);
	s->text_len = at;
	bpf_loop(MAX_COMPONENTS, dot_name, &naming, 0);
	return at;
}

/* A packet comes, or leaves later, whoever the processor is just running. */
static __always_inline bool is_nobodys(struct scratch *s)
{
	return s->hook == HOOK_INET_CONN_REQUEST || s->hook == HOOK_SCTP_ASSOC_REQUEST || s->hook == HOOK_CGROUP_SKB_EGRESS;
}

/* The executable that acted: the current one, or that of whoever executed it. */
static __always_inline void acting_exe(struct scratch *s, __u64 *dentry, __u64 *mount)
{
	*dentry = *mount = 0;
	if (is_nobodys(s))
		return;
	*dentry = s->caller_dentry;
	*mount = s->caller_mount;
	if (!*dentry)
		exe_of(bpf_get_current_task_btf(), dentry, mount);
}

static __always_inline __u16 render_acting_exe(struct scratch *s, __u32 room)
{
	__u64 dentry, mount;

	acting_exe(s, &dentry, &mount);
	if (!dentry)
		return 0;
	walk(s->slot, dentry, mount);
	return render(s->slot, room);
}

/* Appends a zero byte and the argument in `name`, of which `length` bytes are wanted. Returns the bytes appended. */
static __always_inline __u16 append_argument(struct scratch *s, __u64 length)
{
	__u64 at = *(volatile __u32 *)&s->text_len;

	asm volatile("%0 &= 255" : "+r"(length));
	if (at >= TEXT_MAX)
		return 0;
	s->text[at] = 0;
	bpf_probe_read_kernel(&s->text[at + 1], length, s->name);
	s->text_len = at + 1 + length;
	return 1 + length;
}

/* Appends what was acted on, in at most `room` bytes, and returns how many. A function of its own for the stack's sake. */
__noinline int render_resource(__u32 slot, __u32 room)
{
	struct scratch *s = scratch_at(slot);
	__u32 argument, length;

	if (!s)
		return 0;
	if (!s->has_path)
		return s->event.class == CLASS_DNS ? render_name(s) : 0;
	if (s->event.site != SITE_ARGUMENTS)
		return render(s->slot, room);
	argument = s->name_len < room / 2 ? s->name_len : room / 2;
	length = render(s->slot, room - 1 - argument);
	return length + append_argument(s, argument);
}

/* Appends the path of a task's executable; 0 for a kernel thread. */
static __always_inline __u16 render_exe(__u32 slot, struct task_struct *task, __u32 room)
{
	__u64 dentry, mount;

	exe_of(task, &dentry, &mount);
	if (!dentry)
		return 0;
	walk(slot, dentry, mount);
	return render(slot, room);
}

/* A process's id in the pid namespace at `level`, 0 when it is not in one that deep. Returns that namespace's inode in *ns. */
static __always_inline __u32 id_at(struct pid *pid, __u32 level, __u32 *ns)
{
	const __u64 upid = (__u64)pid + bpf_core_field_offset(struct pid, numbers) + (__u64)level * bpf_core_type_size(struct upid);
	const struct upid *number = (void *)upid;
	int id = 0;

	if (!pid || BPF_CORE_READ(pid, level) < level)
		return 0;
	bpf_core_read(&id, sizeof(id), &number->nr);
	*ns = BPF_CORE_READ(number, ns, ns.inum);
	return id;
}

/* Who did it. */
__noinline int describe_task(__u32 slot)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct scratch *s = scratch_at(slot);
	struct event *event;
	struct task_struct *parent = BPF_CORE_READ(task, real_parent);
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level), parent_ns = 0;

	if (!s)
		return 0;
	event = &s->event;
	event->time_ns = bpf_ktime_get_boot_ns();
	event->first_ns = event->time_ns;
	if (is_nobodys(s)) {
		event->cgroup = event->start_time = 0;
		event->tgid = event->tid = event->ppid = event->ns_tgid = event->ns_ppid = event->uid = event->mnt_ns = 0;
		__builtin_memset(event->comm, 0, sizeof(event->comm));
		return 0;
	}
	event->cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	event->start_time = BPF_CORE_READ(task, start_time);
	event->tgid = BPF_CORE_READ(task, tgid);
	event->tid = BPF_CORE_READ(task, pid);
	event->ppid = BPF_CORE_READ(parent, tgid);
	event->ns_tgid = id_at(pid, level, &event->pid_ns);
	event->ns_ppid = id_at(BPF_CORE_READ(parent, group_leader, thread_pid), level, &parent_ns);
	if (parent_ns != event->pid_ns)
		event->ns_ppid = 0;
	event->uid = BPF_CORE_READ(task, cred, uid.val);
	event->mnt_ns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	bpf_core_read(event->comm, sizeof(event->comm), &task->comm);
	return 0;
}

/* What is next to be done with an event, for each of which it must be composed; or nothing. */
enum step { STEP_DONE, STEP_TELL, STEP_BEGIN_TALLY, STEP_SUMMARIZE, STEP_FALL_BACK };

/* Completes the slot's event: a record of its own or, to begin a tally, with no more text than that keeps. Overwrites the walk. No function of its
 * own: calls are at most eight deep, and the walk needs the rest. */
static __always_inline void compose(struct scratch *s)
{
	struct event *event = &s->event;
	bool small = s->step == STEP_BEGIN_TALLY;

	s->text_len = 0;
	event->truncated = 0;
	event->pid_ns = 0;
	event->told = 0;
	event->count = 1;
	event->kind = EVENT_SINGLE;
	if (s->has_path && !s->walked)
		walk(s->slot, s->told_dentry, s->told_mount);
	s->walked = 0;
	describe_task(s->slot);
	event->resource_len = render_resource(s->slot, small ? TALLY_RESOURCE : TEXT_RESOURCE);
	event->exe_len = render_acting_exe(s, small ? TALLY_EXE : TEXT_EXE);
	event->parent_len = 0;
	if (!is_nobodys(s))
		event->parent_len = render_exe(s->slot, BPF_CORE_READ(bpf_get_current_task_btf(), real_parent), small ? TALLY_PARENT : TEXT_PARENT);
}

#endif
