import { expect, test } from '@jest/globals';
import type { Rule } from '@parapet/policy';
import { errorsOf, parsed, problemsOf } from './manifests.ts';

function rulesOf(spec: object): readonly Rule[] {
  return parsed({ spec }).rules;
}

test('a pattern has the flags and the manner of its section, and no source', () => {
  const spec = { file: { action: 'Audit', matchPatterns: [{ pattern: '/etc/*.conf', readOnly: true, ownerOnly: true, severity: 3 }] } };
  expect(rulesOf(spec)).toMatchObject([
    {
      field: 'spec.file.matchPatterns[0]',
      match: { type: 'pattern', pattern: '/etc/*.conf' },
      action: 'Audit',
      severity: 3,
      from: [],
      readOnly: true,
      ownerOnly: true,
    },
  ]);
  expect(rulesOf({ process: { matchPatterns: [{ pattern: '/opt/**' }] } })).toMatchObject([{ section: 'process', ownerOnly: false }]);
});

test('a pattern without wildcards is a path', () => {
  expect(rulesOf({ process: { matchPatterns: [{ pattern: '/bin/\\[' }] } })).toMatchObject([{ match: { type: 'path', path: '/bin/[' } }]);
});

test.each([
  [{ pattern: 'etc/*' }, 'invalid-pattern'],
  [{ pattern: '/etc/[' }, 'invalid-pattern'],
  [{ pattern: '/' }, 'invalid-pattern'],
  [{ pattern: `/${'x'.repeat(256)}` }, 'invalid-pattern'],
  [{ pattern: `/**a${'?'.repeat(30)}` }, 'pattern-too-complex'],
  [{ pattern: 7 }, 'wrong-type'],
  [{}, 'missing-field'],
  [{ pattern: '/a/*', fromSource: [{ path: '/bin/sh' }] }, 'unknown-field'],
])('the pattern %j is refused as %s', (rule, code) => {
  expect(errorsOf({ spec: { file: { matchPatterns: [rule] } } })).toMatchObject([{ code, place: { object: 'KubeArmorPolicy default/p' } }]);
});

test('an execname is a name without a directory', () => {
  expect(rulesOf({ process: { matchPaths: [{ execname: 'nc', fromSource: [{ path: '/bin/sh' }] }] } })).toMatchObject([
    { match: { type: 'name', name: 'nc' }, from: ['/bin/sh'] },
  ]);
});

test.each([
  [{ execname: '/bin/nc' }, 'invalid-path'],
  [{ execname: '' }, 'invalid-path'],
  [{ execname: '..' }, 'invalid-path'],
  [{ execname: 'x'.repeat(256) }, 'invalid-path'],
  [{ execname: 'a\0' }, 'invalid-path'],
  [{ execname: 'nc', path: '/bin/nc' }, 'invalid-value'],
  [{ execname: 1 }, 'wrong-type'],
  [{}, 'missing-field'],
])('%j is refused as %s', (rule, code) => {
  expect(errorsOf({ spec: { process: { matchPaths: [rule] } } })).toMatchObject([{ code }]);
});

test('files have no execname', () => {
  expect(errorsOf({ spec: { file: { matchPaths: [{ path: '/a', execname: 'b' }] } } })).toMatchObject([{ code: 'unknown-field' }]);
});

test('a path that looks like a pattern is told where patterns go', () => {
  expect(problemsOf({ spec: { file: { matchPaths: [{ path: '/a/*' }] } } })).toMatchObject([
    { code: 'pattern-in-path', severity: 'warning', hint: 'write it under matchPatterns' },
  ]);
});

test.each([
  { capabilities: { matchCapabilities: [{ capability: 'net_raw', fromSource: [{ path: '/bin/*' }] }] } },
  { capabilities: { matchCapabilities: [{ capability: 'net_raw', fromSource: [{ dir: '/opt/*/' }] }] } },
  { syscalls: { matchPaths: [{ path: '/a/*', syscall: ['open'] }] } },
])('where there are no patterns none is suggested: %j', (spec) => {
  expect(problemsOf({ spec })).toMatchObject([
    { code: 'pattern-in-path', hint: expect.stringMatching(/^no patterns here: name each path/) },
  ]);
});

test('sources are executables or directories of them, each once', () => {
  const fromSource = [{ path: '/bin/sh' }, { dir: '/opt/' }, { dir: '/opt/', recursive: true }, { path: '/bin/sh' }, { dir: '/opt/' }];
  expect(rulesOf({ capabilities: { matchCapabilities: [{ capability: 'net_raw', fromSource }] } })).toMatchObject([
    { from: ['/bin/sh', { dir: '/opt/', recursive: false }, { dir: '/opt/', recursive: true }] },
  ]);
});

test.each([
  [{ dir: '/opt' }, 'invalid-path', 'dir'],
  [{ dir: 'opt/' }, 'invalid-path', 'dir'],
  [{ path: '/bin/' }, 'invalid-path', 'path'],
  [{ dir: '/opt/', path: '/bin/sh' }, 'unknown-field', 'path'],
  [{ path: '/bin/sh', recursive: true }, 'unknown-field', 'recursive'],
  [{}, 'missing-field', 'path'],
])('the source %j is refused as %s', (source, code, field) => {
  const place = { field: `spec.file.matchPaths[0].fromSource[0].${field}` };
  expect(errorsOf({ spec: { file: { matchPaths: [{ path: '/a', fromSource: [source] }] } } })).toMatchObject([{ code, place }]);
});

test('pts: false is for tasks without a terminal, pts: true for everybody', () => {
  const noTerminal = (pts: unknown): unknown[] => rulesOf({ file: { matchPaths: [{ path: '/a', pts }] } }).map((rule) => rule.noTerminal);
  expect([noTerminal(false), noTerminal(true)]).toEqual([[true], [undefined]]);
  expect(rulesOf({ network: { matchProtocols: [{ protocol: 'tcp', pts: false }] } })).toMatchObject([{ noTerminal: true }]);
  expect(errorsOf({ spec: { process: { matchDirectories: [{ dir: '/a/', pts: 'no' }] } } })).toMatchObject([{ code: 'wrong-type' }]);
  expect(errorsOf({ spec: { file: { matchPatterns: [{ pattern: '/a/*', pts: false }] } } })).toMatchObject([{ code: 'unknown-field' }]);
});
