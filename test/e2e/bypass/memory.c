/* SPDX-License-Identifier: Apache-2.0 */
/* Running code that was never executed as a file, and reaching into other processes. */
#include <elf.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/uio.h>
#include <sys/user.h>
#include "attempt.h"

/* mov $42, %eax; ret */
static const unsigned char CODE[] = { 0xb8, 0x2a, 0, 0, 0, 0xc3 };

static int runs(void *code)
{
	return ((int (*)(void))code)() == 42 ? 0 : ENODATA;
}

/* code HOW: machine code made at run time */
static int run_code(char **w)
{
	const int both = PROT_READ | PROT_WRITE, anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
	void *page;

	if (!strcmp(w[1], "shm")) {
		int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0700);

		page = id < 0 ? MAP_FAILED : shmat(id, NULL, SHM_EXEC);
	} else if (!strcmp(w[1], "memfd")) {
		int fd = memfd_create("code", 0);

		if (fd < 0 || ftruncate(fd, 4096))
			return errno;
		page = mmap(NULL, 4096, both | PROT_EXEC, MAP_SHARED, fd, 0);
	} else {
		page = mmap(NULL, 4096, !strcmp(w[1], "mmap") ? both | PROT_EXEC : both, anonymous, -1, 0);
	}
	if (page == MAP_FAILED || page == (void *)-1)
		return errno;
	memcpy(page, CODE, sizeof(CODE));
	if (!strcmp(w[1], "mprotect") && mprotect(page, 4096, PROT_READ | PROT_EXEC))
		return errno;
	if (!strcmp(w[1], "pkey") && syscall(SYS_pkey_mprotect, page, 4096, PROT_READ | PROT_EXEC, -1))
		return errno;
	return runs(page);
}

/* map-code PATH: the pages of a program, executable */
static int map_program(char **w)
{
	int fd = open(w[1], O_RDONLY);
	unsigned char *page;

	if (fd < 0)
		return errno;
	page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	if (page == MAP_FAILED)
		return errno;
	return memcmp(page, ELFMAG, SELFMAG) ? ENODATA : 0;
}

/* protect-code PATH: the same in two steps */
static int protect_program(char **w)
{
	int fd = open(w[1], O_RDONLY);
	unsigned char *page = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

	if (page == MAP_FAILED)
		return errno;
	return result(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static pid_t beside(void)
{
	return atoi(getenv("BESIDE") ?: "0");
}

static char kept[4096] = "to be written over";

/* reach HOW: into the memory of the process beside, which has the same program at the same place */
static int reach(char **w)
{
	char path[64], text[8] = "reached";
	struct iovec here = { text, sizeof(text) }, there = { kept, sizeof(text) };
	int fd, status, error;

	if (!strcmp(w[1], "write"))
		return result(process_vm_writev(beside(), &here, 1, &there, 1, 0));
	if (!strcmp(w[1], "read"))
		return result(process_vm_readv(beside(), &here, 1, &there, 1, 0));
	if (!strcmp(w[1], "mem")) {
		snprintf(path, sizeof(path), "/proc/%d/mem", beside());
		fd = open(path, O_RDWR);
		return result(fd < 0 ? -1 : pwrite(fd, text, sizeof(text), (uintptr_t)kept));
	}
	if (!strcmp(w[1], "seize"))
		return result(ptrace(PTRACE_SEIZE, beside(), NULL, NULL));
	error = result(ptrace(PTRACE_ATTACH, beside(), NULL, NULL));
	if (error)
		return error;
	if (waitpid(beside(), &status, __WALL) < 0)
		return errno;
	return result(ptrace(PTRACE_POKEDATA, beside(), kept, *(long *)text));
}

const struct step MEMORY[] = { { "code", run_code }, { "map-code", map_program }, { "protect-code", protect_program }, { "reach", reach }, {} };
