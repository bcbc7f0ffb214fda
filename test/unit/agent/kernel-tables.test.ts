import { beforeEach, describe, expect, test } from '@jest/globals';
import { compile, DEFAULT_POSTURES, encodeTable, LAYOUT } from '@parapet/policy';
import type { Rule, Table } from '@parapet/policy';
import { word } from '../../../agent/src/adapters/kernel/map.ts';
import { TableStore } from '../../../agent/src/adapters/kernel/tables.ts';
import type { TableMaps } from '../../../agent/src/adapters/kernel/tables.ts';
import { MemoryMap } from '../../support/memory-map.ts';
import {
  capabilityRule,
  dnsRule,
  endpointRule,
  fileRule,
  nameRule,
  networkRule,
  pathRule,
  patternRule,
  policyOf,
  syscallPathRule,
  syscallRule,
} from '../policy/builders.ts';

const { node_key, node, source_key, words, flat_rules, argument_rules, endpoint_key, endpoint, syscall_set, table } = LAYOUT;
let maps: Record<keyof TableMaps, MemoryMap> & TableMaps;
let store: TableStore;

beforeEach(() => {
  maps = {
    nodes: new MemoryMap(node_key.size, node.size),
    node_sources: new MemoryMap(source_key.size, words.size),
    source_flat: new MemoryMap(source_key.size, flat_rules.size),
    argument_rules: new MemoryMap(source_key.size, argument_rules.size),
    endpoints: new MemoryMap(endpoint_key.size, endpoint.size),
    patterns: new MemoryMap(4, 4096),
    syscall_sets: new MemoryMap(source_key.size, syscall_set.size),
    tables: new MemoryMap(4, table.size),
  };
  store = new TableStore(maps, []);
});

function tableOf(...rules: readonly Rule[]): Table {
  return compile([policyOf(...rules)], DEFAULT_POSTURES).table!;
}

const A = tableOf(fileRule('/a/b'), fileRule('/a/c', { from: ['/bin/sh'] }), networkRule('tcp', { from: ['/bin/sh'] }));
const B = tableOf(fileRule('/a/b'), capabilityRule('net_raw'));

function sizes(): number[] {
  return [maps.nodes, maps.node_sources, maps.source_flat].map(({ content }) => content.size);
}

describe('tables', () => {
  test('equal ones are stored once, and stay until the last user is gone', () => {
    const first = store.acquire(A);
    const filled = sizes();
    expect(filled).toEqual([5, 1, 1]);
    expect(store.acquire(A)).toEqual(first);
    expect(sizes()).toEqual(filled);
    store.release(first);
    expect(sizes()).toEqual(filled);
    store.release(first);
    expect(sizes()).toEqual([0, 0, 0]);
  });

  test('different ones share no node', () => {
    const first = store.acquire(A);
    const second = store.acquire(B);
    expect(second.nodeBase).toBeGreaterThan(first.nodeBase);
    expect(second.slot).not.toBe(first.slot);
    store.release(first);
    expect(maps.nodes.content.size).toBe(2);
  });

  test('one that does not fit leaves nothing behind, and the others as they were', () => {
    store.acquire(B);
    maps.nodes.room = 4;
    expect(() => store.acquire(A)).toThrow('full');
    expect(sizes()).toEqual([2, 0, 0]);
    maps.nodes.room = 1000;
    store.acquire(A);
    expect(sizes()).toEqual([7, 1, 1]);
  });
});

describe('blocks of addresses', () => {
  const C = tableOf(endpointRule('10.0.0.0/8'), endpointRule('10.1.0.0/16', { ports: [{ first: 80, last: 80 }] }));

  test('are stored with their table and go with it', () => {
    const stored = store.acquire(C);
    expect(maps.endpoints.content.size).toBe(2);
    store.release(stored);
    expect(maps.endpoints.content.size).toBe(0);
  });

  test('are purged by the root of their table, which the key does not begin with', () => {
    const kept = store.acquire(C);
    store.acquire(tableOf(endpointRule('192.0.2.0/24')));
    const next = new TableStore(maps, [kept.slot]);
    next.purge();
    expect(maps.endpoints.content.size).toBe(2);
    next.releaseInherited(kept.slot);
    next.purge();
    expect(maps.endpoints.content.size).toBe(0);
  });

  test('tables that differ in nothing but ports are different tables', () => {
    const hashes = [80, 81].map((first) => TableStore.hashOf(tableOf(endpointRule('10.0.0.0/8', { ports: [{ first, last: 90 }] }))));
    expect(new Set(hashes).size).toBe(2);
  });
});

describe('lists of arguments', () => {
  const L = tableOf(pathRule('/a', { allowedArgs: ['-x', '-y'] }), nameRule('b', { allowedArgs: [''] }));

  test('are stored with their table and go with it', () => {
    const stored = store.acquire(L);
    expect([maps.argument_rules.content.size, maps.nodes.content.size]).toEqual([2, 4]);
    store.release(stored);
    expect([maps.argument_rules.content.size, maps.nodes.content.size]).toEqual([0, 0]);
  });

  test('of an earlier agent’s table that is in use are kept, and their ids are not given again', () => {
    const kept = store.acquire(L);
    const next = new TableStore(maps, [kept.slot]);
    expect(next.acquire(A).nodeBase).toBeGreaterThanOrEqual(kept.nodeBase + 8);
    next.purge();
    expect([maps.argument_rules.content.size, maps.nodes.content.size]).toEqual([2, 4 + sizeOf(A)]);
    next.releaseInherited(kept.slot);
    next.purge();
    expect([maps.argument_rules.content.size, maps.nodes.content.size]).toEqual([0, sizeOf(A)]);
  });

  test('tables that differ in nothing but an argument are different tables', () => {
    const hashes = ['-x', '-y', ''].map((argument) => TableStore.hashOf(tableOf(pathRule('/a', { allowedArgs: [argument] }))));
    expect(new Set(hashes).size).toBe(3);
  });
});

function sizeOf(held: Table): number {
  return encodeTable(held, 0).nodeCount;
}

describe('patterns', () => {
  const P = tableOf(patternRule('/a/*'), nameRule('sh'));
  const Q = tableOf(patternRule('/{a,b}/**/[a-z]*'));
  const runOf = (slot: number): [first: number, count: number] => {
    const view = new DataView(maps.tables.get(word(slot))!.buffer);
    return [view.getUint32(table.pattern_chunk, true), view.getUint16(table.pattern_chunks, true)];
  };

  test('each table has chunks of its own, and none has chunk 0', () => {
    const [first, second] = [store.acquire(P), store.acquire(Q)];
    expect([runOf(first.slot), runOf(second.slot)]).toEqual([
      [1, 1],
      [2, 1],
    ]);
    expect(maps.patterns.content.size).toBe(2);
  });

  test('a table without patterns has none', () => {
    expect(runOf(store.acquire(A).slot)).toEqual([0, 0]);
    expect(maps.patterns.content.size).toBe(0);
  });

  test('chunks that are free again are given again when the others run out', () => {
    for (const map of Object.values(maps)) map.room = 1e6;
    const released = store.acquire(P);
    const kept = store.acquire(Q);
    store.release(released);
    const firsts = new Set<number>();
    const many = Array.from({ length: 4093 }, (_, i) => store.acquire(tableOf(patternRule(`/x${i}/*`))));
    for (const { slot } of many) firsts.add(runOf(slot)[0]);
    expect(firsts.size).toBe(4093);
    expect(firsts.has(runOf(kept.slot)[0])).toBe(false);
  }, 60_000);

  test('the chunks of an earlier agent’s table are spared until it is out of use', () => {
    const before = store.acquire(P);
    const next = new TableStore(maps, [before.slot]);
    expect(runOf(next.acquire(Q).slot)).toEqual([2, 1]);
    next.releaseInherited(before.slot);
    next.purge();
    expect(sizes()[0]).toBe(0);
  });
});

describe('what holds for tasks with a terminal', () => {
  const T = tableOf(fileRule('/a/b', { noTerminal: true }), patternRule('/a/*'));
  const fieldOf = (slot: number, offset: number): number => new DataView(maps.tables.get(word(slot))!.buffer).getUint32(offset, true);

  test('is a second table, with nodes of its own and the same automaton', () => {
    const stored = store.acquire(T);
    const second = fieldOf(stored.slot, table.terminal);
    expect(second).not.toBe(0);
    expect(fieldOf(second, table.terminal)).toBe(0);
    expect(fieldOf(second, table.pattern_chunk)).toBe(fieldOf(stored.slot, table.pattern_chunk));
    expect(fieldOf(second, table.top + node.id)).toBeGreaterThan(stored.nodeBase + 2);
    expect(sizes()).toEqual([4, 0, 0]);
    store.release(stored);
    expect(sizes()).toEqual([0, 0, 0]);
  });

  test('is kept with an earlier agent’s table, and goes with it', () => {
    const before = store.acquire(T);
    const second = fieldOf(before.slot, table.terminal);
    const next = new TableStore(maps, [before.slot]);
    expect([before.slot, second]).not.toContain(next.acquire(A).slot);
    next.purge();
    expect(sizes()[0]).toBe(4 + 5);
    next.releaseInherited(before.slot);
    next.purge();
    expect(sizes()[0]).toBe(5);
  });
});

describe('after a restart', () => {
  test('purging keeps the names of an earlier table that is still in use', () => {
    const kept = store.acquire(tableOf(dnsRule('example.com')));
    const next = new TableStore(maps, [kept.slot]);
    next.purge();
    expect(maps.nodes.content.size).toBe(2);
    next.releaseInherited(kept.slot);
    next.purge();
    expect(maps.nodes.content.size).toBe(0);
  });

  test('ids and slots of the earlier agent are not given again', () => {
    const before = store.acquire(A);
    const next = new TableStore(maps, [before.slot]).acquire(B);
    expect(next.slot).not.toBe(before.slot);
    expect(next.nodeBase).toBeGreaterThanOrEqual(before.nodeBase + 5);
  });

  test('purging keeps what an earlier table still in use needs, and deletes the rest', () => {
    const kept = store.acquire(A);
    store.acquire(B);
    const next = new TableStore(maps, [kept.slot]);
    const own = next.acquire(tableOf(fileRule('/x')));
    next.purge();
    expect(sizes()).toEqual([6, 1, 1]);
    next.releaseInherited(kept.slot);
    next.purge();
    expect(sizes()).toEqual([1, 0, 0]);
    next.release(own);
    expect(sizes()).toEqual([0, 0, 0]);
  });
});

test('system calls are looked at as they are made only for rules about any path; those about one are gone with their table', () => {
  const onPath = store.acquire(tableOf(syscallPathRule('/etc/', ['unlink'])));
  expect(store.auditsSyscalls()).toBe(false);
  const whole = store.acquire(tableOf(syscallRule(['unlink'])));
  expect(store.auditsSyscalls()).toBe(true);
  store.release(onPath, whole);
  expect(maps.syscall_sets.content.size).toBe(0);
  expect(maps.nodes.content.size).toBe(0);
});
