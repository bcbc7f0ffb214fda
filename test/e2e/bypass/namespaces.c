/* SPDX-License-Identifier: Apache-2.0 */
/* New namespaces, other processes' namespaces, and what a process of another namespace shows under /proc. */
#include <sys/prctl.h>
#include <signal.h>
#include <sys/mount.h>
#include "attempt.h"

static int flag_of(const char *word)
{
	static const struct { const char *name; int flag; } FLAGS[] = { { "mount", CLONE_NEWNS }, { "user", CLONE_NEWUSER }, { "pid", CLONE_NEWPID },
		{ "cgroup", CLONE_NEWCGROUP }, { "net", CLONE_NEWNET }, { "ipc", CLONE_NEWIPC }, { "uts", CLONE_NEWUTS }, { "time", CLONE_NEWTIME },
		{ "files", CLONE_FILES }, { "fs", CLONE_FS } };

	for (size_t i = 0; i < sizeof(FLAGS) / sizeof(*FLAGS); i++)
		if (!strcmp(FLAGS[i].name, word))
			return FLAGS[i].flag;
	return 0;
}

static int all_flags(char **words)
{
	int flags = 0;

	while (*words)
		flags |= flag_of(*words++);
	return flags;
}

/* unshare WHAT… */
static int leave_namespaces(char **w)
{
	return result(unshare(all_flags(w + 1)));
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), error = result(fd);

	if (error)
		return error;
	error = result(write(fd, text, strlen(text)));
	close(fd);
	return error;
}

/* rootless: a user namespace in which this user is root, as anybody may make one */
static int be_root_of_own(char **w)
{
	char map[64];
	int uid = getuid(), gid = getgid(), error = result(unshare(CLONE_NEWUSER | all_flags(w + 1)));

	if (error)
		return error;
	snprintf(map, sizeof(map), "0 %d 1", uid);
	error = write_text("/proc/self/uid_map", map);
	if (!error)
		error = write_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %d 1", gid);
	return error ?: write_text("/proc/self/gid_map", map);
}

/* A child in new namespaces, made with them. */
static int run_and_exit(void *steps)
{
	_exit(run(steps));
}

static int in_new_namespaces(char **w, char **rest)
{
	char *stack = malloc(256 * 1024);

	return wait_for(clone(run_and_exit, stack + 256 * 1024, all_flags(w + 1) | SIGCHLD, rest));
}

/* For outside: a process of the node that only waits, in namespaces of its own. Its pid is in BESIDE for later steps. */
static int keep_beside(char **w)
{
	int ends[2];
	char text[16], done;
	pid_t other;

	if (pipe(ends))
		return errno;
	other = fork();
	if (other == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(all_flags(w + 1)))
			_exit(1);
		if (write(ends[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	if (other < 0 || read(ends[0], &done, 1) != 1)
		return MISTAKE;
	close(ends[0]);
	close(ends[1]);
	snprintf(text, sizeof(text), "%d", other);
	return result(setenv("BESIDE", text, 1));
}

static const char *beside(const char *what)
{
	static char path[4096];

	snprintf(path, sizeof(path), "/proc/%s/%s", getenv("BESIDE") ?: "self", what);
	return path;
}

/* join WHAT: another process's namespace; join-by-pidfd: all of them at once */
static int join(char **w)
{
	char what[64];
	int fd;

	snprintf(what, sizeof(what), "ns/%s", w[1]);
	fd = open(beside(what), O_RDONLY);
	return result(fd < 0 ? -1 : setns(fd, 0));
}

static int join_by_pidfd(char **w)
{
	int fd = syscall(SYS_pidfd_open, atoi(getenv("BESIDE") ?: "0"), 0);

	return result(fd < 0 ? -1 : setns(fd, all_flags(w + 1)));
}

/* open-beside WHAT PATH: through the other process's root, working directory or program */
static int open_beside(char **w)
{
	char what[4096];

	snprintf(what, sizeof(what), "%s%s", w[1], w[2]);
	return reads(open(beside(what), O_RDONLY));
}

/* peek-beside FILE, peek PATH: something must come out */
static int peek(const char *path)
{
	int fd = open(path, O_RDONLY), error = result(fd);
	char byte;

	if (error)
		return error;
	error = result(read(fd, &byte, 1));
	close(fd);
	return error;
}

static int peek_beside(char **w)
{
	char what[64];

	if (!strstr(w[1], "task/"))
		return peek(beside(w[1]));
	snprintf(what, sizeof(what), "task/%s/%s", getenv("BESIDE"), w[1] + strlen("task/"));
	return peek(beside(what));
}

static int peek_at(char **w)
{
	return peek(w[1]);
}

static int execute_beside(char **w, char **rest)
{
	char what[4096];
	char *path;

	(void)rest;
	snprintf(what, sizeof(what), "%s%s", w[1], w[2]);
	path = strdup(beside(what));
	execve(path, (char *[]){ path, NULL }, environ);
	return errno;
}

static int chdir_beside(char **w)
{
	return result(chdir(beside(w[1])));
}

const struct step NAMESPACES[] = {
	{ "unshare", leave_namespaces }, { "rootless", be_root_of_own }, { "in-new", .enter = in_new_namespaces }, { "beside", keep_beside },
	{ "join", join }, { "join-by-pidfd", join_by_pidfd }, { "open-beside", open_beside }, { "exec-beside", .enter = execute_beside },
	{ "chdir-beside", chdir_beside }, { "peek-beside", peek_beside }, { "peek", peek_at }, {}
};
