import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readInventory } from '../../../reconciler/src/inventory.ts';
import { entry, hash, inventory } from './builders.ts';

test('an inventory that was written is read as it was', () => {
  const written = inventory(hash('a'), [entry('web'), entry('edge', { kind: 'KubeArmorHostPolicy', namespace: '' })]);
  expect(readInventory(JSON.parse(JSON.stringify(written)))).toEqual(written);
});

const whole = JSON.parse(JSON.stringify(inventory(hash('a')))) as Record<string, unknown>;

test.each([
  ['another kind', { kind: 'Secret' }],
  ['another version', { apiVersion: 'parapet.dev/v2' }],
  ['no commit', { commit: undefined }],
  ['a number for a digest', { digest: 4 }],
  ['an object for policies', { policies: {} }],
  ['a policy of another kind', { policies: [{ ...entry('web'), kind: 'Pod' }] }],
  ['a policy without a fingerprint', { policies: [{ ...entry('web'), fingerprint: undefined }] }],
  ['rules that are no number', { policies: [{ ...entry('web'), rules: '1' }] }],
  ['null among the policies', { policies: [entry('web'), null] }],
])('%s is no inventory', (_name, change) => {
  expect(readInventory({ ...whole, ...change })).toBeUndefined();
});

test('no value makes the reader throw', () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true }), (value) => {
      expect(readInventory(value)).toBeUndefined();
    }),
  );
});

test('an inventory with one part replaced by anything is read as it is or not at all', () => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(whole)), fc.jsonValue(), (field, value) => {
      const changed = { ...whole, [field]: value };
      const read = readInventory(changed);
      expect(read === undefined || read === (changed as unknown)).toBe(true);
    }),
    { numRuns: 500 },
  );
});
