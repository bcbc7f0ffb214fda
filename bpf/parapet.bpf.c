/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The kernel half of Parapet. Read README.md first; then label.h (who), walk.h (where), match.h (what the rules say), judge.h (verdict). */
#include "maps.h"
#include "hooks_identity.h"
#include "hooks_path.h"
#include "hooks_unix.h"
#include "hooks_flat.h"
#include "hooks_socket.h"
#include "hooks_dns.h"
#include "hooks_mount.h"
#include "hooks_hardening.h"
#include "hooks_guard.h"
#include "hooks_memory.h"
#include "hooks_attribute.h"
#include "hooks_preset.h"
#include "hooks_syscall.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
