/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the bridge tells the programs before they are loaded. The agent knows nothing of it. */
#ifndef PARAPET_LOCKS_H
#define PARAPET_LOCKS_H

#include <linux/types.h>

/* Addresses of the kernel's sequence counters; 0 for one that it does not name. */
struct locks { __u64 renames; __u64 mounts; };

#endif
