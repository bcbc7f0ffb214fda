import { beforeEach, expect, test } from '@jest/globals';
import { LAYOUT } from '@parapet/policy';
import { lift, translate } from '../../../agent/src/adapters/kernel/earlier.ts';
import { longWord, word } from '../../../agent/src/adapters/kernel/map.ts';
import { MemoryMap } from '../../support/memory-map.ts';

const OURS = new Map([
  [100n, 7],
  [300n, 9],
]);
const indexOf = (cgroup: bigint): number | undefined => OURS.get(cgroup);
let maps: Record<'cgroups' | 'containers' | 'hold_settings', MemoryMap>;

beforeEach(() => {
  maps = {
    cgroups: new MemoryMap(8, 4),
    containers: new MemoryMap(4, LAYOUT.container.size),
    hold_settings: new MemoryMap(4, LAYOUT.hold_settings.size),
  };
  maps.hold_settings.set(word(0), new Uint8Array(LAYOUT.hold_settings.size).fill(1));
});

/** A container of the earlier agent, whose cgroup may be gone. */
function container(index: number, { table, cgroup }: { table: number; cgroup?: bigint }): void {
  maps.containers.set(word(index), Buffer.concat([word(table), word(1000 + index)]));
  if (cgroup !== undefined) maps.cgroups.set(longWord(cgroup), word(index));
}

const wordOf = (index: number): number[] => [...new Uint32Array(Uint8Array.from(maps.containers.get(word(index))!).buffer)];

test('containers are the same where their cgroups are, whatever their numbers', () => {
  container(1, { table: 5, cgroup: 100n });
  container(2, { table: 0, cgroup: 300n });
  expect([...translate(maps, indexOf)]).toEqual(expect.arrayContaining([[1, 7], [2, 9]])); // prettier-ignore
});

test('one with rules that nobody knows here is none of ours, with a cgroup and without', () => {
  container(1, { table: 5, cgroup: 200n });
  container(2, { table: 5 });
  expect([...translate(maps, indexOf)].sort()).toEqual([[1, 0], [2, 0]]); // prettier-ignore
});

test('one without rules that nobody knows here, and the node, do not matter', () => {
  container(0, { table: 5 });
  container(1, { table: 0, cgroup: 200n });
  container(2, { table: 0 });
  expect([...translate(maps, indexOf)]).toEqual([]);
});

test('what is in force here is lifted there, the node included, and generations stay', () => {
  container(0, { table: 3 });
  container(1, { table: 5, cgroup: 100n });
  lift(maps, translate(maps, indexOf));
  expect([wordOf(0), wordOf(1)]).toEqual([
    [0, 1000],
    [0, 1001],
  ]);
});

test('rules of a container that is none of ours stay, and holding ends there in any case', () => {
  container(1, { table: 5, cgroup: 200n });
  lift(maps, translate(maps, indexOf));
  expect(wordOf(1)).toEqual([5, 1001]);
  expect([...maps.hold_settings.get(word(0))!]).toEqual(new Array(LAYOUT.hold_settings.size).fill(0));
});
