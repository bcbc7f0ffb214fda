/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The part of abi.h that is about arguments of programs. */
#ifndef PARAPET_ABI_ARGUMENTS_H
#define PARAPET_ABI_ARGUMENTS_H

#define MAX_ARGUMENT_BYTES 240 /* of an argument that a rule can list; a longer one is in no list */
#define MAX_ARGUMENTS 1024     /* of one execution that are judged */
#define MAX_ARGUMENT_RULES 8

/* With which arguments a program may be executed: only with those that are edges from `list`, a node id. */
struct argument_rule {
	__u32 list;          /* 0: there is no further rule */
	__u8 verdict;        /* otherwise */
	__u8 who;            /* bits 1 << enum who */
	__u8 empty;          /* 1: an empty argument, which can be no edge, is in the list too */
	__u8 reserved;
};

/* All that are said, for one source class, of the program that a node or a name stands for. */
struct argument_rules {
	struct argument_rule rules[MAX_ARGUMENT_RULES];
};

#endif
