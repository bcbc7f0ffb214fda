/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets the stage for each attempt and tells how it ended. A line of standard input is the directory of a cgroup and steps, separated by tabs;
 * a line of standard output is the line's number and the result. Every attempt has its own pid and mount namespace, so that whatever it starts
 * or mounts ends with it, and its own copy of the files: an overlay, as in a container.
 */
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include "attempt.h"

#define IMAGE "/var/tmp/bypass-image"
#define SCRATCH "/var/tmp/bypass-scratch"
#define PATIENCE 180

static int mount_files(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("proc", "/proc", "proc", 0, NULL) || mount("tmpfs", SCRATCH, "tmpfs", 0, NULL))
		return errno;
	if (mkdir(SCRATCH "/upper", 0755) || mkdir(SCRATCH "/work", 0755))
		return errno;
	if (mount("overlay", HOME, "overlay", 0, "lowerdir=" IMAGE ",upperdir=" SCRATCH "/upper,workdir=" SCRATCH "/work"))
		return errno;
	/* a file system without layers: what overlays cannot do is tried there */
	return result(mount("tmpfs", HOME "/flat-fs", "tmpfs", 0, NULL));
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0644), error = result(fd);

	if (!error)
		error = result(write(fd, text, strlen(text)));
	if (fd >= 0)
		close(fd);
	return error;
}

/* As a runtime does it: into the cgroup first, then the program. */
static int become(const char *cgroup, char **steps)
{
	char procs[4096], *words[MAX_STEPS + 2] = { HOME "/bin/actor" };
	int used = 1, error;

	while (*steps && used <= MAX_STEPS)
		words[used++] = *steps++;
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", cgroup);
	error = write_file(procs, "0");
	if (error)
		return error;
	execve(words[0], words, environ);
	return errno;
}

/* The first process of the attempt's own pid namespace. */
static int perform(char **fields)
{
	char **inside = fields + 1, **outside = inside;
	int error;
	pid_t child;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	error = mount_files();
	if (!error)
		error = write_file(HOME "/flat-fs/secret", SECRET "\n");
	if (error) {
		fprintf(stderr, "  no stage: %s\n", strerror(error));
		return MISTAKE;
	}
	while (*inside && strcmp(*inside, "--"))
		inside++;
	if (*inside) {
		*inside++ = NULL;
		if (run(outside))
			return MISTAKE;
	} else {
		inside = outside;
	}
	child = fork();
	if (child == 0)
		_exit(become(fields[0], inside));
	for (;;) { /* orphans come here too */
		int status;
		pid_t ended = wait(&status);

		if (ended == child)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 200 + WTERMSIG(status);
		if (ended < 0 && errno != EINTR)
			return MISTAKE;
	}
}

static int attempt(char **fields)
{
	pid_t outer = fork();
	int status;

	if (outer == 0) {
		pid_t inner;

		alarm(PATIENCE);
		if (unshare(CLONE_NEWNS | CLONE_NEWPID))
			_exit(MISTAKE);
		inner = fork();
		if (inner == 0)
			_exit(perform(fields));
		_exit(wait_for(inner));
	}
	if (outer < 0 || waitpid(outer, &status, 0) < 0)
		return MISTAKE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 200 + WTERMSIG(status);
}

static void say(int number, int status)
{
	const char *name = status == 0 ? "0" : status < 200 ? strerrorname_np(status) : NULL;

	if (status == MISTAKE)
		name = "MISTAKE";
	if (name)
		printf("%d %s\n", number, name);
	else
		printf("%d SIG%s\n", number, sigabbrev_np(status - 200));
	fflush(stdout);
}

int stage(void)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	int number = 0;

	mkdir(SCRATCH, 0755);
	for (; (length = getline(&line, &room, stdin)) > 0; number++) {
		char *fields[MAX_STEPS + 2] = { NULL }, *rest = line;
		int used = 0;

		line[length - 1] = '\0';
		while (used <= MAX_STEPS && (fields[used] = strsep(&rest, "\t")))
			used++;
		fprintf(stderr, "%d %s %s\n", number, fields[0], used > 1 ? fields[used - 1] : "");
		say(number, attempt(fields));
	}
	free(line);
	return 0;
}
