/**
 * No memory for entries of the enforcer's maps, for real: these maps are charged to a memory cgroup that has none left, and the kernel answers
 * ENOMEM. As root.
 */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { compile, DEFAULT_POSTURES } from '@parapet/policy';
import type { Access, Table } from '@parapet/policy';
import { MemoryCgroup } from '../support/memory-cgroup.ts';
import { openNativeEnforcer } from '../support/native-enforcer.ts';
import type { NativeEnforcer } from '../support/native-enforcer.ts';
import { fileRule, policyOf } from '../unit/policy/builders.ts';

const LARGE = 30_000;
const FEW_BYTES = 65_536;

let cgroup: MemoryCgroup;
let native: NativeEnforcer;

beforeEach(() => {
  cgroup = new MemoryCgroup();
  native = cgroup.within(() => openNativeEnforcer());
});

afterEach(async () => {
  cgroup.lift();
  await native.enforcer.close({ keep: true });
  native.close();
  cgroup.close();
});

const read = (path: string): Access => ({ type: 'path', operation: 'read', path, owner: true, source: '/bin/sh' });

function tableOf(...paths: readonly string[]): Table {
  return compile([{ ...policyOf(), rules: paths.map((path) => fileRule(path)) }], DEFAULT_POSTURES).table!;
}

test('a table for which there is no memory is refused and may be tried again; the last one stays, and nothing of the new one is left', async () => {
  const { enforcer, maps } = native;
  await enforcer.enforce(1n, tableOf('/etc/secret'));
  const before = { word: native.wordOf(1n), nodes: [...maps.nodes.entries()].length };
  const large = tableOf(...Array.from({ length: LARGE }, (_, i) => `/srv/${i >> 8}/${i}`));
  cgroup.leave(FEW_BYTES);
  const [refused] = await enforcer.enforceAll([{ cgroup: 1n, table: large }]);
  expect(refused).toMatchObject({ error: { message: "writing to the kernel's map nodes: ENOMEM", retry: true } });
  expect({ word: native.wordOf(1n), nodes: [...maps.nodes.entries()].length }).toEqual(before);
  expect(native.judge(1n, [read('/etc/secret'), read('/srv/0/1')])).toEqual(['block', 'none']);
  cgroup.lift();
  const [granted] = await enforcer.enforceAll([{ cgroup: 1n, table: large }]);
  expect(granted).toHaveProperty('inForce');
  expect(native.judge(1n, [read('/etc/secret'), read('/srv/0/1')])).toEqual(['none', 'block']);
  await enforcer.release(1n);
  expect(maps.nodes.isEmpty()).toBe(true);
}, 120_000);
