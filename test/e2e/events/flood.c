/* Is refused something very often. flood HOW DIRECTORY TASKS TIMES FILE...: so many tasks at once each do it to each file there so many times:
 * write, remove, or (whatever the file) make a user namespace. Prints how often they were refused. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether it was refused. */
static int try(const char *how, const char *file)
{
	int done;

	if (!strcmp(how, "remove"))
		done = unlink(file);
	else if (!strcmp(how, "namespace"))
		done = unshare(CLONE_NEWUSER);
	else
		done = open(file, O_WRONLY | O_CREAT, 0600);
	if (done > 0)
		close(done);
	return done < 0 && (errno == EACCES || errno == EPERM);
}

static long flood(const char *how, long times, char **files)
{
	long refused = 0;

	for (long i = 0; i < times; i++)
		for (char **file = files; *file; file++)
			refused += try(how, *file);
	return refused;
}

int main(int argc, char **argv)
{
	long tasks = atol(argv[3]), times = atol(argv[4]), sum = 0;
	long *refused = mmap(NULL, tasks * sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (chdir(argv[2]))
		return 1;
	for (long task = 0; task < tasks; task++)
		if (fork() == 0) {
			refused[task] = flood(argv[1], times, argv + 5);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	for (long task = 0; task < tasks; task++)
		sum += refused[task];
	printf("%ld\n", sum);
	return argc < 6;
}
