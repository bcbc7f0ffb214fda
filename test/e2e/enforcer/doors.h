/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOORS_H
#define DOORS_H

/* Calls on paths by other doors, channels between processes and memory of the kernel's own; an errno, ENOSYS for any other command. */
int act_by_other_doors(char **w);

#endif
