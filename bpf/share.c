/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the program of shared.bpf.c in the place of its stub (stubs.h), by a link for every hook that calls it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#define PREFIX "freplace/"

/* The object's one program; NULL where it has none, or another kind. */
static struct bpf_program *shared_of(const struct bpf_object *object)
{
	struct bpf_program *program = bpf_object__next_program(object, NULL);

	return program && strncmp(bpf_program__section_name(program), PREFIX, strlen(PREFIX)) == 0 ? program : NULL;
}

static const char *stub_of(const struct bpf_program *shared)
{
	return bpf_program__section_name(shared) + strlen(PREFIX);
}

/* The functions of a loaded program, as the kernel has them, with their names. */
struct functions { const struct btf *types; struct bpf_func_info *list; int count; };

/* Fills `out`, whose list the caller frees; 0, or a negative error. */
static int functions_of(const struct bpf_object *object, const struct bpf_program *program, struct functions *out)
{
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);
	int fd = bpf_program__fd(program);

	*out = (struct functions){ .types = bpf_object__btf(object) };
	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		return -errno;
	out->count = info.nr_func_info;
	out->list = calloc(out->count + 1, sizeof(*out->list));
	if (!out->list)
		return -ENOMEM;
	info = (struct bpf_prog_info){
		.nr_func_info = out->count, .func_info_rec_size = sizeof(*out->list), .func_info = (__u64)(unsigned long)out->list
	};
	length = sizeof(info);
	return bpf_obj_get_info_by_fd(fd, &info, &length) ? -errno : 0;
}

/* The type of the function of that name; 0 where the program does not call it. */
static __u32 type_of(const struct functions *functions, const char *name)
{
	for (int i = 0; i < functions->count; i++) {
		const struct btf_type *type = btf__type_by_id(functions->types, functions->list[i].type_id);
		const char *its = type ? btf__name_by_offset(functions->types, type->name_off) : NULL;

		if (its && strcmp(its, name) == 0)
			return functions->list[i].type_id;
	}
	return 0;
}

/* A hook that calls what is shared: the type of its stub, and where the link is pinned. */
struct caller { struct bpf_program *shared; struct bpf_program *hook; __u32 type; const char *directory; };
typedef int act(const struct caller *caller);

/* Does the same for every hook that calls what is shared. Stops at what is not 0, and returns it. */
static int each_caller(struct caller *caller, struct bpf_object *hooks, act *act)
{
	bpf_object__for_each_program(caller->hook, hooks) {
		struct functions functions;
		int result;

		if (!bpf_program__autoload(caller->hook))
			continue;
		result = functions_of(hooks, caller->hook, &functions);
		caller->type = result ? 0 : type_of(&functions, stub_of(caller->shared));
		if (caller->type)
			result = act(caller);
		free(functions.list);
		if (result)
			return result;
	}
	return 0;
}

static int aim(const struct caller *caller)
{
	int error = bpf_program__set_attach_target(caller->shared, bpf_program__fd(caller->hook), stub_of(caller->shared));

	return error ? error : 1;
}

/* Says in whose place the program is verified: in that of the first caller's stub. */
int parapet_aim(struct bpf_object *shared, struct bpf_object *hooks)
{
	struct caller caller = { .shared = shared_of(shared) };
	int result = caller.shared ? each_caller(&caller, hooks, aim) : 0;

	return result > 0 ? 0 : result ? result : -EINVAL;
}

/* Not bpf_program__attach_freplace(): that reads all types of the hook's object again for every call. */
static int replace(const struct caller *caller)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .target_btf_id = caller->type);
	char path[512];
	int link, error;

	if (snprintf(path, sizeof(path), "%s/%s-%s", caller->directory, stub_of(caller->shared), bpf_program__name(caller->hook)) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	link = bpf_link_create(bpf_program__fd(caller->shared), bpf_program__fd(caller->hook), 0, &options);
	if (link < 0)
		return link;
	error = bpf_obj_pin(link, path);
	close(link); /* the pin holds it */
	return error;
}

/* Replaces the stub of every hook that has one, and pins the links in `directory`: without those the stubs are back, which deny. */
int parapet_share(struct bpf_object *shared, struct bpf_object *hooks, const char *directory)
{
	struct caller caller = { .shared = shared_of(shared), .directory = directory };

	return caller.shared ? each_caller(&caller, hooks, replace) : -EINVAL;
}
