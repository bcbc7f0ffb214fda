import { expect, test } from '@jest/globals';
import { modeOf } from '../../../agent/src/annotations.ts';

test('a container without annotation is under its policies', () => {
  expect(modeOf({ other: 'disabled' })).toEqual({ mode: 'enabled' });
});

test.each(['enabled', 'audited', 'disabled'] as const)('%s is taken from KubeArmor’s annotation, else from ours', (mode) => {
  expect(modeOf({ 'kubearmor-policy': ` ${mode.toUpperCase()} ` })).toEqual({ mode });
  expect(modeOf({ 'parapet.dev/policy': mode })).toEqual({ mode });
  expect(modeOf({ 'kubearmor-policy': mode, 'parapet.dev/policy': 'disabled' })).toEqual({ mode });
});

test.each(['off', '', 'constructor', `x\n${'y'.repeat(200)}`])('%j is none of them: enabled, with a warning on one line', (text) => {
  const { mode, warning } = modeOf({ 'kubearmor-policy': text });
  expect(mode).toBe('enabled');
  expect(warning).toMatch(/^kubearmor-policy is ".{0,90}", which is none of enabled, audited, disabled: taken as enabled$/);
});
