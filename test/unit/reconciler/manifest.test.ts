import { expect, test } from '@jest/globals';
import { ANNOTATION } from '@parapet/policy';
import type { PolicyRef } from '@parapet/policy';
import fc from 'fast-check';
import { parse, parseDocument } from 'yaml';
import { digestOf, fileNameOf, fingerprint, render, stamp } from '../../../reconciler/src/manifest.ts';
import { hash, manifest } from './builders.ts';

const from = { repository: 'https://git.test/p.git', commit: hash('a') };
const annotated = (annotations: unknown): Record<string, unknown> => ({
  ...manifest('web'),
  metadata: { name: 'web', namespace: 'shop', annotations },
});
const annotationsOf = (value: Record<string, unknown>): unknown => (value['metadata'] as Record<string, unknown>)['annotations'];

test('a stamp says where the manifest is from, whatever it said itself, and keeps what else it says', () => {
  const stamped = stamp(annotated({ owner: 'me', [ANNOTATION.commit]: 'forged', [ANNOTATION.source]: 'main.ts:3' }), from);
  expect(annotationsOf(stamped)).toEqual({
    owner: 'me',
    [ANNOTATION.repository]: from.repository,
    [ANNOTATION.commit]: from.commit,
    [ANNOTATION.source]: 'main.ts:3',
  });
  expect(stamped['spec']).toEqual(manifest('web')['spec']);
});

test('a stamp does not change the manifest that it is given', () => {
  const given = annotated({ owner: 'me' });
  const copy = structuredClone(given);
  stamp(given, from);
  expect(given).toEqual(copy);
});

test('what is rendered reads the same in both versions of YAML, odd strings included', () => {
  const odd = {
    on: 'no',
    n: '012',
    y: '1e3',
    date: '2026-01-01',
    nothing: '~',
    lines: 'a\nb\n',
    text: '# :{}[]&*!|>%@`"\'',
    nul: 'a\u0000b',
  };
  for (const version of ['1.1', '1.2'] as const) expect(parseDocument(render(odd), { version }).toJS()).toEqual(odd);
});

test('any JSON value survives rendering', () => {
  // what JSON itself can't tell apart (`-0`) doesn't count, and `__proto__` is refused by the reader on purpose
  const json = fc.json().filter((text) => !text.includes('__proto__'));
  fc.assert(
    fc.property(json, (text) => {
      const value = JSON.parse(JSON.stringify(JSON.parse(text))) as unknown;
      expect(parse(render({ value }))).toEqual({ value });
    }),
  );
});

test.each([
  [{ kind: 'KubeArmorPolicy', namespace: 'shop', name: 'no-shell' }, 'shop.no-shell.yaml'],
  [{ kind: 'KubeArmorClusterPolicy', namespace: '', name: 'edge' }, '_cluster.edge.yaml'],
  [{ kind: 'KubeArmorHostPolicy', namespace: '', name: 'edge' }, '_host.edge.yaml'],
] as const)('the file of %j is %s', (ref, file) => expect(fileNameOf(ref)).toBe(file));

test('different policies have different files, and every file name is safe', () => {
  const kind = fc.constantFrom('KubeArmorPolicy', 'KubeArmorClusterPolicy', 'KubeArmorHostPolicy');
  const part = fc.oneof(
    fc.stringMatching(/^[a-z0-9.-]{1,8}$/),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('a.b', 'a', 'b', 'host', '_host', '../..', ''),
  );
  const ref: fc.Arbitrary<PolicyRef> = fc.record({ kind, namespace: part, name: part });
  fc.assert(
    fc.property(ref, ref, (a, b) => {
      const namespace = a.kind === 'KubeArmorPolicy' ? a.namespace : '';
      const same = a.kind === b.kind && a.name === b.name && namespace === (b.kind === 'KubeArmorPolicy' ? b.namespace : '');
      const first = { ...a, namespace };
      const second = { ...b, namespace: b.kind === 'KubeArmorPolicy' ? b.namespace : '' };
      expect(fileNameOf(first) === fileNameOf(second)).toBe(same);
      expect(fileNameOf(first)).toMatch(/^[a-z0-9_-][a-z0-9._-]{0,160}\.yaml$/);
    }),
    { numRuns: 1000 },
  );
});

test('a fingerprint changes with what a policy says, and not with where it was written or how it was ordered', () => {
  const said = fingerprint(annotated({ owner: 'me' }));
  expect(fingerprint(stamp(annotated({ owner: 'me' }), from))).toBe(said);
  expect(fingerprint(annotated({ [ANNOTATION.source]: 'main.ts:9', owner: 'me' }))).toBe(said);
  expect(fingerprint(Object.fromEntries(Object.entries(annotated({ owner: 'me' })).reverse()))).toBe(said);
  expect(fingerprint(annotated({ owner: 'you' }))).not.toBe(said);
  expect(fingerprint({ ...annotated({ owner: 'me' }), spec: { action: 'Audit' } })).not.toBe(said);
});

test('a digest covers names and contents, whatever their order', () => {
  const [a, b] = [
    { file: 'a.yaml', content: 'x' },
    { file: 'b.yaml', content: 'y' },
  ];
  expect(digestOf([a, b])).toBe(digestOf([b, a]));
  expect(digestOf([a, b])).toMatch(/^[0-9a-f]{64}$/);
  const others = [
    [a],
    [],
    [a, { ...b, content: 'z' }],
    [a, { ...b, file: 'c.yaml' }],
    [
      { file: 'a.yaml', content: 'y' },
      { file: 'b.yaml', content: 'x' },
    ],
  ];
  expect(new Set([digestOf([a, b]), ...others.map(digestOf)]).size).toBe(others.length + 1);
});
