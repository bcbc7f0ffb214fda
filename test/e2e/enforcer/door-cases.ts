/** Calls on paths by the kernel's other doors, and what is a file to the kernel only: message queues, shared memory, pipes. */
import { PATH_SYSCALLS } from '@parapet/policy';
import { fileRule, pathRule, policyOf, syscallPathRule } from '../../unit/policy/builders.ts';
import type { Group } from './cases.ts';
import { ACTOR, HOME } from './paths.ts';

const FLAT = `${HOME}/flat`;
const SHARED = '/dev/shm/opened-by-handle';
const QUEUE = '/dev/mqueue';

/** By the ring, in the given way: what a rule for a call names, and is no such call. */
function byRing(mode: 'plain' | 'worker' | 'polled'): [string, string][] {
  const made = `${FLAT}/ring-${mode}`;
  return [
    `openat ${FLAT}/file`,
    `openat2 ${FLAT}/file`,
    `mkdir ${made}-directory`,
    `link ${FLAT}/file ${made}`,
    `rename ${made} ${made}-moved`,
    `symlink ${HOME}/plain ${made}-link`,
    `unlink ${made}-moved`,
    `unlink ${made}-link`,
  ].map((what) => [`uring ${mode} ${what}`, '0']);
}

export const DOOR_GROUPS: readonly Group[] = [
  {
    name: 'calls on paths by other doors',
    policies: [policyOf(syscallPathRule(`${FLAT}/`, PATH_SYSCALLS), syscallPathRule(SHARED, PATH_SYSCALLS))],
    tries: [
      ...byRing('plain'),
      ...byRing('worker'),
      ...byRing('polled'),
      [`i386 open ${FLAT}/file`, '0'],
      [`i386 openat ${FLAT}/file`, '0'],
      [`i386 chmod ${FLAT}/file`, '0'],
      [`i386 truncate ${FLAT}/file`, '0'],
      [`i386 link ${FLAT}/file ${FLAT}/compat`, '0'],
      [`i386 rename ${FLAT}/compat ${FLAT}/compat-moved`, '0'],
      [`i386 unlink ${FLAT}/compat-moved`, '0'],
      [`i386-exec execve ${FLAT}/program`, '0'],
      [`bind-local ${FLAT}/socket`, '0'],
      [`cut ${FLAT}/file`, '0'],
      [`handle /dev/shm ${SHARED}`, '0'],
    ],
  },
  {
    name: 'channels and memory where rules block files',
    policies: [policyOf(fileRule(`${HOME}/secret`), fileRule(`${QUEUE}/secret`), fileRule(`${QUEUE}/read-only`, { readOnly: true }))],
    tries: [
      ['queue make /free', '0'],
      ['queue write /free', '0'],
      ['queue read /free', '0'],
      ['queue remove /free', '0'],
      ['queue read /secret', 'EACCES'],
      ['queue read /read-only', '0'],
      ['queue write /read-only', 'EACCES'],
      ['queue remove /secret', 'EACCES'],
      ['queue remove /read-only', 'EACCES'],
      ['shared-memory', '0'],
      ['shared-memory exec', '0'],
      ['anew pipe', '0'],
      ['anew memfd', '0'],
    ],
  },
  {
    name: 'channels and memory in an allow-list that blocks',
    posture: 'block',
    policies: [
      policyOf(
        pathRule(ACTOR, { action: 'Allow' }),
        fileRule(`${HOME}/**`, { action: 'Allow' }),
        fileRule('/proc/**', { action: 'Allow' }),
        fileRule(`${QUEUE}/allowed`, { action: 'Allow' }),
      ),
    ],
    tries: [
      ['queue make /allowed', '0'],
      ['queue write /allowed', '0'],
      ['queue remove /allowed', '0'],
      ['queue make /other', 'EACCES'],
      ['shared-memory', '0'],
      ['shared-memory exec', '0'],
      ['anew pipe', '0'],
      ['anew memfd', 'EACCES'],
    ],
  },
];

/** What is told of the calls by other doors, each once: the kernel's ring makes no calls. */
export const DOORS_TOLD: readonly string[] = [
  ...['open', 'openat', 'chmod', 'truncate', 'link'].map((call) => `${call} ${FLAT}/file <- ${ACTOR} <- NODE`),
  `rename ${FLAT}/compat <- ${ACTOR} <- NODE`,
  `unlink ${FLAT}/compat-moved <- ${ACTOR} <- NODE`,
  `execve ${FLAT}/program <- ${ACTOR} <- ${ACTOR}`,
  `bind ${FLAT}/socket <- ${ACTOR} <- NODE`,
  `openat ${FLAT}/file <- ${ACTOR} <- NODE`, // which is cut
  `ftruncate ${FLAT}/file <- ${ACTOR} <- NODE`,
  `open_by_handle_at ${SHARED} <- ${ACTOR} <- NODE`,
].map((line) => `audit syscalls  ${line} [syscalls]`);
