/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Crowds of tasks that open files at the same time, and count what came of it.
 *
 *   crowd storm A B                                    renames A to B and back without pause, until its standard input closes
 *   crowd CGROUP stay|leave TASKS TRIES BLOCKED FREE   enters the cgroup, executes itself there, perhaps moves to the root cgroup, and forks TASKS
 *                                                      tasks that together make TRIES tries, BLOCKED and FREE by turns
 *
 * A file DIRECTORY//NAME is opened by its name in that directory, which each task opens once.
 *
 * Prints one line: tries PASSED REFUSED OTHER MOVED, that is how often BLOCKED opened, FREE was refused, anything else went wrong, and a
 * file was not there because it was being moved.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct tally { long tries, passed, refused, other, moved; };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void enter(const char *file)
{
	int fd = open(file, O_WRONLY);

	if (fd < 0 || write(fd, "0", 1) != 1)
		die(file);
	close(fd);
}

struct file { int directory; const char *name; };

/* Somebody may be moving the directory. */
static struct file find(const char *path)
{
	struct file file = { .directory = AT_FDCWD, .name = path };
	const char *end = strstr(path, "//");
	char directory[512];

	if (!end)
		return file;
	snprintf(directory, sizeof(directory), "%.*s", (int)(end - path), path);
	while ((file.directory = open(directory, O_PATH)) < 0)
		if (errno != ENOENT)
			die(directory);
	file.name = end + 2;
	return file;
}

/* 0, or the errno of open. */
static int try(const struct file *file)
{
	int fd = openat(file->directory, file->name, O_RDONLY);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static void work(struct tally *tally, long tries, char **paths)
{
	struct file files[] = { find(paths[0]), find(paths[1]) };
	struct tally own = {};

	for (; own.tries < tries; own.tries++) {
		int odd = own.tries % 2, error = try(&files[odd]);

		if (error == ENOENT)
			own.moved++;
		else if (error && error != EACCES)
			own.other++;
		else if (odd && error)
			own.refused++;
		else if (!odd && !error)
			own.passed++;
	}
	__sync_fetch_and_add(&tally->tries, own.tries);
	__sync_fetch_and_add(&tally->passed, own.passed);
	__sync_fetch_and_add(&tally->refused, own.refused);
	__sync_fetch_and_add(&tally->other, own.other);
	__sync_fetch_and_add(&tally->moved, own.moved);
}

static int crowd(int tasks, long tries, char **files)
{
	struct tally *tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int gate[2], failed = 0, status;

	if (tally == MAP_FAILED || pipe(gate))
		die("crowd");
	for (int i = 0; i < tasks; i++) {
		pid_t child = fork();
		char byte;

		if (child < 0)
			die("fork");
		if (child == 0) {
			close(gate[1]);
			if (read(gate[0], &byte, 1) < 0) /* all start when the last one is there */
				_exit(1);
			work(tally, (tries + tasks - 1) / tasks, files);
			_exit(0);
		}
	}
	close(gate[1]);
	while (wait(&status) > 0)
		failed |= status;
	printf("%ld %ld %ld %ld %ld\n", tally->tries, tally->passed, tally->refused, tally->other, tally->moved);
	return failed ? 1 : 0;
}

static int storm(const char *a, const char *b)
{
	struct pollfd input = { .fd = 0, .events = POLLIN };
	long renames = 0;

	do {
		for (int i = 0; i < 64; i++, renames += 2)
			if (rename(a, b) || rename(b, a))
				die("rename");
	} while (poll(&input, 1, 0) == 0);
	printf("%ld\n", renames);
	return 0;
}

int main(int count, char **words)
{
	if (count == 4 && !strcmp(words[1], "storm"))
		return storm(words[2], words[3]);
	if (count != 7)
		return 2;
	if (strcmp(words[1], "inside")) {
		char file[512];

		snprintf(file, sizeof(file), "/sys/fs/cgroup/%s/cgroup.procs", words[1]);
		enter(file);
		words[1] = "inside";
		execv("/proc/self/exe", words);
		die("exec");
	}
	if (!strcmp(words[2], "leave"))
		enter("/sys/fs/cgroup/cgroup.procs");
	return crowd(atoi(words[3]), atol(words[4]), words + 5);
}
