/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries accesses inside a container, one after the other, and prints for each what the kernel said: `exec /bin/a: 0`, `read /x: EACCES`.
 * One argument is one command: actor "read /etc/passwd" "socket 2 1 0". Those that change the actor itself (move, unshare, setuid) hold for
 * the commands after them. In a command without spaces, + separates the words, so that an actor can execute an actor:
 * "exec /bin/actor read+/etc/passwd". The exit status is the last command's errno.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "foreign.h"
#include "sockets.h"

#define MAX_WORDS 8

static int result(long value)
{
	return value < 0 ? errno : 0;
}

static int open_with(const char *path, int flags)
{
	int fd = open(path, flags, 0644), error = result(fd);

	if (fd >= 0)
		close(fd);
	return error;
}

/* A child's errno, or 0: its exit status. */
int wait_for(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, 0) < 0)
		return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

static int execute(char **words)
{
	pid_t child = fork();

	if (child == 0) {
		execve(words[0], words, environ);
		_exit(errno);
	}
	return wait_for(child);
}

static void *execute_here(void *words)
{
	execve(((char **)words)[0], words, environ);
	_exit(errno);
}

/* The program takes over from a thread that is not the process's first. */
static int execute_in_thread(char **words)
{
	pid_t child = fork();

	if (child == 0) {
		pthread_t thread;

		pthread_create(&thread, NULL, execute_here, words);
		pause();
	}
	return wait_for(child);
}

/* The first thread is gone when the last one acts. */
static char *last_path;
static void *read_last(void *unused __attribute__((unused)))
{
	usleep(100 * 1000);
	_exit(open_with(last_path, O_RDONLY));
}

static int read_after_leader(char *path)
{
	pid_t child = fork();

	if (child == 0) {
		pthread_t thread;

		last_path = path;
		pthread_create(&thread, NULL, read_last, NULL);
		syscall(SYS_exit, 0);
	}
	return wait_for(child);
}

static int act(char **w);

#define FEW_TRIES 50

/* The same thing again and again, for some seconds at least and many times: its result, or EILSEQ when not all were alike. */
static int often(int seconds, char **w)
{
	time_t end = time(NULL) + seconds;
	int first = act(w), error = first;

	for (int tries = 1; error == first && (tries < FEW_TRIES || time(NULL) < end); tries++)
		error = act(w);
	return error == first ? first : EILSEQ;
}

/* Many tasks, moved out of their cgroup, open a blocked and a free file by turns. Returns 0 when every single result was right. */
static int crowd(int tasks, const char *blocked, const char *free)
{
	int wrong = 0, started = 0;

	for (; started < tasks; started++) {
		pid_t child = fork();

		if (child < 0)
			return errno;
		if (child == 0) {
			for (int i = 0; i < 300; i++)
				if (open_with(blocked, O_RDONLY) != EACCES || open_with(free, O_RDONLY) != 0)
					_exit(1);
			_exit(0);
		}
	}
	while (started--) {
		int status = 1;

		wait(&status);
		wrong |= status;
	}
	return wrong ? EILSEQ : 0;
}

static int execute_memory(const char *path)
{
	pid_t child = fork();

	if (child == 0) {
		char *words[] = { "memory", NULL }, buffer[65536];
		int from = open(path, O_RDONLY), to = memfd_create("memory", MFD_CLOEXEC);
		ssize_t length;

		while ((length = read(from, buffer, sizeof(buffer))) > 0)
			if (write(to, buffer, length) != length)
				_exit(EIO);
		syscall(SYS_execveat, to, "", words, environ, AT_EMPTY_PATH);
		_exit(errno);
	}
	return wait_for(child);
}

/* Told nothing at all, not even its name; or one thing many times. */
static int execute_told(const char *path, const char *word, int times)
{
	pid_t child = fork();

	if (child == 0) {
		char **words = calloc(times + 2, sizeof(*words));

		for (int i = 0; i <= times && word; i++)
			words[i] = (char *)(i ? word : path);
		execve(path, words, environ);
		_exit(errno);
	}
	return wait_for(child);
}

static int write_word(const char *path, const char *word)
{
	int fd = open(path, O_WRONLY), error = result(fd);

	if (fd < 0)
		return error;
	error = result(write(fd, word, strlen(word)));
	close(fd);
	return error;
}

static int change_self(char **w)
{
	if (!strcmp(w[0], "move"))
		return write_word(w[1], "0");
	if (!strcmp(w[0], "setuid"))
		return result(setresuid(atoi(w[1]), atoi(w[1]), atoi(w[1])));
	if (!strcmp(w[0], "unshare"))
		return result(unshare(CLONE_NEWNS));
	if (!strcmp(w[0], "wait")) { /* until the file is there */
		while (access(w[1], F_OK) != 0)
			usleep(20 * 1000);
		return 0;
	}
	return -1;
}

static int change_names(char **w)
{
	if (!strcmp(w[0], "unlink"))
		return result(unlink(w[1]));
	if (!strcmp(w[0], "mkdir"))
		return result(mkdir(w[1], 0755));
	if (!strcmp(w[0], "rmdir"))
		return result(rmdir(w[1]));
	if (!strcmp(w[0], "rename"))
		return result(rename(w[1], w[2]));
	if (!strcmp(w[0], "exchange"))
		return result(renameat2(AT_FDCWD, w[1], AT_FDCWD, w[2], RENAME_EXCHANGE));
	if (!strcmp(w[0], "link"))
		return result(link(w[1], w[2]));
	if (!strcmp(w[0], "symlink"))
		return result(symlink(w[1], w[2]));
	if (!strcmp(w[0], "chmod"))
		return result(chmod(w[1], 0600));
	if (!strcmp(w[0], "chown"))
		return result(chown(w[1], 0, 0));
	if (!strcmp(w[0], "truncate"))
		return result(truncate(w[1], 0));
	return -1;
}

static int act(char **w)
{
	int changed = change_self(w);

	if (changed < 0)
		changed = change_names(w);
	if (changed >= 0)
		return changed;
	if (!strcmp(w[0], "read"))
		return open_with(w[1], O_RDONLY);
	if (!strcmp(w[0], "crowd"))
		return crowd(atoi(w[1]), w[2], w[3]);
	if (!strcmp(w[0], "often"))
		return often(atoi(w[1]), w + 2);
	if (!strcmp(w[0], "write"))
		return open_with(w[1], O_WRONLY);
	if (!strcmp(w[0], "readwrite"))
		return open_with(w[1], O_RDWR);
	if (!strcmp(w[0], "empty"))
		return open_with(w[1], O_RDONLY | O_TRUNC);
	if (!strcmp(w[0], "create"))
		return open_with(w[1], O_WRONLY | O_CREAT | O_EXCL);
	if (!strcmp(w[0], "exec"))
		return execute(w + 1);
	if (!strcmp(w[0], "exec-in-thread"))
		return execute_in_thread(w + 1);
	if (!strcmp(w[0], "read-foreign"))
		return read_foreign(w[1], w[2]);
	if (!strcmp(w[0], "exec-empty"))
		return execute_told(w[1], NULL, 0);
	if (!strcmp(w[0], "exec-many"))
		return execute_told(w[1], w[3], atoi(w[2]));
	if (!strcmp(w[0], "exec-memory"))
		return execute_memory(w[1]);
	if (!strcmp(w[0], "read-after-leader"))
		return read_after_leader(w[1]);
	return act_on_sockets(w);
}

int main(int count, char **arguments)
{
	int error = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < count; i++) {
		char *words[MAX_WORDS + 1] = { NULL }, *line = strdup(arguments[i]), *rest = line;
		const char *separator = strchr(line, ' ') ? " " : "+";
		int used = 0;

		while (used < MAX_WORDS && (words[used] = strsep(&rest, separator)))
			used++;
		if (!words[0])
			continue;
		error = act(words);
		printf("%s: %s\n", arguments[i], error ? strerrorname_np(error) : "0");
		free(line);
	}
	return error;
}
