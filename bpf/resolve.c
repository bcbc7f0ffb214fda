/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where paths lead in another root, symbolic links followed. A root can be hostile: links that loop or lead to /proc, file systems that
 * never answer. So it is looked at by a process of its own, which is killed when its time is up; the kernel itself keeps it in the root.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_LINKS 8              /* links followed by hand, where the last of them leads nowhere */

static int open_in(int root, const char *path, int flags)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC | flags, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	return syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* The path of an open file from the root of its mount namespace, as the kernel half sees it too. Returns its length, 0 where it has none. In
 * /proc everybody finds another place behind the same link. */
static size_t path_of(int fd, char *to)
{
	char link[64];
	struct statfs system;
	struct stat stat;
	ssize_t length;

	if (fstatfs(fd, &system) || system.f_type == PROC_SUPER_MAGIC)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, to, PATH_MAX);
	if (length <= 0 || length >= PATH_MAX || to[0] != '/' || fstat(fd, &stat) || !stat.st_nlink)
		return 0;
	to[length] = '\0';
	return length;
}

/* Appends `/rest`; 0 when that is too long. */
static int append(char *path, const char *rest)
{
	size_t length = strlen(path);

	if (length == 1)
		length = 0; /* "/" */
	return snprintf(path + length, PATH_MAX - length, "/%s", rest) < (int)(PATH_MAX - length);
}

/* The same path with the links of its parents followed (of those that are there), whatever its last component is. */
static int resolve_parent(int root, const char *path, char *to)
{
	char parent[PATH_MAX];

	snprintf(parent, sizeof(parent), "%s", path);
	for (char *slash = strrchr(parent, '/'); slash; slash = strrchr(parent, '/')) {
		int fd, found;

		*slash = '\0';
		fd = open_in(root, slash == parent ? "/" : parent, O_DIRECTORY);
		if (fd < 0)
			continue;
		found = path_of(fd, to) && append(to, path + (slash - parent) + 1);
		close(fd);
		return found;
	}
	return 0;
}

/* What a link says, as a path in the root; 0 where `path` is no link. */
static int read_link(int root, const char *path, char *to)
{
	char said[PATH_MAX];
	int fd = open_in(root, path, O_NOFOLLOW);
	ssize_t length;

	if (fd < 0)
		return 0;
	length = readlinkat(fd, "", said, sizeof(said) - 1);
	close(fd);
	if (length <= 0)
		return 0;
	said[length] = '\0';
	if (said[0] == '/') {
		memcpy(to, said, length + 1);
		return 1;
	}
	memcpy(to, path, strrchr(path, '/') - path + 1);
	to[strrchr(path, '/') - path + 1] = '\0';
	return append(to, said);
}

/* Where a path leads: to a file, or to where one would be. */
static int resolve(int root, const char *path, char *to)
{
	char at[PATH_MAX], next[PATH_MAX];
	int fd, found;

	snprintf(at, sizeof(at), "%s", path);
	for (int links = 0; links < MAX_LINKS; links++) {
		fd = open_in(root, at, 0);
		if (fd >= 0) {
			found = path_of(fd, to);
			close(fd);
			return found;
		}
		if (errno != ENOENT || !read_link(root, at, next))
			break;
		memcpy(at, next, sizeof(at));
	}
	return resolve_parent(root, at, to);
}

static void answer(int out, const char *path, const char *target)
{
	char record[2 * PATH_MAX + 2];
	size_t length;

	if (!strcmp(path, target))
		return;
	length = snprintf(record, sizeof(record), "%s%c%s", path, 0, target) + 1;
	for (size_t done = 0; done < length;) {
		ssize_t written = write(out, record + done, length - done);

		if (written < 0)
			_exit(errno);
		done += written;
	}
}

/* Both names of a path that leads elsewhere. */
static void look_for_links(int root, const char *path, int out)
{
	char target[PATH_MAX];

	if (resolve_parent(root, path, target))
		answer(out, path, target);
	if (resolve(root, path, target))
		answer(out, path, target);
}

/* The line of an open file's fdinfo that begins with `name`, as a number; -1 where there is none. */
static long long told_of(int fd, const char *name)
{
	char file[64], text[1024];
	const char *line;
	int info, length;

	snprintf(file, sizeof(file), "/proc/self/fdinfo/%d", fd);
	info = open(file, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return -1;
	length = read(info, text, sizeof(text) - 1);
	close(info);
	if (length <= 0)
		return -1;
	text[length] = '\0';
	line = strstr(text, name);
	return line ? strtoll(line + strlen(name), NULL, 10) : -1;
}

/* What the kernel half knows a file by: its mount, which has a device, and its inode's number. stat(2) can say other ones. */
static void look_for_file(int root, const char *path, int out)
{
	int fd = open_in(root, path, O_NOFOLLOW);
	long long mount, inode;
	struct stat stat;
	char text[64];

	if (fd < 0)
		return;
	mount = told_of(fd, "mnt_id:");
	inode = told_of(fd, "\nino:");
	if (mount >= 0 && inode >= 0 && !fstat(fd, &stat) && !S_ISDIR(stat.st_mode) && !S_ISLNK(stat.st_mode)) {
		snprintf(text, sizeof(text), "%lld %lld %lld", mount, inode, (long long)stat.st_nlink);
		answer(out, path, text);
	}
	close(fd);
}

/* In the process of its own: only calls that are safe after a fork of a process with threads. */
static void look(const char *root, const char *paths, size_t length, int out, void (*look_for)(int root, const char *path, int out))
{
	char path[PATH_MAX];
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd < 0)
		_exit(errno);
	for (const char *next = paths; next < paths + length; next += strlen(next) + 1) {
		size_t end = strlen(next);

		if (end >= sizeof(path) || end < 2 || next[0] != '/')
			continue;
		memcpy(path, next, end + 1);
		if (path[end - 1] == '/')
			path[end - 1] = '\0';
		look_for(fd, path, out);
	}
	_exit(0);
}

static int milliseconds_left(const struct timespec *end)
{
	struct timespec now;
	long left;

	clock_gettime(CLOCK_MONOTONIC, &now);
	left = (end->tv_sec - now.tv_sec) * 1000 + (end->tv_nsec - now.tv_nsec) / 1000000;
	return left > 0 ? left : 0;
}

/* Reads until the other side ends; the bytes read, or a negative error. */
static int collect(int in, char *buffer, size_t capacity, int milliseconds)
{
	struct pollfd poller = { .fd = in, .events = POLLIN };
	struct timespec end;
	size_t used = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += milliseconds / 1000;
	end.tv_nsec += milliseconds % 1000 * 1000000L;
	while (used < capacity) {
		int ready = poll(&poller, 1, milliseconds_left(&end));
		ssize_t length;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return ready ? -errno : -ETIMEDOUT;
		length = read(in, buffer + used, capacity - used);
		if (length == 0)
			return used;
		if (length < 0 && errno != EINTR)
			return -errno;
		used += length > 0 ? length : 0;
	}
	return -ENOSPC;
}

struct question { const char *root, *paths; size_t length; void (*look_for)(int root, const char *path, int out); };
static int ask(const struct question *question, char *buffer, size_t capacity, int milliseconds)
{
	int ends[2], result, status = 0;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	child = fork();
	if (!child)
		look(question->root, question->paths, question->length, ends[1], question->look_for);
	result = child < 0 ? -errno : 0;
	close(ends[1]);
	if (child > 0) {
		result = collect(ends[0], buffer, capacity, milliseconds);
		if (result < 0)
			kill(child, SIGKILL);
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
		if (result >= 0 && WIFEXITED(status) && WEXITSTATUS(status))
			result = -WEXITSTATUS(status);
		else if (result >= 0 && !WIFEXITED(status))
			result = -EIO;
	}
	close(ends[0]);
	return result;
}

/*
 * Where each of `paths` (each ended by a zero byte, `length` bytes in all) leads in the directory `root`. Fills `buffer` with pairs of a path
 * (without a `/` at its end) and a path that it leads to, each ended by a zero byte, where both differ: one with the links of its parents
 * followed, one with the last one followed too. Returns the bytes filled, or a negative error.
 */
int parapet_resolve(const char *root, const char *paths, size_t length, char *buffer, size_t capacity, int milliseconds)
{
	return ask(&(struct question){ root, paths, length, look_for_links }, buffer, capacity, milliseconds);
}

/*
 * The files at `paths` that are there and are neither directories nor symbolic links, as pairs like above of a path and a text: the number of
 * its mount, a space, that of its inode, a space, and how many names it has.
 */
int parapet_identify(const char *root, const char *paths, size_t length, char *buffer, size_t capacity, int milliseconds)
{
	return ask(&(struct question){ root, paths, length, look_for_file }, buffer, capacity, milliseconds);
}
