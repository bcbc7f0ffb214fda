/** The enforcer against this machine's own kernel maps: what happens when they are full, and what a swap leaves behind. */
import { expect, test } from '@jest/globals';
import { compile, DEFAULT_POSTURES, LAYOUT, MAX_CONTAINERS, MAX_NODES } from '@parapet/policy';
import type { Table } from '@parapet/policy';
import type { Granted, InForce } from '../../agent/src/ports.ts';
import type { KernelMap } from '../../agent/src/adapters/kernel/map.ts';
import type { NativeEnforcer } from '../support/native-enforcer.ts';
import { withNativeEnforcer } from '../support/with-native-enforcer.ts';
import { fileRule, policyOf } from '../unit/policy/builders.ts';

/** Milliseconds: filling a map of a million entries takes a while where others work too. */
const LIMIT = 60_000;

let native: NativeEnforcer;

withNativeEnforcer((opened) => (native = opened));

function tableOf(...paths: readonly string[]): Table {
  return compile([policyOf(...paths.map((path) => fileRule(path)))], DEFAULT_POSTURES).table!;
}

/** Puts entries that no table uses into the map until there is room for `left` more. */
function fill(map: KernelMap, at: { most: number; left: number; keySize: number; valueSize: number }): void {
  const used = [...map.entries()].length;
  const count = at.most - used - at.left;
  const keys = Buffer.alloc(count * at.keySize);
  for (let entry = 0; entry < count; entry += 1) keys.writeUInt32LE(0xff00_0000 + (entry >> 8), entry * at.keySize);
  for (let entry = 0; entry < count; entry += 1) keys.writeUInt32LE(entry, entry * at.keySize + 4);
  map.setAll(keys, Buffer.alloc(count * at.valueSize));
}

const nodes = { most: MAX_NODES, keySize: LAYOUT.node_key.size, valueSize: LAYOUT.node.size };

function forceOf(granted: Granted | undefined): InForce {
  if (granted === undefined || 'error' in granted) throw new Error('refused', { cause: granted?.error });
  return granted.inForce;
}

test(
  'a table that finds no room is refused by itself: the old one stays, and the others go on',
  async () => {
    const { enforcer, maps } = native;
    const small = tableOf('/a');
    await enforcer.enforceAll([11n, 12n].map((cgroup) => ({ cgroup, table: small })));
    fill(maps.nodes, { ...nodes, left: 4 });
    const before = native.wordOf(11n);
    const large = tableOf('/b', '/c', '/d', '/e', '/f', '/g');
    const other = tableOf('/b', '/c');
    const [refused, granted, fresh] = await enforcer.enforceAll([
      { cgroup: 11n, table: large },
      { cgroup: 12n, table: other },
      { cgroup: 13n, table: large },
    ]);
    expect(refused).toMatchObject({ error: { message: "writing to the kernel's map nodes: it is full" } });
    expect(native.wordOf(11n)).toBe(before);
    expect(native.wordOf(12n)).toBe((BigInt(forceOf(granted).generation) << 32n) | BigInt(tableSlot(native, 12n)));
    expect(fresh).toHaveProperty('error');
    expect(native.wordOf(13n)).toBeUndefined();
    // What was refused left nothing behind: there is still room for what fits.
    const [again] = await enforcer.enforceAll([{ cgroup: 13n, table: tableOf('/b', '/x') }]);
    expect(forceOf(again).tableHash).toMatch(/^[0-9a-f]{64}$/);
  },
  LIMIT,
);

test(
  'a cgroup that finds no room is refused by itself, and is known once there is room',
  async () => {
    const { enforcer, maps } = native;
    const table = tableOf('/a');
    fill(maps.cgroups, { most: MAX_CONTAINERS, left: 1, keySize: 8, valueSize: 4 });
    const wishes = [21n, 22n].map((cgroup) => ({ cgroup, table }));
    const [granted, refused] = await enforcer.enforceAll(wishes);
    expect(forceOf(granted).container).toBe(1);
    expect(refused).toMatchObject({ error: { message: "writing to the kernel's map cgroups: it is full" } });
    await enforcer.release(21n);
    const [second, first] = await enforcer.enforceAll(wishes.toReversed());
    expect(first).toHaveProperty('error');
    expect(native.wordOf(22n)).toBe((BigInt(forceOf(second).generation) << 32n) | BigInt(tableSlot(native, 22n)));
  },
  LIMIT,
);

test(
  'many swaps at once leave no more in the maps than the last one',
  async () => {
    const { enforcer, maps } = native;
    const cgroups = [1n, 2n, 3n, 4n, 5n];
    const change = (version: number) => cgroups.map((cgroup) => ({ cgroup, table: tableOf(`/srv/${version}`, `/opt/${cgroup % 2n}`) }));
    await Promise.all([...Array<number>(30).keys()].map((version) => enforcer.enforceAll(change(version))));
    expect([...maps.nodes.entries()]).toHaveLength(2 * 4);
    expect(maps.nodes.isEmpty()).toBe(false);
    await enforcer.release(...cgroups);
    expect(maps.nodes.isEmpty()).toBe(true);
    expect([[...maps.nodes.entries()], [...maps.cgroups.entries()]]).toEqual([[], []]);
  },
  LIMIT,
);

function tableSlot(of: NativeEnforcer, cgroup: bigint): number {
  return Number((of.wordOf(cgroup) ?? 0n) & 0xffff_ffffn);
}
