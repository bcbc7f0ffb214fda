/* SPDX-License-Identifier: Apache-2.0 */
/* Every way of executing a file. A program that runs is this actor under another name: it goes on with the rest of the chain. */
#include <pthread.h>
#include <spawn.h>
#include <sys/prctl.h>
#include "attempt.h"

static char **words_of(char *name, char **rest)
{
	static char *words[MAX_STEPS + 2];
	int used = 1;

	words[0] = name;
	while (*rest && used <= MAX_STEPS)
		words[used++] = *rest++;
	words[used] = NULL;
	return words;
}

struct thread_exec { char *path; char **words; };

static void *execute_here(void *what)
{
	struct thread_exec *exec = what;

	execve(exec->path, exec->words, environ);
	_exit(errno);
}

static int execute_in_thread(char *path, char **words)
{
	struct thread_exec exec = { path, words };
	pthread_t thread;

	pthread_create(&thread, NULL, execute_here, &exec);
	pthread_join(thread, NULL);
	return MISTAKE;
}

static int execute_descriptor(int fd, char **words)
{
	if (fd < 0)
		return errno;
	syscall(SYS_execveat, fd, "", words, environ, AT_EMPTY_PATH);
	return errno;
}

static int execute_at(char *path, char **words)
{
	char *slash = strrchr(path, '/'), parent[4096];
	int fd;

	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	fd = open(parent, O_PATH | O_DIRECTORY);
	if (fd >= 0)
		syscall(SYS_execveat, fd, slash + 1, words, environ, 0);
	return errno;
}

static int execute_by_link(const char *directory, int fd, char **words)
{
	char path[64];

	if (fd < 0)
		return errno;
	snprintf(path, sizeof(path), "%s/%d", directory, fd);
	execve(path, words, environ);
	return errno;
}

static int spawn(char *path, char **words)
{
	pid_t child;
	int error = posix_spawn(&child, path, NULL, NULL, words, environ);

	return error ?: wait_for(child);
}

/* From memory: no path at all. */
static int execute_memory(char *path, char **words)
{
	int from = open(path, O_RDONLY), to = memfd_create("memory", MFD_CLOEXEC);

	if (from < 0 || to < 0)
		return errno;
	for (char buffer[65536];;) {
		ssize_t length = read(from, buffer, sizeof(buffer));

		if (length <= 0)
			break;
		if (write(to, buffer, length) != length)
			return EIO;
	}
	return execute_descriptor(to, words);
}

/* A file that has lost its name. */
static int execute_deleted(char *path, char **words)
{
	int fd = open(path, O_PATH);

	if (fd < 0 || unlink(path))
		return errno;
	return execute_descriptor(fd, words);
}

/* exec HOW PATH */
static int execute(char **w, char **rest)
{
	const char *how = w[1];
	char *path = w[2], **words = words_of(path, rest);

	if (!strcmp(how, "execve"))
		execve(path, words, environ);
	else if (!strcmp(how, "execveat"))
		return execute_at(path, words);
	else if (!strcmp(how, "execveat-no-follow"))
		syscall(SYS_execveat, AT_FDCWD, path, words, environ, AT_SYMLINK_NOFOLLOW);
	else if (!strcmp(how, "descriptor"))
		return execute_descriptor(open(path, O_PATH), words);
	else if (!strcmp(how, "readable-descriptor"))
		return execute_descriptor(open(path, O_RDONLY | O_CLOEXEC), words);
	else if (!strcmp(how, "proc-fd"))
		return execute_by_link("/proc/self/fd", open(path, O_PATH), words);
	else if (!strcmp(how, "dev-fd"))
		return execute_by_link("/dev/fd", open(path, O_PATH), words);
	else if (!strcmp(how, "thread"))
		return execute_in_thread(path, words);
	else if (!strcmp(how, "spawn"))
		return spawn(path, words);
	else if (!strcmp(how, "memory"))
		return execute_memory(path, words);
	else if (!strcmp(how, "deleted"))
		return execute_deleted(path, words);
	else if (!strcmp(how, "held"))
		return execute_descriptor(HELD, words);
	else if (!strcmp(how, "other-name")) { /* what it calls itself counts for nothing */
		words[0] = HOME "/bin/free";
		execve(path, words, environ);
	} else
		return MISTAKE;
	return errno;
}

/* exec-many PATH COUNT WORD: told WORD so often, then the rest */
static int execute_many(char **w, char **rest)
{
	int count = atoi(w[2]), used = 0;
	char **words = calloc(count + MAX_STEPS + 2, sizeof(*words));

	words[used++] = w[1];
	while (count--)
		words[used++] = w[3];
	while (*rest)
		words[used++] = *rest++;
	execve(w[1], words, environ);
	return errno;
}

/* interpreter LOADER PATH: the program is data to another one */
static int interpret(char **w, char **rest)
{
	char *words[] = { w[1], w[2], NULL };

	(void)rest;
	execve(w[1], words, environ);
	return errno;
}

/* fail-as PATH: executes a program whose loader is not there, which the kernel finds out only when it has asked the hooks */
static int fail_as(char **w)
{
	int root = open("/", O_PATH | O_DIRECTORY), program = open(w[1], O_PATH), error;
	char *words[] = { w[1], NULL }, *none[] = { NULL };

	if (root < 0 || program < 0 || chroot(HOME "/mnt"))
		return errno;
	syscall(SYS_execveat, program, "", words, none, AT_EMPTY_PATH);
	error = errno == ENOENT ? 0 : errno;
	if (fchdir(root) || chroot("."))
		return errno;
	return error;
}

/* pretend PATH: the kernel is told that this process runs another program */
static int pretend(char **w)
{
	int fd = open(w[1], O_RDONLY);
	struct { uintptr_t start, end; } text = {};
	char line[512];
	FILE *maps;

	if (fd < 0)
		return errno;
	/* refused while the old program is mapped: everything of it moves to anonymous memory first */
	maps = fopen("/proc/self/maps", "r");
	if (!maps)
		return errno;
	while (fgets(line, sizeof(line), maps)) {
		char mode[8];
		size_t length;
		void *copy, *to;

		if (!strstr(line, HOME) || sscanf(line, "%lx-%lx %7s", &text.start, &text.end, mode) != 3)
			continue;
		length = text.end - text.start;
		to = (void *)text.start;
		copy = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (copy == MAP_FAILED)
			return errno;
		memcpy(copy, to, length);
		mprotect(copy, length, (mode[0] == 'r' ? PROT_READ : 0) | (mode[1] == 'w' ? PROT_WRITE : 0) | (mode[2] == 'x' ? PROT_EXEC : 0));
		if (mremap(copy, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED)
			return errno;
	}
	fclose(maps);
	return result(prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, fd, 0, 0));
}

const struct step EXECUTING[] = {
	{ "exec", .enter = execute }, { "exec-many", .enter = execute_many }, { "interpreter", .enter = interpret }, { "pretend", pretend }, { "fail-as", fail_as }, {}
};
