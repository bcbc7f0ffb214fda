/** Every attempt there is. */
import type { Attempt } from '../attempt.ts';
import { ARGUMENTS } from './arguments.ts';
import { CAPABILITIES } from './capabilities.ts';
import { DESCRIPTORS } from './descriptors.ts';
import { DOORS } from './doors.ts';
import { ENDPOINTS } from './endpoints.ts';
import { EXECUTING } from './executing.ts';
import { IDENTITY } from './identity.ts';
import { LOCAL_SOCKETS } from './local-sockets.ts';
import { MOUNTS } from './mounts.ts';
import { NAMES } from './names.ts';
import { OPENING } from './opening.ts';
import { PATTERNS } from './patterns.ts';
import { PEERS } from './peers.ts';
import { PINNED } from './pins.ts';
import { RACES } from './races.ts';
import { ROUTES } from './routes.ts';
import { SOCKETS } from './sockets.ts';
import { SWITCHES } from './switches.ts';

export const ATTEMPTS: readonly Attempt[] = [
  ...OPENING,
  ...NAMES,
  ...EXECUTING,
  ...ARGUMENTS,
  ...IDENTITY,
  ...DOORS,
  ...SOCKETS,
  ...LOCAL_SOCKETS,
  ...CAPABILITIES,
  ...RACES,
  ...MOUNTS,
  ...DESCRIPTORS,
  ...SWITCHES,
  ...ENDPOINTS,
  ...ROUTES,
  ...PEERS,
  ...PATTERNS,
  ...PINNED,
];

/** A few of every family, for kernels where time is short; without those that a kernel must be started for in a special way. */
export const SMOKE: readonly Attempt[] = ATTEMPTS.filter(({ family }) => family !== 'x32 system calls').filter(
  ({ family }, index, all) => all.slice(0, index).filter((before) => before.family === family).length < 3,
);
