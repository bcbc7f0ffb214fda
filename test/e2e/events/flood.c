/* Is refused files very often. flood DIRECTORY TASKS TIMES FILE...: so many tasks at once each create each file there so many times. Prints how
 * often they were refused. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static long flood(long times, char **files)
{
	long refused = 0;

	for (long i = 0; i < times; i++)
		for (char **file = files; *file; file++) {
			int fd = open(*file, O_WRONLY | O_CREAT, 0600);

			if (fd >= 0)
				close(fd);
			else if (errno == EACCES)
				refused++;
		}
	return refused;
}

int main(int argc, char **argv)
{
	long tasks = atol(argv[2]), times = atol(argv[3]), sum = 0;
	long *refused = mmap(NULL, tasks * sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (chdir(argv[1]))
		return 1;
	for (long task = 0; task < tasks; task++)
		if (fork() == 0) {
			refused[task] = flood(times, argv + 4);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	for (long task = 0; task < tasks; task++)
		sum += refused[task];
	printf("%ld\n", sum);
	return argc < 5;
}
