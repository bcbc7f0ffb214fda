/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody in a container could do to the agent, which is the actor's parent here. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "agent.h"

static int result(long value)
{
	return value < 0 ? errno : 0;
}

/* The limit that it has, set once more. */
static int limit(pid_t agent)
{
	struct rlimit now;

	return result(prlimit(agent, RLIMIT_CORE, NULL, &now)) ?: result(prlimit(agent, RLIMIT_CORE, &now, NULL));
}

static int choose_processors(pid_t agent)
{
	cpu_set_t now;

	return result(sched_getaffinity(agent, sizeof(now), &now)) ?: result(sched_setaffinity(agent, sizeof(now), &now));
}

/* A signal that the kernel sends when a descriptor can be read from. Whether it comes only the agent can tell. */
static int signal_by_file(pid_t agent)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || fcntl(pair[0], F_SETOWN, agent) || fcntl(pair[0], F_SETSIG, SIGWINCH))
		return errno;
	return result(fcntl(pair[0], F_SETFL, O_ASYNC | O_NONBLOCK)) ?: result(write(pair[1], "x", 1));
}

int act_on_agent(const char *how)
{
	pid_t agent = getppid();

	if (!strcmp(how, "signal"))
		return result(kill(agent, SIGCONT));
	if (!strcmp(how, "limit"))
		return limit(agent);
	if (!strcmp(how, "priority"))
		return result(setpriority(PRIO_PROCESS, agent, 0));
	if (!strcmp(how, "processors"))
		return choose_processors(agent);
	if (!strcmp(how, "io-priority"))
		return result(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, agent, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 4)));
	if (!strcmp(how, "file"))
		return signal_by_file(agent);
	return ENOSYS;
}
