import { expect, test } from '@jest/globals';
import { errorsOf, parsed, problemsOf } from './manifests.ts';

test('each switch of the hardening is a rule with the policy’s severity and an action of its own', () => {
  const { rules } = parsed({
    spec: { severity: 7, action: 'Allow', tags: ['t'], hardening: { ptrace: 'Block', ioUring: 'Audit', mounts: 'Allow' } },
  });
  expect(rules).toEqual([
    {
      section: 'hardening',
      field: 'spec.hardening.ptrace',
      switch: 'ptrace',
      action: 'Block',
      severity: 7,
      tags: ['t'],
      message: '',
      from: [],
    },
    {
      section: 'hardening',
      field: 'spec.hardening.mounts',
      switch: 'mounts',
      action: 'Allow',
      severity: 7,
      tags: ['t'],
      message: '',
      from: [],
    },
    {
      section: 'hardening',
      field: 'spec.hardening.ioUring',
      switch: 'ioUring',
      action: 'Audit',
      severity: 7,
      tags: ['t'],
      message: '',
      from: [],
    },
  ]);
});

test('hardening is for nodes and for clusters too', () => {
  const host = { nodeSelector: { matchLabels: { zone: 'a' } }, hardening: { modules: 'Block' } };
  expect(parsed({ kind: 'KubeArmorHostPolicy', spec: host }).rules).toMatchObject([{ switch: 'modules' }]);
  expect(parsed({ kind: 'KubeArmorClusterPolicy', spec: { hardening: { bpf: 'Audit' } } }).rules).toMatchObject([{ switch: 'bpf' }]);
});

test('a switch that is misspelt or set to nonsense is told with what was meant', () => {
  expect(errorsOf({ spec: { hardening: { ptrac: 'Block' } } })).toMatchObject([{ code: 'unknown-field', hint: 'did you mean ptrace?' }]);
  expect(errorsOf({ spec: { hardening: { bpf: 'block' } } })).toMatchObject([{ code: 'invalid-value', hint: 'did you mean Block?' }]);
  expect(errorsOf({ spec: { hardening: { bpf: true } } })).toMatchObject([{ code: 'wrong-type' }]);
  expect(errorsOf({ spec: { hardening: 'Block' } })).toMatchObject([{ code: 'wrong-type' }]);
});

test('a preset blocks unless it audits; the policy’s own action does not count', () => {
  const presets = [{ name: 'filelessExec' }, { name: 'protectEnv', action: 'Audit' }, { name: 'exec', action: 'Block' }];
  expect(parsed({ spec: { action: 'Audit', presets } }).rules.map((rule) => [rule.field, rule.section, rule.action])).toEqual([
    ['spec.presets[0]', 'presets', 'Block'],
    ['spec.presets[1]', 'presets', 'Audit'],
    ['spec.presets[2]', 'presets', 'Block'],
  ]);
});

test('a preset that allows blocks, with a warning', () => {
  const spec = { presets: [{ name: 'protectProc', action: 'Allow' }] };
  expect(problemsOf({ spec })).toMatchObject([{ code: 'preset-allow', severity: 'warning', place: { field: 'spec.presets[0].action' } }]);
  expect(parsed({ spec }).rules).toMatchObject([{ action: 'Block' }]);
});

test('unknown presets are all told at once, each with a suggestion', () => {
  const spec = { presets: [{ name: 'filelessExce' }, { name: 'nothing-like-it' }, {}, { name: 'exec', acton: 'Block' }, 7] };
  expect(errorsOf({ spec })).toMatchObject([
    { code: 'invalid-value', hint: 'did you mean filelessExec?' },
    { code: 'invalid-value', hint: 'known: filelessExec, anonymousMapExec, protectEnv, exec, protectProc' },
    { code: 'missing-field', place: { field: 'spec.presets[2].name' } },
    { code: 'unknown-field', hint: 'did you mean action?' },
    { code: 'wrong-type', place: { field: 'spec.presets[4]' } },
  ]);
});
