/** Each of the enforcer's maps full, in this machine's own kernel: what finds no room is refused by name, and nothing else changes. As root. */
import { afterEach, expect, test } from '@jest/globals';
import { compile, DEFAULT_POSTURES, encodeTable, MAX_PATTERN_CHUNKS, MAX_TABLES } from '@parapet/policy';
import type { Access, Rule, Table } from '@parapet/policy';
import type { Granted, Wish } from '../../agent/src/ports.ts';
import type { MapName } from '../../agent/src/adapters/kernel/programs.ts';
import { openNativeEnforcer } from '../support/native-enforcer.ts';
import type { NativeEnforcer } from '../support/native-enforcer.ts';
import { capabilityRule, endpointRule, fileRule, pathRule, patternRule, policyOf, syscallRule } from '../unit/policy/builders.ts';

const LIMIT = 120_000;
const ROOM = 12;
/** A pattern with all of them takes more than one chunk. */
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

let native: NativeEnforcer;

afterEach(async () => {
  await native.enforcer.close({ keep: true });
  native.close();
});

function tableOf(...rules: readonly Rule[]): Table {
  return compile([policyOf(...rules)], DEFAULT_POSTURES).table!;
}

function wishOf(cgroup: bigint, rules: readonly Rule[]): Wish {
  const paths = rules.flatMap((rule) => ('match' in rule && rule.match.type === 'path' ? [rule.match.path] : []));
  const files = new Map(paths.map((path, i) => [path, { device: 7, inode: BigInt(i + 1), links: 1 }]));
  return { cgroup, table: tableOf(...rules), files };
}

function entriesIn(name: MapName): number {
  return [...native.maps[name].entries()].length;
}

function isGranted(granted: Granted | undefined): boolean {
  return granted !== undefined && !('error' in granted);
}

const from = (i: number): readonly string[] => [`/bin/${i}`];

/** A rule each of which needs an entry of its own in the map. */
const RULES: Partial<Readonly<Record<MapName, (i: number) => Rule>>> = {
  nodes: (i) => fileRule(`/n${i}`),
  node_sources: (i) => fileRule(`/s${i}`, { from: from(i) }),
  source_flat: (i) => capabilityRule('net_raw', { from: from(i) }),
  argument_rules: (i) => pathRule(`/p${i}`, { allowedArgs: ['-a'] }),
  inodes: (i) => fileRule(`/f${i}`),
  endpoints: (i) => endpointRule(`10.0.${i}.0/24`),
  syscall_sets: (i) => syscallRule(['mount'], { from: from(i) }),
};

const rulesOf = (name: MapName, first: number, count: number): Rule[] => Array.from({ length: count }, (_, i) => RULES[name]!(first + i));

test.each(Object.keys(RULES) as MapName[])(
  'a table for which the map %s has no room is refused by name; the last one stays, others go on, and nothing of it is left',
  async (name) => {
    native = openNativeEnforcer({ [name]: ROOM });
    const { enforcer } = native;
    const [first, other] = [wishOf(11n, rulesOf(name, 0, 2)), wishOf(12n, rulesOf(name, 4, 2))];
    expect((await enforcer.enforceAll([first])).every(isGranted)).toBe(true);
    const before = native.wordOf(11n);
    const large = rulesOf(name, 0, ROOM + 1);
    const [refused, granted] = await enforcer.enforceAll([wishOf(11n, large), other]);
    expect(refused).toMatchObject({ error: { message: `writing to the kernel's map ${name}: it is full`, retry: false } });
    expect({ word: native.wordOf(11n), granted: isGranted(granted) }).toEqual({ word: before, granted: true });
    const used = entriesIn(name);
    expect(used).toBeLessThan(ROOM);
    // what one needs, the other may have once it is released
    await enforcer.release(11n);
    const [again] = await enforcer.enforceAll([wishOf(13n, rulesOf(name, 20, 2))]);
    expect({ again: isGranted(again), used: entriesIn(name) }).toEqual({ again: true, used });
    await enforcer.release(12n, 13n);
    expect(native.maps[name].isEmpty()).toBe(true);
  },
  LIMIT,
);

test(
  'the last good table goes on judging while others are refused for want of room',
  async () => {
    native = openNativeEnforcer();
    const read: Access = { type: 'path', operation: 'read', path: '/secret', owner: true, source: '/bin/sh' };
    const patterns = (version: number): Rule[] => [patternRule(`/v${version}/${LETTERS}${LETTERS}*`)];
    const size = encodeTable(tableOf(...patterns(0)), 0).patternCount;
    expect(size).toBeGreaterThan(1);
    const fitting = Math.floor((MAX_PATTERN_CHUNKS - 1) / size);
    await native.enforcer.enforce(1n, tableOf(fileRule('/secret'), ...patterns(0)));
    const others = Array.from({ length: fitting - 1 }, (_, i) => ({ cgroup: BigInt(i + 2), table: tableOf(...patterns(i + 1)) }));
    expect((await native.enforcer.enforceAll(others)).every(isGranted)).toBe(true);
    const [refused] = await native.enforcer.enforceAll([{ cgroup: 1n, table: tableOf(...patterns(fitting)) }]);
    expect(refused).toMatchObject({ error: { message: `the kernel has no room for ${size} more chunks of patterns` } });
    expect(native.judge(1n, [read, { ...read, path: '/other' }])).toEqual(['block', 'none']);
    await native.enforcer.release(2n);
    const [granted] = await native.enforcer.enforceAll([{ cgroup: 1n, table: tableOf(...patterns(fitting)) }]);
    expect(isGranted(granted)).toBe(true);
    expect(native.judge(1n, [read])).toEqual(['none']);
  },
  LIMIT,
);

test(
  'as many different tables as there is room for are in force together; one more is refused, and fits when one is gone',
  async () => {
    native = openNativeEnforcer();
    const { enforcer } = native;
    const wish = (number: number): Wish => ({ cgroup: BigInt(number), table: tableOf(fileRule(`/t${number}`)) });
    const read = (number: number): Access => ({ type: 'path', operation: 'read', path: `/t${number}`, owner: true, source: '/bin/sh' });
    const granted = await enforcer.enforceAll(Array.from({ length: MAX_TABLES - 1 }, (_, i) => wish(i + 1)));
    expect(granted.every(isGranted)).toBe(true);
    const [refused, same] = await enforcer.enforceAll([wish(MAX_TABLES), { ...wish(1), cgroup: 5000n }]);
    expect(refused).toMatchObject({ error: { message: `the kernel holds ${MAX_TABLES - 1} different tables already` } });
    expect(isGranted(same)).toBe(true);
    expect(native.judge(4095n, [read(4095), read(4094)])).toEqual(['block', 'none']);
    await enforcer.release(2n);
    const [again] = await enforcer.enforceAll([wish(MAX_TABLES)]);
    expect(isGranted(again)).toBe(true);
    expect(native.judge(BigInt(MAX_TABLES), [read(MAX_TABLES)])).toEqual(['block']);
  },
  LIMIT,
);
