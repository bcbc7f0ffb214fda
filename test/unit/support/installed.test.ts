import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { difference } from '../../support/installed.mjs';
import type { Installed } from '../../support/installed.mjs';
import { completeLock } from '../../support/lock.mjs';

const wanted: Installed = {
  packages: {
    '': {},
    policy: { version: '0.1.0' },
    'node_modules/@parapet/policy': { link: true },
    'node_modules/native-darwin': { version: '1.0.0', optional: true },
    'node_modules/a': { version: '1.0.0' },
  },
};

test('what is installed in the versions of the lock file differs in nothing', () => {
  expect(difference(wanted, { packages: { 'node_modules/a': { version: '1.0.0' } } })).toBeUndefined();
});

test('a package that is missing or of another version is named', () => {
  expect(difference(wanted, { packages: {} })).toBe('node_modules/a is not installed');
  expect(difference(wanted, { packages: { 'node_modules/a': { version: '2.0.0' } } })).toBe('node_modules/a is 2.0.0, not 1.0.0');
});

test('the lock file of this tree is complete, so that npm ci takes it', () => {
  const lock = readFileSync(join(resolve(import.meta.dirname, '../../..'), 'package-lock.json'), 'utf8');
  expect(completeLock(JSON.parse(lock) as Parameters<typeof completeLock>[0])).toEqual([]);
});
