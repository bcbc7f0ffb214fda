import { expect, test } from '@jest/globals';
import { Origins } from '../../../agent/src/origins.ts';
import { containerOf, execRecord, manifest, policyOf, tableOf } from '../../support/agent-fakes.ts';

const table = tableOf(policyOf(manifest('a')));
const origin = { container: containerOf(1), table, nodeBase: 0 };
const inForce = (generation: number) => ({ container: 1, generation, tableHash: 'x', nodeBase: 0 });
const record = (generation: number) => execRecord({ table, path: '/bin/sh', container: 1, generation });

test('a record finds the table of its generation, also when that was replaced', () => {
  const origins = new Origins();
  const newer = { ...origin, nodeBase: 9 };
  origins.set(inForce(1), origin);
  origins.set(inForce(2), newer);
  expect(origins.take([record(1), record(2)], 0).map((told) => told.origin)).toEqual([origin, newer]);
});

test('a record that comes before its table waits for it', () => {
  const origins = new Origins();
  expect(origins.take([record(1)], 0)).toEqual([]);
  expect(origins.waiting).toBe(true);
  origins.set(inForce(1), origin);
  expect(origins.take([], 10).map((told) => told.origin)).toEqual([origin]);
  expect(origins.waiting).toBe(false);
});

test('a record whose table never comes is told without it after a while', () => {
  const origins = new Origins();
  origins.take([record(1)], 0);
  expect(origins.take([], 1999)).toEqual([]);
  expect(origins.take([], 2001)).toEqual([{ record: expect.anything() as object, origin: undefined }]);
});

test('only the last generations of a container are remembered', () => {
  const origins = new Origins();
  for (let generation = 1; generation <= 20; generation += 1) origins.set(inForce(generation), origin);
  expect(origins.take([record(20), record(13)], 0).map((told) => told.origin)).toEqual([origin, origin]);
  expect(origins.take([record(12)], 0)).toEqual([]);
});
