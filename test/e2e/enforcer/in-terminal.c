/* SPDX-License-Identifier: Apache-2.0 */
/* Gives itself a controlling terminal, then becomes the program that its arguments name. The exit status is an errno where that fails. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY);

	if (count < 2)
		return EINVAL;
	/* the first terminal that a session's leader opens is the session's */
	if (terminal < 0 || grantpt(terminal) || unlockpt(terminal) || setsid() < 0 || open(ptsname(terminal), O_RDWR) < 0)
		return errno;
	execv(arguments[1], arguments + 1);
	return errno;
}
