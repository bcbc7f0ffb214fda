/* SPDX-License-Identifier: Apache-2.0 */
/* Every way of opening a file that Linux has, and what to do with what was opened. */
#include <dirent.h>
#include <linux/openat2.h>
#include <sys/sendfile.h>
#include "attempt.h"

/* The directory that a path is in, opened; *name is what is left. */
static int open_parent(char *path, char **name)
{
	char *slash = strrchr(path, '/'), parent[4096];

	*name = slash + 1;
	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	return open(parent, O_PATH | O_DIRECTORY);
}

static int open_beside(char *path)
{
	char *name;
	int parent = open_parent(path, &name);

	return parent < 0 ? -1 : openat(parent, name, O_RDONLY);
}

static int open_two(const char *path, uint64_t resolve)
{
	struct open_how how = { .flags = O_RDONLY, .resolve = resolve };

	return syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

static int open_two_beneath(char *path, uint64_t resolve)
{
	struct open_how how = { .flags = O_RDONLY, .resolve = resolve };
	char *name;
	int parent = open_parent(path, &name);

	return parent < 0 ? -1 : syscall(SYS_openat2, parent, name, &how, sizeof(how));
}

static int reopen(const char *directory, int fd)
{
	char again[64];

	if (fd < 0)
		return -1;
	snprintf(again, sizeof(again), "%s/%d", directory, fd);
	return open(again, O_RDONLY);
}

/* By a descriptor of any file of a mount of that file system, even one that does not show the path. */
static int open_by_handle(const char *path, const char *in_mount)
{
	struct { struct file_handle handle; unsigned char bytes[128]; } file = { .handle.handle_bytes = 128 };
	int mount, root = open(in_mount, O_RDONLY);

	if (root < 0 || name_to_handle_at(AT_FDCWD, path, &file.handle, &mount, 0))
		return -1;
	return open_by_handle_at(root, &file.handle, O_RDONLY);
}

static int opened(char **w)
{
	const char *how = w[1];
	char *path = w[2];

	if (!strcmp(how, "open"))
		return syscall(SYS_open, path, O_RDONLY);
	if (!strcmp(how, "openat"))
		return syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
	if (!strcmp(how, "openat-dirfd"))
		return open_beside(path);
	if (!strcmp(how, "openat2"))
		return open_two(path, 0);
	if (!strcmp(how, "openat2-no-symlinks"))
		return open_two(path, RESOLVE_NO_SYMLINKS);
	if (!strcmp(how, "openat2-beneath"))
		return open_two_beneath(path, RESOLVE_BENEATH);
	if (!strcmp(how, "openat2-in-root"))
		return open_two_beneath(path, RESOLVE_IN_ROOT);
	if (!strcmp(how, "openat2-no-xdev"))
		return open_two_beneath(path, RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS);
	if (!strcmp(how, "openat2-cached"))
		return open_two(path, RESOLVE_CACHED);
	if (!strcmp(how, "read-write"))
		return open(path, O_RDWR);
	if (!strcmp(how, "append"))
		return open(path, O_RDWR | O_APPEND);
	if (!strcmp(how, "create"))
		return open(path, O_RDWR | O_CREAT, 0600);
	if (!strcmp(how, "non-blocking"))
		return open(path, O_RDONLY | O_NONBLOCK | O_NOATIME | O_NOCTTY | O_CLOEXEC);
	if (!strcmp(how, "path"))
		return open(path, O_PATH);
	if (!strcmp(how, "path-then-fd"))
		return reopen("/proc/self/fd", open(path, O_PATH));
	if (!strcmp(how, "path-then-dev-fd"))
		return reopen("/dev/fd", open(path, O_PATH));
	if (!strcmp(how, "path-then-thread-fd"))
		return reopen("/proc/thread-self/fd", open(path, O_PATH));
	if (!strcmp(how, "handle"))
		return open_by_handle(path, HOME "/flat-fs");
	if (!strcmp(how, "handle-elsewhere"))
		return open_by_handle(path, HOME "/plain");
	errno = MISTAKE;
	return -1;
}

/* open HOW PATH: the secret's bytes must come out */
static int open_and_read(char **w)
{
	return reads(opened(w));
}

/* hold HOW PATH: for a later step; opening a directory is fine too */
static int open_and_hold(char **w)
{
	return hold(opened(w));
}

/* write HOW PATH */
static int open_and_write(char **w)
{
	const char *how = w[1];

	if (!strcmp(how, "write-only"))
		return writes(open(w[2], O_WRONLY));
	if (!strcmp(how, "append-only"))
		return writes(open(w[2], O_WRONLY | O_APPEND | O_TRUNC));
	if (!strcmp(how, "creat"))
		return writes(syscall(SYS_creat, w[2], 0600));
	return writes(opened(w));
}

/* empty HOW PATH: its length must be 0 afterwards */
static int make_empty(char **w)
{
	struct stat after;
	int fd, error;

	if (!strcmp(w[1], "truncate")) {
		error = result(truncate(w[2], 0));
	} else if (!strcmp(w[1], "ftruncate")) {
		fd = open(w[2], O_WRONLY);
		error = result(fd < 0 ? -1 : ftruncate(fd, 0));
	} else if (!strcmp(w[1], "fallocate")) {
		fd = open(w[2], O_RDWR);
		error = result(fd < 0 ? -1 : fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
		return error;
	} else { /* O_TRUNC with O_RDONLY empties a file without writing to it */
		error = result(open(w[2], O_RDONLY | O_TRUNC));
	}
	if (error)
		return error;
	return stat(w[2], &after) ? errno : after.st_size ? ENODATA : 0;
}

/* list PATH: a name must come out */
static int list(char **w)
{
	DIR *directory = opendir(w[1]);
	struct dirent *entry;

	if (!directory)
		return errno;
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			return 0;
	return ENODATA;
}

/* temporary DIRECTORY NAME: a file without a name gets one */
static int link_temporary(char **w)
{
	int fd = open(w[1], O_TMPFILE | O_RDWR, 0600);
	char from[64];

	if (fd < 0)
		return errno;
	if (write(fd, SECRET, 6) != 6)
		return errno;
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	return result(linkat(AT_FDCWD, from, AT_FDCWD, w[2], AT_SYMLINK_FOLLOW));
}

/* deep N DIRECTORY: makes a tree of N levels below it and goes there, for paths that no system call takes whole */
static int go_deep(char **w)
{
	int error = result(chdir(w[2]));

	for (int level = atoi(w[1]); level > 0 && !error; level--) {
		if (mkdir("d", 0755) && errno != EEXIST)
			return errno;
		error = result(chdir("d"));
	}
	return error;
}

/* copy FROM TO, keeping the mode */
static int copy(char **w)
{
	int from = open(w[1], O_RDONLY), to;
	struct stat of;
	ssize_t sent;

	if (from < 0 || fstat(from, &of))
		return errno;
	to = open(w[2], O_WRONLY | O_CREAT | O_TRUNC, of.st_mode & 07777);
	if (to < 0)
		return errno;
	while ((sent = sendfile(to, from, NULL, 1 << 20)) > 0)
		;
	close(from);
	return result(sent) ?: result(close(to));
}

const struct step OPENING[] = {
	{ "open", open_and_read }, { "hold", open_and_hold }, { "write", open_and_write }, { "empty", make_empty }, { "list", list },
	{ "temporary", link_temporary }, { "deep", go_deep }, { "copy", copy }, {}
};
