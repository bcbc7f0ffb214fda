/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attempt is a chain of steps, each a few words: "thread", "open openat2 /path". A step either acts, and the chain goes on when it worked, or it
 * makes a surrounding (a thread, a namespace, another program) in which the rest of the chain runs. An attempt's result is the first error, or 0
 * when every step had the effect that it is there for: an access counts as made only when its effect is seen (the secret's bytes, a changed file).
 */
#ifndef ATTEMPT_H
#define ATTEMPT_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOME "/var/tmp/bypass"
#define SECRET "SECRET"
#define MAX_WORDS 8
#define MAX_STEPS 24

/* Descriptors that steps hand on to later ones, also over an exec. */
#define HELD 100
#define CHANNEL 101

/* Not an errno: the attempt is written wrongly, so neither run may end so. */
#define MISTAKE 250

struct step {
	const char *name;
	int (*act)(char **words);
	int (*enter)(char **words, char **rest);
};

/* The steps of each family; the last entry has no name. */
extern const struct step OPENING[], NAMES[], COMPAT[], DESCRIPTORS[], SURROUNDINGS[], NAMESPACES[], MOUNTS[], EXECUTING[], MEMORY[], URING[],
	SOCKETS[], RACES[], OTHERS[], ASKING[], PEERS[], TRACING[], ROUTES[];

/* Runs a chain to its end or its first error. */
int run(char **steps);

/* Steps before "--" outside, the rest as a process of the cgroup; for each line of standard input. */
int stage(void);

static inline int result(long value)
{
	return value < 0 ? errno : 0;
}

/* Keeps a descriptor for later steps. */
static inline int hold(int fd)
{
	int error = result(fd < 0 ? -1 : dup2(fd, HELD));

	if (fd >= 0 && fd != HELD)
		close(fd);
	return error;
}

/* Reads the secret: 0 only when its bytes were seen. Closes the descriptor. */
int reads(int fd);

/* Writes over the secret: 0 only when the bytes are there afterwards. */
int writes(int fd);

/* Accepts from the held listener by io_uring, in a mode as uring.c names it; a descriptor, or -1. */
int accept_by_ring(const char *mode);

/* A child's exit status as an error. */
int wait_for(pid_t child);

#endif
