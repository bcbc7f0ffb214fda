/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How often, rather than each time: a denial or audit is told at once while it is news and its rule has tokens; otherwise it is counted in a
 * tally, which summaries at 10, 100, 1000 … and the agent's drain tell. Counts are exact: a count is added to one place only, and the agent
 * reads a map of tallies when it is out of use and no program can still hold one of its entries.
 */
#ifndef PARAPET_AGGREGATE_H
#define PARAPET_AGGREGATE_H

#include "event.h"
#include "fingerprint.h"

#define MAX_BUCKETS 16384
#define TOKEN_NS (1000000000ull / EVENT_RATE)
#define RING_WAKE (RING_BYTES / 8)

/* By struct tally_key: a struct event and TALLY_TEXT bytes of text. */
struct tally_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_TALLIES);
	__uint(key_size, sizeof(struct tally_key));
	__uint(value_size, sizeof(struct event) + TALLY_TEXT);
} tallies_a SEC(".maps"), tallies_b SEC(".maps");

/* Entry 0: the map that is counted in. The agent puts the other one here, which waits for running programs, and empties the first. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct tally_map);
} tallies SEC(".maps") = { .values = { &tallies_a } };

/* By struct tally_key without the executable. What falls out is told anew. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_BUCKETS);
	__type(key, struct tally_key);
	__type(value, struct bucket);
} buckets SEC(".maps");

_Static_assert(__builtin_offsetof(struct event, executable) == __builtin_offsetof(struct tally_key, executable), "an event begins with its key");
_Static_assert(__builtin_offsetof(struct event, count) == sizeof(struct tally_key), "an event begins with its key");
_Static_assert(__builtin_offsetof(struct scratch, text) == __builtin_offsetof(struct scratch, event) + sizeof(struct event), "text follows its event");

/* Takes a token, unless the same was told lately. Tasks that meet here may be refused one another's. */
static __always_inline bool may_tell(struct scratch *s)
{
	__u64 due, next, now = bpf_ktime_get_boot_ns();
	struct bucket *bucket;

	__builtin_memcpy(&s->rule, &s->event, sizeof(s->rule));
	s->rule.executable = 0;
	bucket = bpf_map_lookup_elem(&buckets, &s->rule);
	if (!bucket) {
		bpf_map_update_elem(&buckets, &s->rule, &s->full, BPF_NOEXIST);
		bucket = bpf_map_lookup_elem(&buckets, &s->rule);
		if (!bucket)
			return false;
	}
#pragma unroll
	for (int i = 0; i < EVENT_RECENT; i++)
		if (*(volatile __u32 *)&bucket->recent[i] == s->print)
			return false;
	due = *(volatile __u64 *)&bucket->due;
	next = (due > now ? due : now) + TOKEN_NS;
	if (next - now > EVENT_BURST * TOKEN_NS || __sync_val_compare_and_swap(&bucket->due, due, next) != due)
		return false;
	bucket->recent[__sync_fetch_and_add(&bucket->next, 1) & (EVENT_RECENT - 1)] = s->print;
	return true;
}

/* What could not be told is news the next time, too. */
static __always_inline void untell(struct scratch *s)
{
	struct bucket *bucket = bpf_map_lookup_elem(&buckets, &s->rule);

	if (!bucket)
		return;
#pragma unroll
	for (int i = 0; i < EVENT_RECENT; i++)
		if (bucket->recent[i] == s->print)
			bucket->recent[i] = 0;
}

/* Hands the slot's event with its text to the agent; a denial wakes it. 0, or a negative error when there is no room. */
static __always_inline long send(struct scratch *s)
{
	__u64 size = sizeof(s->event) + s->text_len;
	__u64 flags = BPF_RB_NO_WAKEUP;

	if (s->event.verdict == VERDICT_BLOCK || bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) > RING_WAKE)
		flags = BPF_RB_FORCE_WAKEUP;
	if (size > sizeof(s->event) + TEXT_MAX)
		size = sizeof(s->event) + TEXT_MAX;
	return bpf_ringbuf_output(&events, &s->event, size, flags);
}

/* Tells the slot's event by a record of its own; 0, or a negative error when there is no room. */
static __always_inline long tell(struct scratch *s)
{
	long error = send(s);

	if (!error) {
		count(COUNT_EVENTS);
		return 0;
	}
	count(COUNT_RING_FULL);
	if (s->event.verdict == VERDICT_BLOCK)
		count(COUNT_RING_FULL_BLOCK);
	return error;
}

static __always_inline bool is_power_of_ten(__u64 n)
{
	return n == 10 || n == 100 || n == 1000 || n == 10000 || n == 100000 || n == 1000000 || n == 10000000 || n == 100000000;
}

/* Tells those that a tally has counted since the last power of ten. Nobody else tells them: one task only sees this `n`. */
static __always_inline void summarize(struct scratch *s, struct event *entry)
{
	__u64 n = s->counted, counted = n == 10 ? n : n - n / 10;

	s->event.kind = EVENT_SUMMARY;
	s->event.count = counted;
	s->event.first_ns = entry->first_ns;
	if (send(s)) {
		count(COUNT_SUMMARY_RING_FULL);
		return;
	}
	count(COUNT_SUMMARIES);
	__sync_fetch_and_add(&entry->told, counted);
	entry->first_ns = s->event.time_ns;
}

static __always_inline void *active_tallies(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&tallies, &zero);
}

/* Counts the slot's event in a tally that is there; returns its entry, or NULL where there is none. */
static __always_inline struct event *count_in(struct scratch *s)
{
	void *active = active_tallies();
	struct event *entry = active ? bpf_map_lookup_elem(active, &s->event) : NULL;

	if (!entry)
		return NULL;
	count(COUNT_AGGREGATED);
	s->counted = __sync_fetch_and_add(&entry->count, 1) + 1;
	entry->time_ns = bpf_ktime_get_boot_ns();
	return entry;
}

/* Makes the slot's event the first of a tally; not 0 when there is no room, or another task was faster. */
static __always_inline long begin_tally(struct scratch *s)
{
	void *active = active_tallies();

	s->event.kind = EVENT_SUMMARY;
	if (!active || bpf_map_update_elem(active, &s->event, &s->event, BPF_NOEXIST))
		return -1;
	count(COUNT_AGGREGATED);
	return 0;
}

/* What the event is about: everything but strings. */
static __always_inline void fill_key(struct scratch *s, __u32 class, __u32 has_path)
{
	struct event *event = &s->event;

	event->container = s->subject.container;
	event->generation = s->subject.generation;
	event->node = s->decision.site == SITE_DEFAULT ? 0 : s->decision.node;
	event->source = s->decision.source;
	event->class = class;
	event->op = s->decision.op;
	event->verdict = s->decision.verdict;
	event->site = s->decision.site;
	event->who = s->who;
	event->hook = s->hook;
	event->reason = s->decision.reason;
	event->key_reserved = 0;
	event->executable = identity_of_exe(s);
	event->what = (has_path && class != CLASS_SYSCALL) || class == CLASS_DNS ? 0 : s->what;
	if (has_path)
		event->version = 0;
}

/* Fills in what the slot's decision is about, and finds out whether it may be told at once: s->has_bucket. */
__noinline int identify(__u32 slot, __u32 class, __u32 has_path)
{
	struct scratch *s = scratch_at(slot);

	if (!s)
		return 0;
	fill_key(s, class, has_path);
	s->print = fingerprint(s, has_path);
	s->has_bucket = may_tell(s);
	return 0;
}

/* Where an event goes that has just been looked for in a tally. */
static __always_inline __u32 step_after(struct scratch *s, struct event *entry, __u32 without)
{
	return !entry ? without : is_power_of_ten(s->counted) ? STEP_SUMMARIZE : STEP_DONE;
}

/* Tells or counts the slot's decision. For paths, the slot's walk is the resource's; it is overwritten. The verdict stands either way.
 * What must be kept is kept in the slot, not on the stack: hooks that are nested deeply come here. */
#ifndef SHARED_ELSEWHERE
__noinline int emit(__u32 slot, __u32 class, __u32 has_path)
{
	struct scratch *s = scratch_at(slot);
	struct event *entry = NULL;

	if (!s)
		return 0;
	s->has_path = s->walked = has_path;
	s->told_dentry = s->dentry;
	s->told_mount = s->mount;
	identify(slot, class, has_path);
	s->step = STEP_TELL;
	if (!s->has_bucket) {
		entry = count_in(s);
		s->step = step_after(s, entry, STEP_BEGIN_TALLY);
	}
#pragma clang loop unroll(disable)
	for (int turn = 0; turn < 3 && *(volatile __u32 *)&s->step != STEP_DONE; turn++) {
		compose(s);
		switch (*(volatile __u32 *)&s->step) {
		case STEP_SUMMARIZE:
			if (entry)
				summarize(s, entry);
			return 0;
		case STEP_FALL_BACK:
			count(COUNT_TALLIES_FULL);
			if (s->has_bucket || tell(s))
				lose(s->event.verdict);
			return 0;
		case STEP_TELL:
			if (!tell(s))
				return 0;
			untell(s);
			entry = count_in(s);
			s->step = step_after(s, entry, STEP_BEGIN_TALLY);
			break;
		default:
			if (!begin_tally(s))
				return 0;
			entry = count_in(s);
			s->step = step_after(s, entry, STEP_FALL_BACK);
		}
	}
	return 0;
}
#endif

#endif
