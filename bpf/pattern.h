/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The patterns of a table: one automaton that reads the walked path byte by byte. Its layout is told at struct pattern_verdict in abi.h. */
#ifndef PARAPET_PATTERN_H
#define PARAPET_PATTERN_H

#include "scratch.h"

#define CLASS_CELLS 128  /* the classes of 256 bytes */
#define STATE_DEAD 0     /* no pattern can match any more */
#define STATE_START 1

struct automaton { struct scratch *s; struct pattern_chunk *classes; __u32 chunk; __u32 stride; __u32 state; __u32 fault; };

static __always_inline __u32 cell_at(struct automaton *a, __u32 cell)
{
	__u32 index = a->chunk + cell / PATTERN_CELLS;
	struct pattern_chunk *chunk = bpf_map_lookup_elem(&patterns, &index);

	return chunk ? chunk->cells[cell % PATTERN_CELLS] : 0;
}

static __always_inline void take_byte(struct automaton *a, __u8 byte)
{
	__u32 class = ((__u8 *)a->classes->cells)[byte];

	a->state = cell_at(a, CLASS_CELLS + a->state * a->stride + 1 + class);
}

static long take_next_byte(__u32 turn, struct automaton *a)
{
	take_byte(a, a->s->text[turn & NAME_MAX]);
	return a->state == STATE_DEAD;
}

/* Takes a / and the name after it. The text for events is not written before the verdict is known, so it holds the name meanwhile. */
static long take_component(__u32 turn, struct automaton *a)
{
	struct scratch *s = a->s;
	__u32 at = s->next;
	struct component *component;
	__u64 len;

	if (!at)
		return 1;
	at -= 1;
	component = component_at(s, at);
	a->fault = !component;
	if (!component)
		return 1;
	s->next = at;
	len = component->len & NAME_MAX;
	asm volatile("%0 &= 255" : "+r"(len));
	a->fault = !len || bpf_probe_read_kernel(s->text, len, (void *)component->name);
	if (a->fault)
		return 1;
	take_byte(a, '/');
	bpf_loop(len, take_next_byte, a, 0);
	return a->state == STATE_DEAD;
}

/* What the patterns accept of the walked path, from 1 on, with what they say about it; 0 for nothing, negative when it cannot be read. */
static __always_inline int run_automaton(struct table *table, __u32 slot, struct pattern_verdict *found)
{
	struct automaton a = { .s = scratch_at(slot), .chunk = table->pattern_chunk, .stride = table->pattern_stride, .state = STATE_START };
	__u32 accepted, at;

	a.classes = bpf_map_lookup_elem(&patterns, &a.chunk);
	if (!a.s || !a.classes)
		return -1;
	a.s->next = a.s->count;
	if (!a.s->count)
		take_byte(&a, '/');
	bpf_loop(MAX_COMPONENTS, take_component, &a, 0);
	if (a.fault)
		return -1;
	accepted = cell_at(&a, CLASS_CELLS + a.state * a.stride);
	if (!accepted)
		return 0;
	at = table->pattern_verdicts + (accepted - 1) * (sizeof(*found) / sizeof(__u16));
	found->word = cell_at(&a, at);
	found->process_depth = cell_at(&a, at + 1);
	found->file_depth = cell_at(&a, at + 2);
	return accepted;
}

#endif
