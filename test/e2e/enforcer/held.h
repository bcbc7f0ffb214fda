/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HELD_CALLS_H
#define HELD_CALLS_H

#include "../bypass/attempt.h"

extern const struct step HELD_CALLS[];

#endif
