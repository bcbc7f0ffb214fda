import { expect, test } from '@jest/globals';
import { kernelPackages } from '../../../support/vm/kernel.ts';

const LISTED = [
  'linux-image-6.1.0-9-amd64',
  'linux-image-6.1.0-47-amd64',
  'linux-image-6.1.0-50-cloud-amd64',
  'linux-image-6.1.0-50-rt-amd64',
  'linux-image-6.1.0-48-amd64-unsigned',
  'linux-image-6.1.0-48-amd64-dbg',
  'linux-image-6.10.4-amd64',
  'linux-image-6.12.9+bpo-amd64',
  'linux-image-6.12.100+deb12-amd64',
  'linux-image-6.12.100+deb12-rt-amd64',
  'linux-image-6.12.117+deb12-cloud-amd64',
  'linux-image-amd64',
];

test('the newest kernel of a series comes first, by number and not by letter', () => {
  expect(kernelPackages('6.1', LISTED)).toEqual(['linux-image-6.1.0-47-amd64', 'linux-image-6.1.0-9-amd64']);
  expect(kernelPackages('6.12', LISTED)).toEqual(['linux-image-6.12.100+deb12-amd64', 'linux-image-6.12.9+bpo-amd64']);
});

test('a PREEMPT_RT kernel is chosen only by name', () => {
  expect(kernelPackages('6.1-rt', LISTED)).toEqual(['linux-image-6.1.0-50-rt-amd64']);
  expect(kernelPackages('6.12-rt', LISTED)).toEqual(['linux-image-6.12.100+deb12-rt-amd64']);
});
