/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread changes what a path means while another one opens it. In a run without rules the secret must come out once, however long that
 * takes; with rules it must not in a fixed number of tries, which the first run needs far fewer of.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include "attempt.h"

#define TRIES 4000
#define SECONDS 20
#define EXEC_SECONDS 6 /* of tries that execute */

struct race { const char *kind; const char *path; const char *harmless; volatile int over; };

static void flip_link(struct race *race, int turn)
{
	char fresh[4096];

	snprintf(fresh, sizeof(fresh), "%s.new", race->path);
	unlink(fresh);
	if (!symlink(turn & 1 ? HOME "/secret" : race->harmless, fresh))
		rename(fresh, race->path);
}

/* Flips for as long as the race lasts. */
static void *flip(void *argument)
{
	struct race *race = argument;

	for (int turn = 0; !race->over; turn++) {
		if (!strcmp(race->kind, "link"))
			flip_link(race, turn);
		else if (!strcmp(race->kind, "exchange"))
			renameat2(AT_FDCWD, HOME "/way", AT_FDCWD, HOME "/other-way", RENAME_EXCHANGE);
		sched_yield();
	}
	return NULL;
}

/* race KIND PATH HARMLESS */
static int run_race(char **w)
{
	struct race race = { w[1], w[2], w[3], 0 };
	time_t end = time(NULL) + SECONDS;
	int error = ENODATA, refused = 0;
	pthread_t flipper;

	if (pthread_create(&flipper, NULL, flip, &race))
		return EAGAIN;
	for (int turn = 0; error && time(NULL) < end; turn++) {
		error = reads(open(race.path, O_RDONLY));
		if (error == EACCES && ++refused == TRIES / 10)
			break;
		if (turn == TRIES && refused)
			break;
		sched_yield();
	}
	race.over = 1;
	pthread_join(flipper, NULL);
	return error && refused ? EACCES : error;
}

/* A buffer whose path changes under the kernel's hands, between what is checked and what is opened. */
static char shared_path[64];

static void *rewrite(void *argument)
{
	struct race *race = argument;
	size_t at = strlen(HOME) + 1;

	while (!race->over) {
		memcpy(shared_path + at, "secret", 6);
		sched_yield();
		memcpy(shared_path + at, "plain\0", 6);
		sched_yield();
	}
	return NULL;
}

static int run_buffer_race(char **w)
{
	struct race race = { "buffer", shared_path, NULL, 0 };
	time_t end = time(NULL) + SECONDS;
	int error = ENODATA, refused = 0;
	pthread_t rewriter;

	(void)w;
	strcpy(shared_path, HOME "/plain");
	if (pthread_create(&rewriter, NULL, rewrite, &race))
		return EAGAIN;
	while (error && refused < TRIES / 10 && time(NULL) < end) {
		error = reads(open(shared_path, O_RDONLY));
		refused += error == EACCES;
		sched_yield();
	}
	race.over = 1;
	pthread_join(rewriter, NULL);
	return error && refused ? EACCES : error;
}

/* A crowd of processes opens the secret and a file that is free, all at once: every one must be refused the one and given the other. */
static int run_crowd(char **w)
{
	int tasks = atoi(w[1]), error = 0;

	for (int i = 0; i < tasks; i++) {
		pid_t child = fork();

		if (child < 0)
			return EAGAIN;
		if (child == 0) {
			int worst = EACCES;

			for (int turn = 0; turn < 50; turn++) {
				int own = reads(open(HOME "/secret", O_RDONLY)), fd = open(HOME "/plain", O_RDONLY);

				if (fd < 0)
					_exit(MISTAKE);
				close(fd);
				if (own != EACCES)
					worst = own;
			}
			_exit(worst);
		}
	}
	while (tasks--) {
		int status, own;

		if (wait(&status) < 0 || !WIFEXITED(status))
			return MISTAKE;
		own = WEXITSTATUS(status);
		if (own != EACCES)
			return own;
		error = own;
	}
	return error;
}

/* One try of somebody who insists, for who waits for the first one. */
static int try_once_more(char **w)
{
	int error = reads(open(w[1], O_RDONLY));

	if (access(w[3], F_OK))
		close(open(w[3], O_WRONLY | O_CREAT, 0600));
	usleep(20000); /* the agents that come and go need the processor too */
	return error;
}

/* insist PATH UNTIL BEGUN: opens it again and again until the file UNTIL is there; the first result that is no refusal, or the refusal. Makes
 * the file BEGUN after the first try. */
static int insist(char **w)
{
	int error = EACCES;

	while (error == EACCES && access(w[2], F_OK))
		error = try_once_more(w);
	return error;
}

/* insist-forking PATH UNTIL BEGUN: the same, but each try is made by a child of the process that tried before, which is gone by then */
static int insist_forking(char **w)
{
	int ends[2], error = MISTAKE;

	if (pipe(ends))
		return MISTAKE;
	if (fork() == 0) {
		for (;;) {
			int own = try_once_more(w);

			if (own != EACCES || !access(w[2], F_OK))
				_exit(write(ends[1], &own, sizeof(own)) < 0);
			if (fork())
				_exit(0);
		}
	}
	close(ends[1]);
	return read(ends[0], &error, sizeof(error)) == sizeof(error) ? error : MISTAKE;
}

/* What a program is told changes between what it may be told and what not, of the same length. */
#define TOLD_PREFIX "open openat " HOME "/"

static void *retell(void *argument)
{
	char *file = argument;

	for (;;) {
		memcpy(file, "secret", 7);
		sched_yield();
		memcpy(file, "plain\0", 7);
		sched_yield();
	}
	return NULL;
}

/* The kernel copies the environment first, and takes its time. */
#define ROOM (100 * 1024)
#define ROOMS 8

static char **long_environment(void)
{
	static char room[ROOM], *environment[ROOMS + 1];

	memset(room, 'x', ROOM - 1);
	for (int i = 0; i < ROOMS; i++)
		environment[i] = room;
	return environment;
}

static int tell_once(const char *kind, char *path, char *argument)
{
	char *file = argument + strlen(TOLD_PREFIX);
	int in_thread = !strcmp(kind, "thread");
	pid_t child = fork(), other = child == 0 && !in_thread ? fork() : -1;
	pthread_t thread;

	if (child)
		return wait_for(child);
	if (other == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		retell(file);
	}
	if (in_thread)
		pthread_create(&thread, NULL, retell, file);
	sched_yield();
	execve(path, (char *[]){ path, argument, NULL }, long_environment());
	_exit(errno);
}

/* race-argument thread|process PATH */
static int run_argument_race(char **w)
{
	char *argument = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	time_t end = time(NULL) + EXEC_SECONDS;
	int killed = 0, error = ENODATA;

	strcpy(argument, TOLD_PREFIX "plain");
	for (int turn = 0; error && turn < TRIES && time(NULL) < end; turn++) {
		error = tell_once(w[1], w[2], argument);
		killed += error == ECHILD;
		strcpy(argument, TOLD_PREFIX "plain");
	}
	return error && killed ? EACCES : error;
}

const struct step RACES[] = { { "race", run_race }, { "race-buffer", run_buffer_race }, { "race-argument", run_argument_race }, { "crowd", run_crowd }, { "insist", insist },
	{ "insist-forking", insist_forking }, {} };
