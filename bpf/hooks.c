/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The security hooks of this kernel: which there are, and their types. libbpf would look for each program's hook among more than a hundred thousand
 * types; here they are read once, for all programs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "hooks.h"

#define HOOK_SECTION "lsm/"
#define HOOK_FUNCTION "bpf_lsm_"

struct hook { char *name; __u32 type; };

static struct hook *hooks;
static size_t hook_count;
static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER;

const char *parapet_hook_of(const struct bpf_program *program)
{
	const char *section = bpf_program__section_name(program);

	return strncmp(section, HOOK_SECTION, strlen(HOOK_SECTION)) == 0 ? section + strlen(HOOK_SECTION) : NULL;
}

static void forget_hooks(void)
{
	while (hook_count)
		free(hooks[--hook_count].name);
	free(hooks);
	hooks = NULL;
}

static int add_hook(const char *name, __u32 type)
{
	struct hook *more = reallocarray(hooks, hook_count + 1, sizeof(*hooks));

	if (!more)
		return -ENOMEM;
	hooks = more;
	hooks[hook_count] = (struct hook){ .name = strdup(name), .type = type };
	if (!hooks[hook_count].name)
		return -ENOMEM;
	hook_count++;
	return 0;
}

static int read_hooks(void)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	int error = 0;

	if (!kernel)
		return -errno;
	for (__u32 id = 1; id < btf__type_cnt(kernel) && !error; id++) {
		const struct btf_type *type = btf__type_by_id(kernel, id);
		const char *name = btf_is_func(type) ? btf__name_by_offset(kernel, type->name_off) : NULL;

		if (name && strncmp(name, HOOK_FUNCTION, strlen(HOOK_FUNCTION)) == 0)
			error = add_hook(name + strlen(HOOK_FUNCTION), id);
	}
	btf__free(kernel);
	if (error)
		forget_hooks();
	return error;
}

/* The type of a hook's function; 0 where this kernel lacks the hook. */
static __u32 type_of(const char *name)
{
	for (size_t i = 0; i < hook_count; i++)
		if (strcmp(hooks[i].name, name) == 0)
			return hooks[i].type;
	return 0;
}

int parapet_leave_out_missing(struct bpf_object *object)
{
	struct bpf_program *program;
	bool has_hooks = false;
	int error = 0;

	bpf_object__for_each_program(program, object)
		has_hooks = has_hooks || parapet_hook_of(program);
	if (!has_hooks)
		return 0;
	pthread_mutex_lock(&reading);
	if (!hooks)
		error = read_hooks();
	pthread_mutex_unlock(&reading);
	bpf_object__for_each_program(program, object)
		if (!error && parapet_hook_of(program))
			bpf_program__set_autoload(program, type_of(parapet_hook_of(program)) != 0);
	return error;
}

static int prepare(struct bpf_program *program, struct bpf_prog_load_opts *options, long cookie __attribute__((unused)))
{
	parapet_maps_are_made();
	options->attach_btf_id = type_of(parapet_hook_of(program));
	return 0;
}

/* Programs of this section are prepared here, rather than by libbpf. */
__attribute__((constructor)) static void take_over_hooks(void)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, options, .prog_prepare_load_fn = prepare);

	libbpf_register_prog_handler(HOOK_SECTION, BPF_PROG_TYPE_LSM, BPF_LSM_MAC, &options);
}
