/**
 * What one ABI may count on in the maps of any other (bpf/abi.h, at `struct label`). The numbers stand here once more, by themselves: whoever
 * changes one of them breaks the take-over from agents that are out there.
 */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { HOLD_MODE, LAYOUT } from '@parapet/policy';

const OBJECT = path.join(import.meta.dirname, '../../bpf/build/beside.bpf.o');
const HASH = 1;
const ARRAY = 2;

interface BtfType {
  readonly id: number;
  readonly kind: string;
  readonly name: string;
  readonly size?: number;
  readonly type_id?: number;
  readonly nr_elems?: number;
  readonly vars?: readonly { readonly type_id: number }[];
  readonly members?: readonly { readonly name: string; readonly type_id: number }[];
}

/** Type, flags, and sizes of keys and values of every map of an object: its definition is a struct of pointers. */
function mapsOf(object: string): ReadonlyMap<string, Readonly<Record<string, number>>> {
  const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  const json = execFileSync('bpftool', ['btf', 'dump', 'file', object, 'format', 'raw', '-j'], { env: { PATH }, encoding: 'utf8' });
  const types = new Map((JSON.parse(json) as { types: BtfType[] }).types.map((type) => [type.id, type]));
  const at = (id: number | undefined): BtfType => types.get(id ?? 0)!;
  const sizeOf = (type: BtfType): number => (type.kind === 'TYPEDEF' ? sizeOf(at(type.type_id)) : (type.size ?? 0));
  const maps = [...types.values()].find(({ kind, name }) => kind === 'DATASEC' && name === '.maps')?.vars ?? [];
  return new Map(
    maps.map(({ type_id }) => {
      const variable = at(type_id);
      const facts = (at(variable.type_id).members ?? []).map(({ name, type_id: pointer }): [string, number] => {
        const target = at(at(pointer).type_id);
        return [name, target.kind === 'ARRAY' ? (target.nr_elems ?? 0) : sizeOf(target)];
      });
      return [variable.name, Object.fromEntries(facts)];
    }),
  );
}

test('a label tells when its process began and its container at the places where it always did', () => {
  expect(LAYOUT.label).toMatchObject({ size: 40, start_time: 0, container: 8 });
  expect(LAYOUT.container).toMatchObject({ size: 8, table: 0 });
});

test('the maps by which another ABI takes over are of the promised kinds and sizes', () => {
  const maps = mapsOf(OBJECT);
  expect(maps.get('labels')).toMatchObject({ type: HASH, key: 4, value: 40 });
  expect(maps.get('labels')).not.toHaveProperty('map_flags');
  expect(maps.get('cgroups')).toMatchObject({ type: HASH, key: 8, value: 4 });
  expect(maps.get('containers')).toMatchObject({ type: ARRAY, key: 4, value: 8 });
  expect(maps.get('hold_settings')).toMatchObject({ type: ARRAY, key: 4, value: 16 });
  expect(maps.get('held')).toMatchObject({ type: HASH, key: 4, value: 16 });
});

test('nothing but zeros in the settings for unknown containers means that they are let through', () => {
  expect(HOLD_MODE.allow).toBe(0);
});
