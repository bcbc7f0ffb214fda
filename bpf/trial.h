/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* One access for match_test.bpf.c: its inputs as user space writes them, and what the matcher said. */
#ifndef PARAPET_TRIAL_H
#define PARAPET_TRIAL_H

#include <linux/types.h>

#define TRIALS 1024
#define TRIAL_TEXT 4096

struct trial {
	__u32 table;
	__u32 class;
	__u32 op;
	__u32 who;
	__u32 detail[3];     /* network: family, type, protocol; capability: number */
	__u32 version;       /* of the address, 0 for none; operation in `op` */
	__u32 port;
	__u32 anonymous;
	__u32 address[4];
	__u32 path_len;
	__u32 source_len;
	/* results */
	__u32 verdict;
	__u32 site;
	__u32 node;
	__u32 source;
	__u32 source_class;
	__u32 argument_count;
	__u32 end;           /* enum end */
	__u32 gone;
	__u32 generation;    /* of the files that rules name */
	__u32 device;
	__u32 expected[2];   /* in container number `index + 1` after an even and after an odd number of swaps */
	__u64 inode;         /* 0: it is not known by its inode */
	char path[TRIAL_TEXT]; /* for DNS: a name as in a packet */
	char source_path[TRIAL_TEXT];
	char arguments[TRIAL_TEXT]; /* each ended by a zero byte */
};

#endif
