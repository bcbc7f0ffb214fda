/** What an enforcer keeps of containers that are gone, on this machine's own kernel maps. */
import { expect, test } from '@jest/globals';
import { compile, DEFAULT_POSTURES, LAYOUT } from '@parapet/policy';
import { Leftovers } from '../../agent/src/adapters/kernel/leftovers.ts';
import { word } from '../../agent/src/adapters/kernel/map.ts';
import type { NativeEnforcer } from '../support/native-enforcer.ts';
import { withNativeEnforcer } from '../support/with-native-enforcer.ts';
import { fileRule, policyOf } from '../unit/policy/builders.ts';

let native: NativeEnforcer;

withNativeEnforcer((opened) => (native = opened));

const { table } = compile([policyOf(fileRule('/secret'))], DEFAULT_POSTURES);
const CGROUP = 31n;

/** As the kernel's programs do it for a process. */
function label(pid: number, container: number): void {
  const value = new Uint8Array(LAYOUT.label.size);
  new DataView(value.buffer).setUint32(LAYOUT.label.container, container, true);
  native.maps.labelled.set(word(container), word(1));
  native.maps.labels.set(word(pid), value);
}

const rulesOf = (container: number) => native.maps.containers.get(word(container))?.some((byte) => byte !== 0);

test('the rules of a container that is gone go with its last process', async () => {
  const { enforcer, maps } = native;
  const { container } = await enforcer.enforce(CGROUP, table);
  label(4001, container);
  label(4002, container);
  await enforcer.release(CGROUP);
  expect(rulesOf(container)).toBe(true);
  maps.labels.delete(word(4001));
  await enforcer.release(99n);
  expect(rulesOf(container)).toBe(true);
  maps.labels.delete(word(4002));
  await enforcer.release(99n);
  expect(rulesOf(container)).toBe(false);
});

test('a process that forks and ends while labels are looked for, so that it is never seen, keeps its rules', async () => {
  const { maps } = native;
  const entry = { index: 7, generation: 1, table: undefined, inherited: 0 };
  const leftovers = new Leftovers(maps, [entry]);
  let pid = 5000;
  // between two looks the child is there and its parent gone, and at each look neither
  const forks = (): Promise<void> => {
    label(pid, entry.index);
    maps.labels.delete(word(pid));
    pid += 1;
    return Promise.resolve();
  };
  expect(await leftovers.takeGone(forks)).toEqual([]);
  expect([...leftovers]).toEqual([entry]);
  expect(await leftovers.takeGone(() => Promise.resolve())).toEqual([entry]);
  expect([...leftovers]).toEqual([]);
});
