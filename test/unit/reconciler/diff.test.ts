import { expect, test } from '@jest/globals';
import { ANNOTATION } from '@parapet/policy';
import fc from 'fast-check';
import type { Change, PlannedPolicy } from '../../../reconciler/src/delivery.ts';
import { diffOf, diffText, prunePreview, pruneText } from '../../../reconciler/src/diff.ts';
import type { Compared } from '../../../reconciler/src/diff.ts';
import { MARK } from '../../../reconciler/src/marks.ts';
import { manifest, problem } from './builders.ts';

type Json = Record<string, unknown>;

/** A manifest with what servers and we ourselves write. */
const stored = (value: Json, source = 'shop.ts:12', labels: Json = {}): Json => ({
  ...value,
  metadata: {
    ...(value['metadata'] as Json),
    uid: '1',
    resourceVersion: '77',
    managedFields: [{}],
    labels: { 'parapet.dev/source-name': 'shop', 'parapet.dev/source-namespace': 'parapet-system', ...labels },
    annotations: {
      ...Object.fromEntries([...Object.values(ANNOTATION), ...Object.values(MARK)].map((key) => [key, source])),
      'parapet.dev/construct': `shop/${source}`,
    },
  },
  status: { nodes: { total: 3 } },
});

function planned(name: string, change: Change, rest: Partial<PlannedPolicy> & { readonly manifest?: Json } = {}): PlannedPolicy {
  const ref = { kind: 'KubeArmorPolicy', namespace: 'shop', name } as const;
  const { manifest: made, ...more } = rest;
  const desired = made === undefined ? {} : { desired: { ...ref, manifest: made, fingerprint: '', rules: 1 } };
  return { ...ref, change, problems: [], ...desired, ...more };
}

const added: Compared = { policy: planned('new', 'added', { manifest: stored(manifest('new')) }) };
const changed: Compared = {
  policy: planned('web', 'changed', { manifest: stored(manifest('web', 'Block'), 'shop.ts:20', { tier: 'front' }) }),
  live: stored(manifest('web', 'Audit')),
};
const removed: Compared = { policy: planned('gone', 'removed'), live: stored(manifest('gone'), 'shop.ts:3') };
const left: Compared = {
  policy: planned('stays', 'left', { problems: [problem('more than 50 % would be removed')] }),
  live: stored(manifest('stays')),
};

test('each change is shown with where it was written, the fields that differ, what is removed and left, and the numbers', () => {
  expect(diffText(diffOf([changed, added, left, removed]))).toBe(
    `- KubeArmorPolicy shop/gone (shop.ts:3)
@@ -1,8 +0,0 @@
-spec:
-  action: Block
-  process:
-    matchPaths:
-      - path: /usr/bin/apt
-  selector:
-    matchLabels:
-      app: gone

+ KubeArmorPolicy shop/new (shop.ts:12)
@@ -0,0 +1,8 @@
+spec:
+  action: Block
+  process:
+    matchPaths:
+      - path: /usr/bin/apt
+  selector:
+    matchLabels:
+      app: new

= KubeArmorPolicy shop/stays (shop.ts:12): left: more than 50 % would be removed

~ KubeArmorPolicy shop/web (shop.ts:20)
@@ -1,5 +1,7 @@
+labels:
+  tier: front
 spec:
-  action: Audit
+  action: Block
   process:
     matchPaths:
       - path: /usr/bin/apt

would remove 1 policy:
  KubeArmorPolicy shop/gone
would leave 1 policy that no commit wants any more:
  KubeArmorPolicy shop/stays: more than 50 % would be removed

1 added, 1 changed, 1 removed, 1 left
`,
  );
});

test('without a change there is nothing but the numbers', () => {
  expect(diffText(diffOf([{ policy: planned('web', 'unchanged') }]))).toBe('0 added, 0 changed, 0 removed\n');
});

test('another order of keys, and what others than the author write, is no difference', () => {
  const live = stored(manifest('web'), 'old.ts:1');
  const turned = { ...live, spec: Object.fromEntries(Object.entries(live['spec'] as Json).reverse()) };
  const [policy] = diffOf([
    { policy: planned('web', 'changed', { manifest: stored(manifest('web')), drifted: true }), live: turned },
  ]).policies;
  expect(policy).toMatchObject({ lines: [], why: 'somebody else changed it' });
});

test('policies that are kept or refused say why', () => {
  const problems = [problem('not a\npath'), problem('second')];
  const diff = diffOf([
    { policy: planned('old', 'kept', { problems }), live: stored(manifest('old')) },
    { policy: planned('bad', 'refused', { problems: [problem('no rules')] }) },
  ]);
  expect(diffText(diff)).toBe(`! KubeArmorPolicy shop/bad: refused: no rules

! KubeArmorPolicy shop/old (shop.ts:12): kept: not a path (+1 more)

0 added, 0 changed, 0 removed, 1 kept, 1 refused
`);
});

test('long manifests are cut, and huge ones not compared', () => {
  const paths = (number: number): Json => ({
    ...manifest('web'),
    spec: { process: { matchPaths: Array.from({ length: number }, (_, index) => ({ path: `/bin/${index}` })) } },
  });
  const linesOf = (value: Json, live?: Json): readonly string[] => {
    const change = live === undefined ? 'added' : 'changed';
    return diffOf([{ policy: planned('web', change, { manifest: value }), live }]).policies[0]?.lines ?? [];
  };
  expect(linesOf(paths(1000))).toHaveLength(401);
  expect(linesOf(paths(1000)).at(-1)).toBe('and 604 more lines');
  expect(linesOf(paths(20_000))).toEqual(['too large to show']);
  const other = { ...manifest('web'), spec: { file: { matchPaths: Array.from({ length: 5000 }, (_, index) => ({ path: `/${index}` })) } } };
  expect(linesOf(paths(5000), other)).toEqual(['too large to show, 5003 lines']);
});

test('when enough is shown the others are only named, in order of name', () => {
  const policies = ['c', 'a', 'b', 'd'].map((name) => ({ policy: planned(name, 'added', { manifest: manifest(name) }) }));
  const diff = diffOf(policies, { lines: 400, characters: 10_000, total: 15 });
  expect(diff.policies.map(({ name, lines }) => [name, lines.length, lines.at(-1)])).toEqual([
    ['a', 9, '+      app: a'],
    ['b', 9, '+      app: b'],
    ['c', 1, 'not shown, since there is so much'],
    ['d', 1, 'not shown, since there is so much'],
  ]);
});

test('many removals are named up to fifty', () => {
  const many = Array.from({ length: 60 }, (_, index) => ({ policy: planned(`p${100 + index}`, 'removed'), live: manifest('x') }));
  const text = pruneText(prunePreview(diffOf(many)));
  expect(text.split('\n')).toHaveLength(53);
  expect(text).toMatch(/^would remove 60 policies:\n/);
  expect(text).toMatch(/ {2}and 10 more\n$/);
});

test('whatever manifests say, every line is one line of the policy it belongs to, without control characters', () => {
  const json = fc.jsonValue({ maxDepth: 2, stringUnit: 'binary' });
  const any = fc.record({
    metadata: fc.record({ labels: json, annotations: json }),
    spec: fc.dictionary(fc.string({ unit: 'binary' }), json),
  });
  fc.assert(
    fc.property(any, any, (live, wanted) => {
      const compared = [
        { policy: planned('web', 'changed', { manifest: wanted }), live },
        { policy: planned('x', 'removed'), live },
      ];
      const diff = diffOf(compared);
      for (const line of diff.policies.flatMap((policy) => policy.lines)) {
        expect(line).toMatch(/^([ +-]|@@ -\d+,\d+ \+\d+,\d+ @@$|too large to show|not shown|and \d+ more lines?$)/);
        expect(line).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      }
      expect(diffOf(compared)).toEqual(diff);
    }),
    { numRuns: 60 },
  );
});

test('values that are no manifests are compared as if nothing were there', () => {
  for (const live of [null, 1, 'x', [], { metadata: [], spec: 'x' }]) {
    expect(diffOf([{ policy: planned('web', 'removed'), live }]).policies[0]?.lines).toEqual([]);
  }
});
