import { expect, test } from '@jest/globals';
import { kernelDevice } from '../../../agent/src/adapters/kernel/programs.ts';

test('a device number of stat is the kernel’s: twelve bits of major, twenty of minor', () => {
  expect(kernelDevice(27)).toBe(27);
  expect(kernelDevice((8 << 8) | 1)).toBe((8 << 20) | 1); // /dev/sda1
  expect(kernelDevice(0x100 * 0x1000 + 0x05)).toBe(0x105); // the 261st file system without a device
});
