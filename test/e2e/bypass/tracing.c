/* SPDX-License-Identifier: Apache-2.0 */
/* Making another program act: by tracing it, by writing into its memory, by taking what it holds. */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include "attempt.h"

/* What the other program is asked by and answers with, over its exec. */
#define ASKED 120
#define ANSWER 121

/* The other program's: what it will open, and what it has read. The same program is at the same place: it is static. */
static char wanted[64] = HOME "/plain", seen[64];

/* at-hand: reads the secret if it may, keeps it open, and opens what it wants when it is asked to */
static int stand_at_hand(char **w)
{
	char byte = 'x';

	(void)w;
	if (!hold(open(HOME "/secret", O_RDONLY)) && pread(HELD, seen, sizeof(seen) - 1, 0) < 0)
		return errno;
	if (write(ANSWER, &byte, 1) != 1 || read(ASKED, &byte, 1) != 1)
		return MISTAKE;
	return reads(open(wanted, O_RDONLY));
}

struct other { pid_t pid; int ask; };

/* Becomes PROGRAM, traced by its parent if it is to be. */
static int become(char *program, int traced)
{
	char *words[] = { program, "at-hand", NULL };

	if (traced && ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		return errno;
	execv(program, words);
	return errno;
}

/* Starts PROGRAM; waits until it is at hand, or, if it is traced, until it has been executed. An error, which may be the child's. */
static int start(struct other *other, char *program, int traced)
{
	int ask[2], answer[2], status;
	char byte;

	if (pipe2(ask, O_CLOEXEC) || pipe2(answer, O_CLOEXEC))
		return errno;
	other->ask = ask[1];
	other->pid = fork();
	if (!other->pid) {
		dup2(ask[0], ASKED);
		dup2(answer[1], ANSWER);
		_exit(become(program, traced));
	}
	close(answer[1]);
	if (!traced)
		return read(answer[0], &byte, 1) == 1 ? 0 : MISTAKE;
	if (waitpid(other->pid, &status, 0) < 0)
		return errno;
	return WIFSTOPPED(status) ? 0 : WEXITSTATUS(status);
}

/* A system call by the traced process. */
static long make_call(pid_t pid, long number, const unsigned long *words)
{
	struct user_regs_struct registers;
	int status;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &registers) || ptrace(PTRACE_POKETEXT, pid, registers.rip, 0x050fl))
		return -errno;
	registers.rax = number;
	registers.orig_rax = -1;
	registers.rdi = words[0];
	registers.rsi = words[1];
	registers.rdx = words[2];
	if (ptrace(PTRACE_SETREGS, pid, NULL, &registers) || ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL))
		return -errno;
	if (waitpid(pid, &status, __WALL) < 0 || ptrace(PTRACE_GETREGS, pid, NULL, &registers))
		return -errno;
	return registers.rax;
}

/* The stopped process opens the secret and reads it. */
static int act_as(pid_t pid)
{
	static const char path[24] = HOME "/secret";
	long fd, length, text;

	for (size_t i = 0; i < sizeof(path); i += sizeof(long))
		if (ptrace(PTRACE_POKEDATA, pid, wanted + i, *(const long *)(path + i)))
			return errno;
	fd = make_call(pid, SYS_open, (unsigned long[]){ (uintptr_t)wanted, O_RDONLY, 0 });
	if (fd < 0)
		return -fd;
	length = make_call(pid, SYS_read, (unsigned long[]){ fd, (uintptr_t)seen, sizeof(seen) });
	if (length < 0)
		return -length;
	errno = 0;
	text = ptrace(PTRACE_PEEKDATA, pid, seen, NULL);
	if (errno)
		return errno;
	return memcmp(&text, SECRET, strlen(SECRET)) ? ENODATA : 0;
}

static int attach(pid_t pid, const char *how)
{
	int status, error;

	if (!strcmp(how, "seize"))
		error = result(ptrace(PTRACE_SEIZE, pid, NULL, NULL)) ?: result(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL));
	else
		error = result(ptrace(PTRACE_ATTACH, pid, NULL, NULL));
	if (error)
		return error;
	return waitpid(pid, &status, __WALL) < 0 ? errno : act_as(pid);
}

/* Writes what it will open, and asks it to. */
static int rewrite(struct other *other, const char *how)
{
	static char path[] = HOME "/secret";
	struct iovec here = { path, sizeof(path) }, there = { wanted, sizeof(path) };
	char memory[64];
	int error;

	if (!strcmp(how, "write")) {
		error = result(process_vm_writev(other->pid, &here, 1, &there, 1, 0));
	} else {
		int fd;

		snprintf(memory, sizeof(memory), "/proc/%d/mem", other->pid);
		fd = open(memory, O_WRONLY);
		error = result(fd < 0 ? -1 : pwrite(fd, path, sizeof(path), (uintptr_t)wanted));
	}
	if (error)
		return error;
	return write(other->ask, "x", 1) == 1 ? wait_for(other->pid) : MISTAKE;
}

static int read_memory(pid_t pid)
{
	char text[16] = "";
	struct iovec here = { text, sizeof(text) }, there = { seen, sizeof(text) };
	int error = result(process_vm_readv(pid, &here, 1, &there, 1, 0));

	if (error)
		return error;
	return strncmp(text, SECRET, strlen(SECRET)) ? ENODATA : 0;
}

static int use(struct other *other, const char *how)
{
	if (!strcmp(how, "asked"))
		return act_as(other->pid);
	if (!strcmp(how, "attach") || !strcmp(how, "seize"))
		return attach(other->pid, how);
	if (!strcmp(how, "write") || !strcmp(how, "mem"))
		return rewrite(other, how);
	if (!strcmp(how, "read"))
		return read_memory(other->pid);
	if (!strcmp(how, "take")) {
		int fd = syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, other->pid, 0), HELD, 0);

		return fd >= 0 && lseek(fd, 0, SEEK_SET) < 0 ? errno : reads(fd);
	}
	return MISTAKE;
}

/* trace HOW PROGRAM: the secret comes out by what PROGRAM is made to do; "asked": it asked to be traced before it was PROGRAM */
static int trace(char **w)
{
	struct other other = {};
	int error = start(&other, w[2], !strcmp(w[1], "asked")) ?: use(&other, w[1]);

	if (other.pid > 0)
		kill(other.pid, SIGKILL);
	return error;
}

static __attribute__((noinline)) int patched(void)
{
	__asm__ volatile("nop; nop; nop; nop; nop; nop; nop; nop");
	return 1;
}

/* patch-self: its own text, by its memory's file */
static int patch_self(char **w)
{
	/* mov $42, %eax; ret */
	static const unsigned char code[] = { 0xb8, 0x2a, 0, 0, 0, 0xc3 };
	int (*volatile function)(void) = patched;
	int fd = open(w[1], O_RDWR);
	int error = result(fd < 0 ? -1 : pwrite(fd, code, sizeof(code), (uintptr_t)function));

	if (error)
		return error;
	return function() == 42 ? 0 : ENODATA;
}

const struct step TRACING[] = { { "at-hand", stand_at_hand }, { "trace", trace }, { "patch-self", patch_self }, {} };
