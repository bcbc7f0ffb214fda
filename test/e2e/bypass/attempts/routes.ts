/** Naming an address that is free, while the packet goes to one that is not: the first hop of a source route. */
import { assisted, attempts } from '../attempt.ts';
import type { Attempt } from '../attempt.ts';

type Way = readonly [name: string, socket: string, ...steps: string[]];

/** Whose first packet is sent again, by nobody: no call fails. */
const CONNECTING: readonly Way[] = [
  ['TCP with a loose route', '2 1 0', 'route-socket loose', 'routed connect loose'],
  ['TCP with a strict route', '2 1 0', 'route-socket strict', 'routed connect strict'],
  ['TCP over IPv6 with a routing header', '10 1 0', 'route-socket segments', 'routed connect segments'],
];

const SENDING: readonly Way[] = [
  ['sendto with a loose route', '2 2 0', 'route-socket loose', 'routed sendto loose'],
  ['sendto with a strict route', '2 2 0', 'route-socket strict', 'routed sendto strict'],
  ['write with a loose route', '2 2 0', 'route-socket loose', 'routed write loose'],
  ['sendmsg with a route of its own', '2 2 0', 'routed message loose'],
  ['sendto over IPv6 with a routing header', '10 2 0', 'route-socket segments', 'routed sendto segments'],
  ['sendmsg over IPv6 with a routing header of its own', '10 2 0', 'routed message home'],
  ['sendto over IPv6 with a flow label that has a routing header', '10 2 0', 'routed label home'],
  ['a raw socket with a loose route', '2 3 253', 'route-socket loose', 'routed sendto loose'],
  ['a raw socket over IPv6 with a routing header', '10 3 253', 'route-socket segments', 'routed sendto segments'],
];

const own = ([name, socket, ...steps]: Way): readonly [string, ...string[]] => [
  `a blocked address as first hop: ${name}`,
  `hold-socket ${socket}`,
  ...steps,
];

const given = ([name, socket, ...steps]: Way): readonly [string, ...string[]] => [
  `a blocked address as first hop, with a socket from outside: ${name}`,
  `hold-socket ${socket}`,
  ...steps.slice(0, -1),
  '--',
  ...steps.slice(-1),
];

const unsent = (attempt: Attempt): Attempt => ({ ...attempt, refused: 'EPERM' });
const unanswered = (attempt: Attempt): Attempt => ({ ...attempt, refused: 'ETIMEDOUT' });

export const ROUTES: readonly Attempt[] = [
  ...attempts('source routes', 'endpoints', SENDING.map(own)).map(unsent),
  ...attempts('source routes', 'endpoints', CONNECTING.map(own)).map(unanswered),
  ...assisted('source routes', 'endpoints', SENDING.map(given)).map(unsent),
  ...assisted('source routes', 'endpoints', CONNECTING.map(given)).map(unanswered),
];
