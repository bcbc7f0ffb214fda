/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The part of abi.h that is about files under other names than those of the rules. */
#ifndef PARAPET_ABI_INODES_H
#define PARAPET_ABI_INODES_H

#define MAX_INODES 262144
#define MAX_PROGRAM_NAMES 8 /* a program with more is many in one, as busybox is: it is executed by its name */

/* Bits of `lengths` in the copy of a node. */
#define FILE_MANY_NAMES 1 /* a program with too many */
#define FILE_MORE_RULES 2 /* rules name the file by another path too: the next number has its node */

/* A file that a rule names by its whole path, to a copy of that path's node. */
struct inode_key {
	__u64 inode;
	__u32 device;
	__u32 table;         /* of the container, or that for tasks with a terminal */
	__u32 generation;    /* of the container's table, which no two containers share */
	__u32 number;        /* of the path, from 0 on, where rules name the file by several */
};

#endif
