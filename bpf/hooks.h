/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PARAPET_HOOKS_H
#define PARAPET_HOOKS_H

#include <bpf/libbpf.h>

/* The name of the security hook that a program is for; NULL for other kinds of programs. */
const char *parapet_hook_of(const struct bpf_program *program);

/* Leaves out programs whose hooks this kernel lacks; 0, or a negative error. */
int parapet_leave_out_missing(struct bpf_object *object);

/* Of the object that this thread is loading (bridge.c). */
void parapet_maps_are_made(void);

#endif
