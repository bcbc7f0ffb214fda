/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread changes what a path means while another one opens it. In a run without rules the secret must come out once, however long that
 * takes; with rules it must not in a fixed number of tries, which the first run needs far fewer of.
 */
#include <pthread.h>
#include <time.h>
#include "attempt.h"

#define TRIES 4000
#define SECONDS 20

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

/* insist PATH UNTIL: opens it again and again until the file UNTIL is there; the first result that is no refusal, or the refusal */
static int insist(char **w)
{
	int error = EACCES;

	while (error == EACCES && access(w[2], F_OK)) {
		error = reads(open(w[1], O_RDONLY));
		usleep(2000); /* the agents that come and go need the processor too */
	}
	return error;
}

const struct step RACES[] = { { "race", run_race }, { "race-buffer", run_buffer_race }, { "crowd", run_crowd }, { "insist", insist }, {} };
