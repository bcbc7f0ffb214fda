/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's other two doors: the 32-bit system calls of i386 (int 0x80), and those of x32. Their numbers are not ours. */
#include <sys/socket.h>
#include "attempt.h"

#define X32 0x40000000
/* i386's numbers */
enum { I386_OPEN = 5, I386_CREAT = 8, I386_EXECVE = 11, I386_LINK = 9, I386_RENAME = 38, I386_UNLINK = 10, I386_TRUNCATE = 92,
	I386_SOCKETCALL = 102, I386_OPENAT = 295, I386_SOCKET = 359, I386_EXECVEAT = 358, I386_OPENAT2 = 437, I386_CHMOD = 15 };
enum { X32_EXECVE = 520 };

static long enter_32(long number, long a, long b, long c, long d)
{
	long answer;

	asm volatile("int $0x80" : "=a"(answer) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d) : "memory", "r8", "r9", "r10", "r11");
	answer = (int)answer;
	if (answer >= 0 || answer < -4095)
		return answer;
	errno = -answer;
	return -1;
}

/* Memory that a 32-bit pointer reaches. */
static char *low(const char *text)
{
	static char *page;
	static size_t used;
	char *copy;

	if (!page)
		page = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	copy = page + used;
	strcpy(copy, text);
	used += (strlen(text) + 16) & ~7ul;
	return copy;
}

static uint32_t *low_words(const uint32_t *words, size_t count)
{
	uint32_t *copy = (uint32_t *)low("room for words of thirty-two bits, which is quite enough");

	memcpy(copy, words, count * sizeof(*words));
	return copy;
}

static int open_32(char **w)
{
	const char *how = w[1];
	char *path = low(w[2]);
	uint32_t open_how[6] = { O_RDONLY };

	if (!strcmp(how, "open"))
		return reads(enter_32(I386_OPEN, (long)path, O_RDONLY, 0, 0));
	if (!strcmp(how, "openat"))
		return reads(enter_32(I386_OPENAT, AT_FDCWD, (long)path, O_RDONLY, 0));
	if (!strcmp(how, "openat2"))
		return reads(enter_32(I386_OPENAT2, AT_FDCWD, (long)path, (long)low_words(open_how, 6), 24));
	if (!strcmp(how, "creat"))
		return result(enter_32(I386_CREAT, (long)path, 0600, 0, 0));
	if (!strcmp(how, "unlink"))
		return result(enter_32(I386_UNLINK, (long)path, 0, 0, 0));
	if (!strcmp(how, "truncate"))
		return result(enter_32(I386_TRUNCATE, (long)path, 0, 0, 0));
	if (!strcmp(how, "chmod"))
		return result(enter_32(I386_CHMOD, (long)path, 0777, 0, 0));
	if (!strcmp(how, "link"))
		return result(enter_32(I386_LINK, (long)path, (long)low(w[3]), 0, 0));
	if (!strcmp(how, "rename"))
		return result(enter_32(I386_RENAME, (long)path, (long)low(w[3]), 0, 0));
	return MISTAKE;
}

#define MAX_TOLD 10

/* The program's name and the rest of the chain, as 32-bit pointers. */
static uint32_t *low_told(char *path, char **rest)
{
	uint32_t words[MAX_TOLD + 2] = { (uint32_t)(long)path };

	for (int i = 0; i < MAX_TOLD && rest[i]; i++)
		words[i + 1] = (uint32_t)(long)low(rest[i]);
	return low_words(words, MAX_TOLD + 2);
}

static int execute_32(char **w, char **rest)
{
	char *path = low(w[2]);
	uint32_t none[1] = { 0 };
	long arguments = (long)low_told(path, rest), environment = (long)low_words(none, 1);

	if (!strcmp(w[1], "execveat"))
		return result(enter_32(I386_EXECVEAT, AT_FDCWD, (long)path, arguments, environment));
	return result(enter_32(I386_EXECVE, (long)path, arguments, environment, 0));
}

/* socket32 HOW FAMILY TYPE PROTOCOL */
static int socket_32(char **w)
{
	uint32_t words[3] = { atoi(w[2]), atoi(w[3]), atoi(w[4]) };

	if (!strcmp(w[1], "socket"))
		return result(enter_32(I386_SOCKET, words[0], words[1], words[2], 0));
	return result(enter_32(I386_SOCKETCALL, 1, (long)low_words(words, 3), 0, 0));
}

static int open_x32(char **w)
{
	uint64_t open_how[3] = { O_RDONLY };

	if (!strcmp(w[1], "open"))
		return reads(syscall(X32 + SYS_open, low(w[2]), O_RDONLY));
	if (!strcmp(w[1], "openat2"))
		return reads(syscall(X32 + SYS_openat2, AT_FDCWD, low(w[2]), memcpy(low("twenty-four bytes and more"), open_how, 24), 24));
	if (!strcmp(w[1], "unlink"))
		return result(syscall(X32 + SYS_unlink, low(w[2])));
	return reads(syscall(X32 + SYS_openat, AT_FDCWD, low(w[2]), O_RDONLY));
}

static int execute_x32(char **w, char **rest)
{
	char *path = low(w[1]);
	uint32_t none[1] = { 0 };

	return result(syscall(X32 + X32_EXECVE, path, low_told(path, rest), low_words(none, 1)));
}

static int socket_x32(char **w)
{
	return result(syscall(X32 + SYS_socket, atoi(w[1]), atoi(w[2]), atoi(w[3])));
}

const struct step COMPAT[] = {
	{ "i386", open_32 }, { "i386-exec", .enter = execute_32 }, { "i386-socket", socket_32 }, { "x32", open_x32 }, { "x32-exec", .enter = execute_x32 },
	{ "x32-socket", socket_x32 }, {}
};
