import { beforeEach, expect, test } from '@jest/globals';
import { compile, DEFAULT_POSTURES, encodeTable, FILE_MORE_RULES, LAYOUT } from '@parapet/policy';
import type { Rule, Table } from '@parapet/policy';
import { InodeStore } from '../../../agent/src/adapters/kernel/inodes.ts';
import { MemoryMap } from '../../support/memory-map.ts';
import { fileRule, pathRule, policyOf } from '../policy/builders.ts';

const { inode_key, node } = LAYOUT;
let map: MemoryMap;
let store: InodeStore;

beforeEach(() => {
  map = new MemoryMap(inode_key.size, node.size);
  store = new InodeStore(map);
});

function tableOf(...rules: readonly Rule[]): Table {
  return compile([policyOf(...rules)], DEFAULT_POSTURES).table!;
}

function wish(table: Table, generation: number): Parameters<InodeStore['store']>[0] {
  const base = 100;
  const stored = {
    slot: 3,
    hash: '',
    nodeBase: base,
    terminalSlot: 4,
    terminalBase: base + encodeTable(table, 0).ownIdCount,
    auditsSyscalls: false,
  };
  const files = new Map([
    ['/etc/secret', { device: 7, inode: 11n, links: 1 }],
    ['/nowhere', { device: 7, inode: 12n, links: 1 }],
    ['/elsewhere', { device: 7, inode: 13n, links: 1 }],
  ]);
  return { table, stored, generation, files };
}

/** Keys as `inode device table generation`, with the ids of their nodes. */
function content(): string[] {
  const at = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset);
  return [...map.entries()].map(({ key, value }) => {
    const view = at(key);
    const numbers = [inode_key.device, inode_key.table, inode_key.generation].map((offset) => view.getUint32(offset, true));
    return `${view.getBigUint64(inode_key.inode, true)} ${numbers.join(' ')}: ${at(value).getUint32(node.id, true)}`;
  });
}

test('a file is stored with the node of the rule that names it, for its container’s generation', () => {
  store.store(wish(tableOf(fileRule('/etc/secret'), fileRule('/other')), 9));
  expect(content()).toEqual(['11 7 3 9: 103']);
});

test('what holds for tasks with a terminal has files of its own', () => {
  store.store(wish(tableOf(fileRule('/etc/secret', { noTerminal: true })), 9));
  expect(content()).toEqual(['11 7 3 9: 103', '11 7 4 9: 106']);
});

test('a file that rules name by several paths has all of their nodes, each but the last telling of one more', () => {
  const one = wish(tableOf(fileRule('/a'), fileRule('/b'), fileRule('/c')), 9);
  const id = { device: 7, inode: 11n, links: 3 };
  const files = new Map(['/b', '/a', '/c'].map((path) => [path, path === '/c' ? { ...id, inode: 12n } : id]));
  store.store({ ...one, files });
  const numbers = [...map.entries()].map(({ key, value }) => {
    const at = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset);
    return [
      at(key).getBigUint64(inode_key.inode, true),
      at(key).getUint32(inode_key.number, true),
      at(value).getUint32(node.lengths, true),
    ];
  });
  expect(numbers).toEqual([
    [11n, 0, FILE_MORE_RULES],
    [11n, 1, 0],
    [12n, 0, 0],
  ]);
  expect(new Set([...map.entries()].map(({ value }) => new DataView(value.buffer, value.byteOffset).getUint32(node.id, true))).size).toBe(
    3,
  );
  store.remove(9);
  expect(content()).toEqual([]);
});

test('verdicts are those of the whole path, and sources that have more to say are told', () => {
  store.store(wish(tableOf(pathRule('/etc/secret', { from: ['/bin/sh'] }), fileRule('/etc/secret')), 9));
  const [{ value } = { value: new Uint8Array() }] = [...map.entries()];
  const view = new DataView(value.buffer, value.byteOffset);
  expect(view.getBigUint64(node.source_mask, true)).toBe(2n);
  expect(view.getUint16(node.words, true)).toBe(0x0ff0);
});

test('an old generation’s files go, and those of an earlier agent when nobody needs them', () => {
  const table = tableOf(fileRule('/etc/secret'));
  for (const generation of [1, 2, 3]) store.store(wish(table, generation));
  store.remove(1);
  store.remove(1);
  new InodeStore(map).purge(new Set([3]));
  expect(content()).toEqual(['11 7 3 3: 103']);
});

test('without room nothing is stored', () => {
  map.room = 0;
  expect(() => store.store(wish(tableOf(fileRule('/etc/secret')), 1))).toThrow('full');
  expect(content()).toEqual([]);
});

test('a program with more than eight names is marked', () => {
  const marked = [8, 9].map((links) => {
    const one = wish(tableOf(pathRule('/etc/secret')), links);
    store.store({ ...one, files: new Map([['/etc/secret', { device: 7, inode: 11n, links }]]) });
    return [...map.entries()].at(-1)?.value[node.lengths];
  });
  expect(marked).toEqual([0, 1]);
});
