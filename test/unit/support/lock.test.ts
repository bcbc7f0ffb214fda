import { expect, test } from '@jest/globals';
import { completeLock, platformOf } from '../../support/lock.mjs';

test('a platform is read off the name of a package', () => {
  expect(platformOf('@x/binding-linux-x64-musl')).toEqual({ os: ['linux'], cpu: ['x64'], libc: ['musl'] });
  expect(platformOf('@x/binding-win32-arm64-msvc')).toEqual({ os: ['win32'], cpu: ['arm64'] });
  expect(platformOf('fsevents')).toBeUndefined();
});

test('optional packages of other platforms that the registry lacks get their entries, and others stay as they are', () => {
  const present = { version: '1.0.0', optional: true };
  const lock = {
    packages: {
      'node_modules/native': {
        version: '1.0.0',
        dev: true,
        optionalDependencies: { '@n/linux-x64-gnu': '1.0.0', '@n/darwin-arm64': '1.0.0', '@n/wasm': '1.0.0', '@n/aix-ppc64': '^1.0.0' },
      },
      'node_modules/@n/linux-x64-gnu': present,
    },
  };
  expect(completeLock(lock)).toEqual(['@n/darwin-arm64']);
  expect(lock.packages).toMatchObject({
    'node_modules/@n/darwin-arm64': { version: '1.0.0', cpu: ['arm64'], os: ['darwin'], dev: true, optional: true },
    'node_modules/@n/linux-x64-gnu': present,
  });
  expect(completeLock(lock)).toEqual([]);
});
