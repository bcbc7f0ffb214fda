/** The schema of PolicySource and its reader: what one takes the other knows. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Problem } from '@parapet/policy';
import { readSourceObject } from '../../reconciler/src/source-object.ts';
import { faultsOf, objectsOf, pruned, schemaOf, spoilt, validatorOf } from '../support/crd.ts';
import type { Samples } from '../support/crd.ts';
import { sourceObject } from '../unit/reconciler/source-objects.ts';

const validate = validatorOf('PolicySource');
const schema = schemaOf('PolicySource');
const specSchema = schema.properties?.['spec'] ?? {};

const SAMPLES: Samples = {
  url: ['https://git.test/shop/policies.git', 'git@git.test:shop/policies', '/srv/policies'],
  apiUrl: ['https://api.test'],
  targetUrl: ['https://ci.test/x'],
  path: ['.', 'clusters/a'],
  interval: ['1m', '500ms', '1h30m'],
  retryInterval: ['30s'],
  timeout: ['5m'],
  semver: ['1.x', '>=1.2.0 <2'],
  repository: ['shop/policies'],
  namespaces: ['shop', 'web'],
};
const specs = objectsOf(specSchema, SAMPLES);

function errorsOf(value: unknown): readonly Problem[] {
  return readSourceObject(value).problems.filter(({ severity }) => severity === 'error');
}

function faults(value: unknown): string[] {
  const isWhole = JSON.stringify(pruned(schema, value)) === JSON.stringify(value);
  return [...faultsOf(validate, value), ...(isWhole ? [] : ['something of it is pruned'])];
}

test('the reader knows the fields of the schema, and no others', () => {
  const { problems } = readSourceObject(sourceObject({ spec: { zzzzzzzz: 1 } }));
  const hint = problems.find(({ code }) => code === 'unknown-field')?.hint ?? '';
  expect(hint.replace('known here: ', '').split(', ').sort()).toEqual(Object.keys(specSchema.properties ?? {}).sort());
});

test('what the reader takes, the schema takes whole', () => {
  let taken = 0;
  fc.assert(
    fc.property(fc.oneof(specs, spoilt(specs)), (spec) => {
      const value = sourceObject({ spec });
      if (errorsOf(value).length > 0) return;
      taken += 1;
      expect(faults(value)).toEqual([]);
    }),
    { numRuns: 1000 },
  );
  expect(taken).toBeGreaterThan(100);
});

test('what the schema takes whole has nothing of the wrong type and no unknown field for the reader', () => {
  let taken = 0;
  fc.assert(
    fc.property(fc.oneof(specs, spoilt(specs)), (spec) => {
      const value = sourceObject({ spec });
      if (faults(value).length > 0) return;
      taken += 1;
      // Which field is for which mode is a rule in CEL, which only a server evaluates.
      const drifted = errorsOf(value).filter(
        ({ code, place }) => code === 'wrong-type' || (code === 'unknown-field' && !/^spec\.delivery\./.test(place.field ?? '')),
      );
      expect(drifted).toEqual([]);
    }),
    { numRuns: 1000 },
  );
  expect(taken).toBeGreaterThan(100);
});
