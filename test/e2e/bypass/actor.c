/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a chain of steps: `actor STEP…`; its exit status is the result. `actor --stage` sets up and runs the attempts of standard input. */
#include "attempt.h"

static const struct step *const FAMILIES[] = { OPENING, NAMES, COMPAT, DESCRIPTORS, SURROUNDINGS, NAMESPACES, MOUNTS, EXECUTING, MEMORY, URING,
	SOCKETS, RACES, OTHERS, ASKING, PEERS, TRACING, ROUTES };

static const struct step *find(const char *name)
{
	for (size_t family = 0; family < sizeof(FAMILIES) / sizeof(*FAMILIES); family++)
		for (const struct step *step = FAMILIES[family]; step->name; step++)
			if (strcmp(step->name, name) == 0)
				return step;
	return NULL;
}

int run(char **steps)
{
	for (; *steps; steps++) {
		char *words[MAX_WORDS + 1] = { NULL }, *rest = strdup(*steps);
		const struct step *step;
		int used = 0, error;

		if (**steps == '/') /* a script's own name, told to its interpreter */
			continue;
		while (used < MAX_WORDS && (words[used] = strsep(&rest, " ")))
			used++;
		step = used ? find(words[0]) : NULL;
		if (!step) {
			fprintf(stderr, "no step %s\n", *steps);
			return MISTAKE;
		}
		if (step->enter)
			return step->enter(words, steps + 1);
		error = step->act(words);
		if (error) {
			fprintf(stderr, "  %s: %s\n", *steps, strerror(error));
			return error;
		}
	}
	return 0;
}

int reads(int fd)
{
	char text[64] = "";
	int error = result(fd);

	if (!error)
		error = result(read(fd, text, sizeof(text) - 1));
	if (fd >= 0)
		close(fd);
	if (error)
		return error;
	return strncmp(text, SECRET, strlen(SECRET)) == 0 ? 0 : ENODATA;
}

int writes(int fd)
{
	static const char MARK[] = "spoiled";
	char text[sizeof(MARK)] = "", link[64], path[4096] = "";
	int error = result(fd), again;

	if (error)
		return error;
	if (write(fd, MARK, sizeof(MARK)) != sizeof(MARK))
		error = errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (!error && readlink(link, path, sizeof(path) - 1) > 0 && (again = open(path, O_RDONLY)) >= 0) {
		error = read(again, text, sizeof(text)) == sizeof(text) && !memcmp(text, MARK, sizeof(MARK)) ? 0 : ENODATA;
		close(again);
	}
	close(fd);
	return error;
}

int wait_for(pid_t child)
{
	int status;

	if (child < 0)
		return errno;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

int main(int count, char **arguments)
{
	if (count == 2 && strcmp(arguments[1], "--stage") == 0)
		return stage();
	return run(arguments + 1);
}
