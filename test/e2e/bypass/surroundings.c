/* SPDX-License-Identifier: Apache-2.0 */
/* Who acts: a thread, a child of every kind, an orphan, a process that left its cgroup. */
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include "attempt.h"

#define STACK (256 * 1024)

static void *run_in_thread(void *steps)
{
	return (void *)(long)run(steps);
}

static int in_thread(char **w, char **rest)
{
	pthread_t thread;
	void *error = NULL;

	(void)w;
	if (pthread_create(&thread, NULL, run_in_thread, rest) || pthread_join(thread, &error))
		return EAGAIN;
	return (long)error;
}

/* The first thread has ended before the last one acts. */
static void *run_alone(void *steps)
{
	char path[64], line[256] = "";
	FILE *status;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	while (!strstr(line, ") Z")) {
		usleep(1000);
		status = fopen(path, "r");
		if (!status || !fgets(line, sizeof(line), status))
			_exit(MISTAKE);
		fclose(status);
	}
	_exit(run(steps));
}

static int without_leader(char **w, char **rest)
{
	pid_t child = fork();

	(void)w;
	if (child == 0) {
		pthread_t thread;

		pthread_create(&thread, NULL, run_alone, rest);
		syscall(SYS_exit, 0);
	}
	return wait_for(child);
}

static int in_child(char **w, char **rest)
{
	pid_t child = fork();

	(void)w;
	if (child == 0)
		_exit(run(rest));
	return wait_for(child);
}

static int run_and_exit(void *steps)
{
	_exit(run(steps));
}

static int in_clone(int flags, char **rest)
{
	char *stack = malloc(STACK);

	return wait_for(clone(run_and_exit, stack + STACK, flags | SIGCHLD, rest));
}

/* clone WHAT: children that share more than fork's */
static int in_clone_sharing(char **w, char **rest)
{
	if (!strcmp(w[1], "vfork"))
		return in_clone(CLONE_VM | CLONE_VFORK, rest);
	if (!strcmp(w[1], "memory"))
		return in_clone(CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SIGHAND, rest);
	if (!strcmp(w[1], "parent")) { /* a sibling: its parent is ours */
		int ends[2], error = MISTAKE;
		char *stack = malloc(STACK);

		if (pipe(ends))
			return errno;
		if (syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, 0) == 0) {
			error = run(rest);
			_exit(write(ends[1], &error, sizeof(error)) != sizeof(error));
		}
		free(stack);
		return read(ends[0], &error, sizeof(error)) == sizeof(error) ? error : MISTAKE;
	}
	return MISTAKE;
}

static int in_clone3(char **w, char **rest)
{
	struct clone_args how = { .exit_signal = SIGCHLD };
	pid_t child;

	if (w[1]) { /* born in another cgroup */
		int cgroup = open(w[1], O_RDONLY | O_DIRECTORY);

		if (cgroup < 0)
			return errno;
		how.flags = CLONE_INTO_CGROUP;
		how.cgroup = cgroup;
	}
	child = syscall(SYS_clone3, &how, sizeof(how));
	if (child == 0)
		_exit(run(rest));
	return wait_for(child);
}

/* A grandchild in its own session, whose parent has ended; it comes to the nearest reaper, and that we are. */
static int as_orphan(char **w, char **rest)
{
	pid_t child, parent;
	int status;

	(void)w;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		return errno;
	child = fork();
	if (child == 0) {
		parent = getpid();
		setsid();
		if (fork())
			_exit(0);
		while (getppid() == parent)
			usleep(1000);
		_exit(run(rest));
	}
	wait_for(child);
	parent = waitpid(-1, &status, 0);
	return parent > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

/* Its parent traces it, so that it is the child of two. */
static int while_traced(char **w, char **rest)
{
	pid_t child = fork();
	int status;

	(void)w;
	if (child == 0) {
		_exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) ? errno : run(rest));
	}
	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status))
		ptrace(PTRACE_CONT, child, NULL, WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

static char **handled;
static volatile int handler_error;

static void handle(int signal)
{
	(void)signal;
	handler_error = run(handled);
}

static int in_handler(char **w, char **rest)
{
	(void)w;
	handled = rest;
	signal(SIGUSR1, handle);
	raise(SIGUSR1);
	return handler_error;
}

static int write_zero(const char *directory, const char *file)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	fd = open(path, O_WRONLY);
	return result(fd < 0 ? -1 : write(fd, "0", 1));
}

/* move CGROUP: the process leaves its cgroup */
static int move(char **w)
{
	return write_zero(w[1], "cgroup.procs");
}

/* nest CGROUP NAME: into a cgroup of its own, made below CGROUP, or below where it is ("here") */
static int nest(char **w)
{
	char own[256] = "", inner[4096];
	FILE *file = fopen("/proc/self/cgroup", "r");

	if (!file || fscanf(file, "0::%255s", own) != 1)
		return MISTAKE;
	fclose(file);
	if (!strcmp(w[1], "here"))
		snprintf(inner, sizeof(inner), "/sys/fs/cgroup%s/%s", own, w[2]);
	else
		snprintf(inner, sizeof(inner), "%s/%s", w[1], w[2]);
	if (mkdir(inner, 0755) && errno != EEXIST)
		return errno;
	return write_zero(inner, "cgroup.procs");
}

static int set_user(char **w)
{
	int id = atoi(w[1]);

	/* a change of user makes /proc/self root's, until it is dumpable again */
	return result(setresgid(id, id, id)) ?: result(setresuid(id, id, id)) ?: result(prctl(PR_SET_DUMPABLE, 1));
}

static int set_name(char **w)
{
	return result(prctl(PR_SET_NAME, w[1])) ?: result(prctl(PR_SET_DUMPABLE, 0));
}

/* nobody-else: no new privileges, and this process is reaper of its orphans */
static int be_reaper(char **w)
{
	(void)w;
	return result(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) ?: result(prctl(PR_SET_CHILD_SUBREAPER, 1));
}

const struct step SURROUNDINGS[] = {
	{ "thread", .enter = in_thread }, { "leaderless", .enter = without_leader }, { "fork", .enter = in_child },
	{ "clone", .enter = in_clone_sharing }, { "clone3", .enter = in_clone3 }, { "orphan", .enter = as_orphan },
	{ "traced", .enter = while_traced }, { "handler", .enter = in_handler }, { "move", move }, { "nest", nest }, { "user", set_user },
	{ "comm", set_name }, { "reaper", be_reaper }, {}
};
