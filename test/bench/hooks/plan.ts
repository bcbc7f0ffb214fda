/** What is measured: the container's rules, and the loops that workload.c runs in it. Rules are never hit. */
import type { Policy } from '@parapet/policy';
import { endpointRule, fileRule, networkRule, pathRule, policyOf } from '../../unit/policy/builders.ts';

/** Components: seven, of which two are in a rule; eleven; and seven of which five are. */
const AT_7 = '/var/lib/app/data/one/two/file';
const AT_11 = '/var/lib/app/data/one/two/three/four/five/six/file';
const SHARING_5 = '/var/www/site/pages/private/two/file';
const PROGRAM = '/usr/bin/nothing';

export const FILES = [AT_7, AT_11, SHARING_5];
export const PROGRAMS = ['/workload', PROGRAM];

/** Eight path rules, one rule with a source, one network rule. */
const EIGHT: Policy = policyOf(
  pathRule('/usr/bin/apt'),
  pathRule('/usr/bin/wget'),
  pathRule('/sbin/'),
  fileRule('/etc/shadow'),
  fileRule('/etc/secret/**'),
  fileRule('/var/lib/other/key'),
  fileRule('/var/log/', { readOnly: true }),
  fileRule('/var/www/site/pages/private/key'),
  fileRule('/etc/tls/key', { from: ['/usr/bin/server'] }),
  networkRule('sctp'),
);

/** The same, and blocks of addresses, none of which holds the one that is connected to. */
const WITH_ADDRESSES: Policy = policyOf(
  ...EIGHT.rules,
  ...['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.169.254/32', '127.0.0.0/24', 'fd00::/8'].map((cidr) =>
    endpointRule(cidr, { ports: [{ first: 1000, last: 65_535 }] }),
  ),
);

const manyRules = (count: number): Policy =>
  policyOf(...Array.from({ length: count }, (_, i) => fileRule(`/var/lib/app${i % 97}/tree${i % 13}/file${i}`)));

export interface Loop {
  readonly name: string;
  /** As workload.c takes it. */
  readonly text: string;
  readonly times: number;
}

const loop = (name: string, times: number, what: string): Loop => ({ name, times, text: `${times}:${what}` });

const OPEN_7 = loop('open at 7', 5000, `open:${AT_7}`);
const CONNECT = loop('connect', 2000, 'connect');
const ALL: readonly Loop[] = [
  OPEN_7,
  loop('open at 11', 5000, `open:${AT_11}`),
  loop('open at 7, sharing 5', 5000, `open:${SHARING_5}`),
  loop('write', 5000, `write:${AT_7}`),
  loop('exec', 400, `exec:${PROGRAM}`),
  CONNECT,
  loop('capable', 2000, 'capable'),
];

export interface Scene {
  readonly name: string;
  readonly root: 'tmpfs' | 'overlay';
  /** Absent: a task of no container. Empty: a container without rules. */
  readonly policies?: readonly Policy[];
  readonly loops: readonly Loop[];
}

export const SCENES: readonly Scene[] = [
  { name: 'tmpfs', root: 'tmpfs', policies: [EIGHT], loops: ALL },
  { name: 'overlay', root: 'overlay', policies: [EIGHT], loops: ALL.slice(0, 3) },
  { name: 'addresses', root: 'tmpfs', policies: [WITH_ADDRESSES], loops: [CONNECT] },
  { name: 'no rules', root: 'tmpfs', policies: [], loops: [OPEN_7] },
  { name: 'no container', root: 'tmpfs', loops: [OPEN_7] },
  ...[10, 100, 1000, 10_000].map((count): Scene => ({
    name: `${count} rules`,
    root: 'tmpfs',
    policies: [manyRules(count)],
    loops: [OPEN_7],
  })),
];
