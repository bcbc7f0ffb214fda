/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells programs where the kernel's counters of renames and of mounts are (walk.h). libbpf would read the kernel's whole list of symbols for each
 * object that asks, which takes longer than the rest of opening it: here it is read once, and only so far.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "locks.h"

static struct locks found;
static pthread_mutex_t finding = PTHREAD_MUTEX_INITIALIZER;

static void find_locks(void)
{
	FILE *symbols = fopen("/proc/kallsyms", "re");
	unsigned long long address;
	char line[512], name[32];

	while (symbols && !(found.renames && found.mounts) && fgets(line, sizeof(line), symbols)) {
		if (!strstr(line, "_lock\n") || sscanf(line, "%llx %*c %31s", &address, name) != 2)
			continue;
		if (strcmp(name, "rename_lock") == 0)
			found.renames = address;
		else if (strcmp(name, "mount_lock") == 0)
			found.mounts = address;
	}
	if (symbols)
		fclose(symbols);
}

/* Before an object is loaded. Where the kernel does not name its counters, the programs do without, as they are told 0. */
int parapet_set_locks(struct bpf_object *object)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata.locks");

	if (!map)
		return 0;
	pthread_mutex_lock(&finding);
	if (!found.renames || !found.mounts)
		find_locks();
	pthread_mutex_unlock(&finding);
	return bpf_map__set_initial_value(map, &found, sizeof(found));
}
