/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lives on of an agent that dies: a process that wakes whoever waits for their rules (hold.h), which the kernel half then lets run or
 * refuses, as the operator chose. An agent starts it with a pipe as standard input and the directory of the pinned maps as argument; when
 * the pipe ends, or the agent gives no sign of life, it sees to it that nobody stays stopped, unless another agent has taken over. With the
 * word `now` it wakes them at once: their programs are being taken out of the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "abi.h"

#define PAUSE_NS 100000000L
#define ROUNDS_NOW 10
#define ROUNDS 100               /* ten seconds: more than it takes anybody to stop who was about to */

/* What kills all of the agent's cgroup, as a service manager or a container's end does, must not kill this too. Where the root may not be
 * entered it stays where it is. */
static void leave_cgroup(void)
{
	int file = open("/sys/fs/cgroup/cgroup.procs", O_WRONLY | O_CLOEXEC);

	if (file < 0)
		return;
	if (write(file, "0", 1) < 0)
		errno = 0;
	close(file);
}

static long bpf(int command, union bpf_attr *attributes)
{
	return syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

static int open_map(const char *directory, const char *name)
{
	union bpf_attr attributes = {};
	char path[4096];

	if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
		return -1;
	attributes.pathname = (uintptr_t)path;
	return bpf(BPF_OBJ_GET, &attributes);
}

static int look_up(int map, const void *key, void *value)
{
	union bpf_attr attributes = { .map_fd = map, .key = (uintptr_t)key, .value = (uintptr_t)value };

	return bpf(BPF_MAP_LOOKUP_ELEM, &attributes);
}

static int next_key(int map, const __u32 *key, __u32 *next)
{
	union bpf_attr attributes = { .map_fd = map, .key = (uintptr_t)key, .next_key = (uintptr_t)next };

	return bpf(BPF_MAP_GET_NEXT_KEY, &attributes);
}

/* An entry goes when its process ends: one that is still there is about the process whose descriptor was opened before. */
static void wake(int map, __u32 pid)
{
	int process = syscall(SYS_pidfd_open, pid, 0);
	struct held held;

	if (process < 0)
		return;
	if (!look_up(map, &pid, &held))
		syscall(SYS_pidfd_send_signal, process, SIGCONT, NULL, 0);
	close(process);
}

static void wake_all(int map)
{
	__u32 pid, next;

	/* where an entry goes meanwhile, all begins anew: not for ever */
	for (int i = 0, error = next_key(map, NULL, &next); !error && i < MAX_HELD; i++) {
		pid = next;
		error = next_key(map, &pid, &next);
		wake(map, pid);
	}
}

/* When an agent was last alive; CLOCK_MONOTONIC. */
static __u64 last_alive(int map)
{
	struct hold_settings settings = {};
	__u32 zero = 0;

	look_up(map, &zero, &settings);
	return settings.alive;
}

static __u64 now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static void pause_a_moment(void)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };

	nanosleep(&pause, NULL);
}

/* Has the agent died? Waits a second to see. */
static int ended(void)
{
	struct pollfd pipe = { .fd = 0, .events = POLLIN };

	return poll(&pipe, 1, 1000) > 0;
}

/* Until the agent has died and nobody can wait for it any more, or another one has taken over. */
static void watch(int held, int settings)
{
	__u64 alive = 0;

	for (int left = ROUNDS, over = 0; left > 0;) {
		int was_over = over;
		__u64 last;

		if (over)
			pause_a_moment();
		else
			over = ended();
		last = last_alive(settings);
		if (was_over && last != alive)
			return;
		alive = last;
		if (now() <= last + AGENT_SILENCE_NS)
			continue;
		wake_all(held);
		left -= over;
	}
}

int main(int count, char **words)
{
	int held, settings;

	if (count < 2)
		return 2;
	for (int number = SIGHUP; number <= SIGTERM; number++) /* whoever ends the agent's group in good order does not end this */
		signal(number, SIG_IGN);
	leave_cgroup();
	held = open_map(words[1], "held");
	settings = open_map(words[1], "hold_settings");
	if (held < 0 || settings < 0)
		return 1;
	if (count == 2)
		watch(held, settings);
	else
		for (int i = 0; i < ROUNDS_NOW; i++, pause_a_moment())
			wake_all(held);
	return 0;
}
