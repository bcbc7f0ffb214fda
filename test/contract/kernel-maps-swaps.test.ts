/** Swaps in this machine's own kernel maps, large and many, while the matcher judges. As root. */
import { expect, test } from '@jest/globals';
import { compile, DEFAULT_POSTURES } from '@parapet/policy';
import type { Access, Rule, Table, VERDICT } from '@parapet/policy';
import type { Wish } from '../../agent/src/ports.ts';
import type { MapName } from '../../agent/src/adapters/kernel/programs.ts';
import type { NativeEnforcer } from '../support/native-enforcer.ts';
import { withNativeEnforcer } from '../support/with-native-enforcer.ts';
import { fileRule, pathRule, patternRule, policyOf } from '../unit/policy/builders.ts';

const LIMIT = 240_000;
const LARGE = 100_000;
const TABLE_MAPS: readonly MapName[] = [
  'nodes',
  'node_sources',
  'source_flat',
  'argument_rules',
  'endpoints',
  'syscall_sets',
  'inodes',
  'cgroups',
];

let native: NativeEnforcer;

withNativeEnforcer((opened) => (native = opened));

function tableOf(...rules: readonly Rule[]): Table {
  return compile([policyOf(...rules)], { ...DEFAULT_POSTURES, file: 'block' }).table!;
}

const access = (more: Partial<Extract<Access, { type: 'path' }>>): Access => ({
  type: 'path',
  operation: 'read',
  path: '/',
  owner: true,
  source: '/bin/sh',
  ...more,
});

const filled = (): MapName[] => TABLE_MAPS.filter((name) => !native.maps[name].isEmpty());

test(
  'a hundred thousand rules are in force as a few are, and leave nothing behind when a few take their place',
  async () => {
    const place = (i: number): string => `/srv/data/${i >> 8}/file${i}`;
    const rules = Array.from({ length: LARGE }, (_, i) => fileRule(place(i), { action: i % 2 === 0 ? 'Block' : 'Audit' }));
    const { table: many } = compile([{ ...policyOf(), rules }], DEFAULT_POSTURES);
    await native.enforcer.enforce(1n, many);
    const some = [0, 1, 255, 256, 4095, 4096, 50_000, 65_535, 65_536, LARGE - 1];
    const said = native.judge(1n, [...some.map((i) => access({ path: place(i) })), access({ path: place(LARGE) })]);
    expect(said).toEqual([...some.map((i) => (i % 2 === 0 ? 'block' : 'audit')), 'none']);
    expect([...native.maps.nodes.entries()].length).toBeGreaterThan(LARGE);
    await native.enforcer.enforce(1n, tableOf(fileRule('/etc/secret')));
    expect([...native.maps.nodes.entries()].length).toBe(2);
    expect(native.judge(1n, [access({ path: place(0) }), access({ path: '/etc/secret' })])).toEqual(['none', 'block']);
    await native.enforcer.release(1n);
    expect(filled()).toEqual([]);
  },
  LIMIT,
);

/** What each container has in versions 0, 2, 4, … and in 1, 3, 5, …: rules, and what they say of the access. */
const CONTAINERS: readonly {
  readonly access: Access;
  readonly rules: readonly [readonly Rule[], readonly Rule[]];
  readonly expected: readonly [keyof typeof VERDICT, keyof typeof VERDICT];
}[] = [
  {
    // refused by a path, then by a pattern
    access: access({ path: '/srv/a/file' }),
    rules: [[fileRule('/srv/a/file')], [patternRule('/srv/*/f*')]],
    expected: ['block', 'block'],
  },
  {
    // allowed by an allow-list, whatever it is made of
    access: access({ path: '/opt/x' }),
    rules: [[fileRule('/opt/**', { action: 'Allow' })], [fileRule('/opt/x', { action: 'Allow', from: ['/bin/sh'] }), fileRule('/tmp/')]],
    expected: ['allow', 'allow'],
  },
  {
    access: access({ path: '/var/log/x' }),
    rules: [[fileRule('/var/log/x', { from: ['/bin/sh'] })], [fileRule('/var/**', { action: 'Audit' })]],
    expected: ['block', 'audit'],
  },
  {
    access: access({ operation: 'exec', path: '/bin/tool', arguments: ['-a'] }),
    rules: [[pathRule('/bin/tool', { allowedArgs: ['-a'] })], [pathRule('/bin/tool', { allowedArgs: ['-b'] })]],
    expected: ['allow', 'block'],
  },
];

test(
  'a policy that is changed a thousand times never gives a mixed verdict, nor one of an older version in a container that is turned earlier',
  async () => {
    const changes = 1000;
    const versionOf = (version: number): Wish[] =>
      CONTAINERS.map(({ rules }, i) => ({
        cgroup: BigInt(i + 1),
        table: tableOf(...rules[version % 2]!, fileRule(`/versions/${version}`)),
      }));
    CONTAINERS.forEach(({ access: one, expected }, i) => native.prepareWatch(i + 1, one, expected));
    const [first] = await native.enforcer.enforceAll(versionOf(0));
    const base = first !== undefined && 'inForce' in first ? first.inForce.generation : NaN;
    const seen = { changes: 0, wrong: 0, disorder: 0 };
    let running = true;
    const watching = (async () => {
      while (running) {
        const { wrong, disorder, ...more } = await native.watch(CONTAINERS.length, base, 100);
        seen.changes += more.changes;
        seen.wrong += wrong;
        seen.disorder += disorder;
      }
    })();
    for (let version = 1; version <= changes; version += 1) {
      const granted = await native.enforcer.enforceAll(versionOf(version));
      if (granted.some((one) => 'error' in one)) throw new Error(`version ${version} is refused`);
    }
    running = false;
    await watching;
    expect({ ...seen, changes: seen.changes > changes / 10 }).toEqual({ changes: true, wrong: 0, disorder: 0 });
    const judged = CONTAINERS.map(({ access: one }, i) => native.judge(BigInt(i + 1), [one])[0]);
    expect(judged).toEqual(CONTAINERS.map(({ expected }) => expected[changes % 2]));
    await native.enforcer.release(...CONTAINERS.map((_, i) => BigInt(i + 1)));
    expect(filled()).toEqual([]);
  },
  LIMIT,
);
