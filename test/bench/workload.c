/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops of system calls inside a container, between two readings of the kernel's statistics about our programs.
 *
 *   workload enter CGROUP ROOT LOOP...   as the container of CGROUP, in ROOT (a mount point that holds this program as /workload)
 *   workload enter - ROOT LOOP...        in ROOT, but as a task of no container
 *   workload nothing                     what the exec loop executes
 *
 * A loop is COUNT:NAME[:PATH]. Prints, for each, `loop INDEX NANOSECONDS` (in all) and for each program that ran `program INDEX NAME RUNS NANOSECONDS`.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_PROGRAMS 256
#define FIRST_FD 100 /* descriptors of the programs: they are opened before entering, and kept over the exec */
#define WARM_UP 64

static void die(const char *what)
{
	fprintf(stderr, "workload: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static void info_of(int fd, struct bpf_prog_info *info)
{
	union bpf_attr attr = { .info = { .bpf_fd = fd, .info_len = sizeof(*info), .info = (unsigned long)info } };

	memset(info, 0, sizeof(*info));
	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr))
		die("reading a program's statistics");
}

/* Every program of ours: their names begin with on_. */
static int open_programs(void)
{
	union bpf_attr next = {};
	int count = 0;

	while (count < MAX_PROGRAMS && !bpf(BPF_PROG_GET_NEXT_ID, &next)) {
		union bpf_attr get = { .prog_id = next.next_id };
		struct bpf_prog_info info;
		int fd = bpf(BPF_PROG_GET_FD_BY_ID, &get);

		next.start_id = next.next_id;
		if (fd < 0)
			continue;
		info_of(fd, &info);
		if (strncmp(info.name, "on_", 3) == 0) {
			if (dup2(fd, FIRST_FD + count) < 0) /* without FD_CLOEXEC */
				die("dup2");
			count++;
		}
		close(fd);
	}
	return count;
}

static void enter(char **words)
{
	char count[16], *run[64] = { "/workload", "run", count };
	int n = 0, procs;

	snprintf(count, sizeof(count), "%d", open_programs());
	if (strcmp(words[0], "-")) {
		procs = open(words[0], O_WRONLY);
		if (procs < 0 || write(procs, "0", 1) != 1)
			die(words[0]);
		close(procs);
	}
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || chdir(words[1]) || syscall(SYS_pivot_root, ".", ".") ||
	    umount2(".", MNT_DETACH) || chdir("/"))
		die(words[1]);
	while (words[2 + n] && n < 60) {
		run[3 + n] = words[2 + n];
		n++;
	}
	run[3 + n] = NULL;
	execv(run[0], run);
	die(run[0]);
}

static int file = -1;

static void loop_open(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		die(path);
	close(fd);
}

static void loop_write(const char *path)
{
	if (file < 0 && (file = open(path, O_WRONLY)) < 0)
		die(path);
	if (pwrite(file, "x", 1, 0) != 1)
		die("pwrite");
}

static void loop_exec(const char *path)
{
	char *words[] = { (char *)path, "nothing", NULL };
	int status;
	pid_t child = vfork();

	if (child == 0) {
		execv(path, words);
		_exit(1);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0 || status)
		die(path);
}

static void loop_connect(const char *unused)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket");
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)) || errno != ECONNREFUSED)
		die("connect to a closed port");
	close(fd);
}

/* Only lowering the nice value asks for CAP_SYS_NICE. */
static void loop_capable(const char *unused)
{
	if (setpriority(PRIO_PROCESS, 0, 1) || setpriority(PRIO_PROCESS, 0, 0))
		die("setpriority");
}

static const struct { const char *name; void (*body)(const char *path); } loops[] = {
	{ "open", loop_open }, { "write", loop_write }, { "exec", loop_exec }, { "connect", loop_connect }, { "capable", loop_capable },
};

static unsigned long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static void measure(int index, char *text, int programs)
{
	static struct bpf_prog_info before[MAX_PROGRAMS], after[MAX_PROGRAMS];
	int times = atoi(strtok(text, ":"));
	const char *name = strtok(NULL, ":"), *path = strtok(NULL, ":");
	void (*body)(const char *) = NULL;
	unsigned long long start, end;

	for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++)
		if (name && !strcmp(name, loops[i].name))
			body = loops[i].body;
	if (!body)
		die("unknown loop");
	for (int i = 0; i < WARM_UP; i++)
		body(path);
	for (int i = 0; i < programs; i++)
		info_of(FIRST_FD + i, &before[i]);
	start = now();
	for (int i = 0; i < times; i++)
		body(path);
	end = now();
	for (int i = 0; i < programs; i++)
		info_of(FIRST_FD + i, &after[i]);
	printf("loop %d %llu\n", index, end - start);
	for (int i = 0; i < programs; i++)
		if (after[i].run_cnt > before[i].run_cnt)
			printf("program %d %s %llu %llu\n", index, after[i].name, after[i].run_cnt - before[i].run_cnt,
			       after[i].run_time_ns - before[i].run_time_ns);
}

int main(int count, char **words)
{
	if (count > 1 && !strcmp(words[1], "nothing"))
		_exit(0);
	if (count > 3 && !strcmp(words[1], "enter"))
		enter(words + 2);
	if (count < 3 || strcmp(words[1], "run"))
		die("usage");
	for (int i = 3; i < count; i++)
		measure(i - 3, words[i], atoi(words[2]));
	return 0;
}
