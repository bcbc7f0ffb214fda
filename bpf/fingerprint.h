/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What an event's rule sees as one and the same thing, in few bytes. */
#ifndef PARAPET_FINGERPRINT_H
#define PARAPET_FINGERPRINT_H

#include "event.h"

static __always_inline __u64 mixed(__u64 hash, __u64 value)
{
	return (hash ^ value) * 0x9e3779b97f4a7c15ull;
}

/* Tells programs apart: neither the number of a file nor its place in memory is given again soon, let alone both. */
static __always_inline __u64 identity_of_exe(struct scratch *s)
{
	__u64 dentry, mount;

	acting_exe(s, &dentry, &mount);
	return dentry ? mixed(dentry, BPF_CORE_READ((struct dentry *)dentry, d_inode, i_ino)) : 0;
}

/* Eight bytes of a looked-up name at a time, and the last ones without what was there before. */
static __always_inline __u64 hash_of_name(struct scratch *s)
{
	__u64 hash = s->name_len;

#pragma unroll
	for (__u32 at = 0; at <= NAME_MAX; at += 8) {
		__u64 eight = *(__u64 *)&s->name[at];

		if (at >= s->name_len)
			break;
		if (at + 8 > s->name_len)
			eight &= (1ull << ((s->name_len - at) & 7) * 8) - 1;
		hash = mixed(hash, eight);
	}
	return hash;
}

/* What one rule sees as one thing: the program and its resource. For paths the last name and its directory stand for all of it. Never 0. */
static __always_inline __u32 fingerprint(struct scratch *s, __u32 has_path)
{
	struct dentry_part part = {};
	__u64 hash = mixed(s->event.executable, (__u64)s->event.detail[0] << 32 | s->event.detail[1]);

	hash = mixed(hash, s->event.detail[2]);
	if (has_path && !read_dentry(&part, s->dentry))
		hash = mixed(mixed(hash, part.hash_len), part.parent);
	if (s->event.version)
		hash = mixed(mixed(mixed(hash, ((__u64 *)s->event.address)[0]), ((__u64 *)s->event.address)[1]), s->event.port);
	if (s->event.class == CLASS_DNS || s->event.site == SITE_ARGUMENTS)
		hash = mixed(hash, hash_of_name(s));
	return hash >> 32 | 1;
}

#endif
