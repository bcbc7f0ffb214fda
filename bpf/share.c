/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the functions of shared.bpf.c in the place of their stubs (stubs.h): each is one program, and a link for every hook that calls it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#define PREFIX "freplace/"

static const char *stub_of(const struct bpf_program *shared)
{
	const char *section = bpf_program__section_name(shared);

	return strncmp(section, PREFIX, strlen(PREFIX)) == 0 ? section + strlen(PREFIX) : NULL;
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

/* A hook's call of a shared function: the program that takes the stub's place, the stub's type, and where the link is pinned. */
struct call { struct bpf_program *shared; struct bpf_program *hook; __u32 type; const char *directory; };
typedef int act(const struct call *call);

/* Does the same for every call of every hook, each of which is asked for its functions once. Stops at an error, and returns it. */
static int each_call(struct bpf_object *shared, struct bpf_object *hooks, act *act, const char *directory)
{
	struct call call = { .directory = directory };

	bpf_object__for_each_program(call.hook, hooks) {
		struct functions functions;
		int error;

		if (!bpf_program__autoload(call.hook))
			continue;
		error = functions_of(hooks, call.hook, &functions);
		bpf_object__for_each_program(call.shared, shared) {
			call.type = type_of(&functions, stub_of(call.shared));
			error = error || !call.type ? error : act(&call);
		}
		free(functions.list);
		if (error)
			return error;
	}
	return 0;
}

static int aim(const struct call *call)
{
	if (bpf_program__autoload(call->shared)) /* by an earlier call */
		return 0;
	bpf_program__set_autoload(call->shared, true);
	return bpf_program__set_attach_target(call->shared, bpf_program__fd(call->hook), stub_of(call->shared));
}

/* Says in whose place each program is verified: in that of its first caller's stub. A function that no hook of this kernel calls is left out. */
int parapet_aim(struct bpf_object *shared, struct bpf_object *hooks)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, shared) {
		if (!stub_of(program))
			return -EINVAL;
		bpf_program__set_autoload(program, false);
	}
	return each_call(shared, hooks, aim, NULL);
}

/* Not bpf_program__attach_freplace(): that reads all types of the hook's object again for every call. */
static int replace(const struct call *call)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .target_btf_id = call->type);
	char path[512];
	int link, error;

	if (snprintf(path, sizeof(path), "%s/%s-%s", call->directory, stub_of(call->shared), bpf_program__name(call->hook)) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	link = bpf_link_create(bpf_program__fd(call->shared), bpf_program__fd(call->hook), 0, &options);
	if (link < 0)
		return link;
	error = bpf_obj_pin(link, path);
	close(link); /* the pin holds it */
	return error;
}

/* Replaces every stub of every hook, and pins the links in `directory`: without those the stubs are back, which deny. */
int parapet_share(struct bpf_object *shared, struct bpf_object *hooks, const char *directory)
{
	return each_call(shared, hooks, replace, directory);
}
