import { beforeEach, describe, expect, test } from '@jest/globals';
import { compile, DEFAULT_POSTURES, LAYOUT } from '@parapet/policy';
import type { Rule, Table } from '@parapet/policy';
import { TableStore } from '../../../agent/src/adapters/kernel/tables.ts';
import type { TableMaps } from '../../../agent/src/adapters/kernel/tables.ts';
import { MemoryMap } from '../../support/memory-map.ts';
import { capabilityRule, dnsRule, endpointRule, fileRule, networkRule, policyOf } from '../policy/builders.ts';

const { node_key, node, source_key, words, flat_rules, endpoint_key, endpoint, table } = LAYOUT;
let maps: { nodes: MemoryMap; node_sources: MemoryMap; source_flat: MemoryMap; endpoints: MemoryMap; tables: MemoryMap } & TableMaps;
let store: TableStore;

beforeEach(() => {
  maps = {
    nodes: new MemoryMap(node_key.size, node.size),
    node_sources: new MemoryMap(source_key.size, words.size),
    source_flat: new MemoryMap(source_key.size, flat_rules.size),
    endpoints: new MemoryMap(endpoint_key.size, endpoint.size),
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
