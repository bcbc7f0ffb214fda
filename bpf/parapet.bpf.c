/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The kernel half of Parapet. Read README.md first; then label.h (who), walk.h (where), match.h (what the rules say), judge.h (verdict). */
#include "stubs.h"
#include "hooks_identity.h"
#include "hooks_path.h"
#include "hooks_unix.h"
#include "hooks_capability.h"
#include "hooks_socket.h"
#include "hooks_accept.h"
#include "hooks_mount.h"
#include "hooks_hardening.h"
#include "hooks_guard.h"
#include "hooks_memory.h"
#include "hooks_attribute.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
