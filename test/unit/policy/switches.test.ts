import { expect, test } from '@jest/globals';
import { HARDENING_NAMES, PRESET_NAMES, SWITCH, switchOf } from '@parapet/policy';

test('every switch has a number of its own, and is found by it', () => {
  const names = [...HARDENING_NAMES, ...PRESET_NAMES];
  expect(Object.keys(SWITCH)).toEqual(names);
  expect(names.map((name) => switchOf(SWITCH[name]))).toEqual(names);
  expect(switchOf(15)).toBeUndefined();
});
