/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes system calls once each, with arguments that fail at once: all bits set. every-call NATIVE... - COMPAT...: numbers as policy/src/syscall.ts has
 * them; from 512 on native ones are x32's own, and 32-bit ones are inside of socketcall(2) (512 + call) or ipc(2) (540 + call).
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define X32 0x40000000
#define SOCKETCALL_32 102
#define IPC_32 117

static void enter_32(int number, int first)
{
	int answer;

	asm volatile("int $0x80"
		     : "=a"(answer)
		     : "a"(number), "b"(first), "c"(-1), "d"(-1), "S"(-1), "D"(-1)
		     : "memory", "r8", "r9", "r10", "r11");
}

static void call_32(int number)
{
	if (number <= 512)
		enter_32(number, -1);
	else if (number <= 540)
		enter_32(SOCKETCALL_32, number - 512);
	else
		enter_32(IPC_32, number - 540);
}

int main(int argc, char **argv)
{
	int compat = 0;

	for (int i = 1; i < argc; i++) {
		int number = atoi(argv[i]);

		if (!strcmp(argv[i], "-"))
			compat = 1;
		else if (compat)
			call_32(number);
		else
			syscall(number < 512 ? number : number | X32, -1, -1, -1, -1, -1, -1);
	}
	return 0;
}
