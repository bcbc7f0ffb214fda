import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isPolicyManifest, parsePolicy } from '@parapet/policy';
import { errorsOf, manifest, parsed, problemsOf } from './manifests.ts';

test('a full container policy becomes rules with everything filled in', () => {
  const policy = parsed({
    spec: {
      severity: 7,
      tags: ['NIST'],
      message: 'no',
      selector: { matchLabels: { app: 'web' } },
      process: { matchPaths: [{ path: '/bin/sh', fromSource: [{ path: '/usr/sbin/nginx' }], ownerOnly: true }], action: 'Audit' },
      file: { matchDirectories: [{ dir: '/etc/', recursive: true, readOnly: true, severity: 3 }] },
      network: { matchProtocols: [{ protocol: 'TCP' }] },
      capabilities: { matchCapabilities: [{ capability: 'CAP_NET_RAW', action: 'Allow', message: 'ping' }] },
    },
  });
  const common = { action: 'Block', severity: 7, tags: ['NIST'], message: 'no', from: [] };
  expect(policy.rules).toEqual([
    {
      ...common,
      section: 'process',
      field: 'spec.process.matchPaths[0]',
      action: 'Audit',
      from: ['/usr/sbin/nginx'],
      match: { type: 'path', path: '/bin/sh' },
      ownerOnly: true,
    },
    {
      ...common,
      section: 'file',
      field: 'spec.file.matchDirectories[0]',
      severity: 3,
      match: { type: 'directory', dir: '/etc/', recursive: true },
      ownerOnly: false,
      readOnly: true,
    },
    { ...common, section: 'network', field: 'spec.network.matchProtocols[0]', protocol: 'tcp' },
    {
      ...common,
      section: 'capabilities',
      field: 'spec.capabilities.matchCapabilities[0]',
      action: 'Allow',
      message: 'ping',
      capability: 'net_raw',
    },
  ]);
});

test('every problem of a manifest is said at once, with its field and line', () => {
  const lines: Record<string, number> = { spec: 5, 'spec.process': 9, 'spec.process.matchPaths.0.path': 12 };
  const { policy, problems } = parsePolicy(
    manifest({ spec: { severity: 11, process: { matchPaths: [{ path: 'bin/sh', recurive: true }] }, colour: 1 } }),
    { file: 'a.yaml', lineOf: (path) => lines[path.join('.')] },
  );
  expect(policy).toBeUndefined();
  expect(problems.map(({ code, place }) => [code, place.field, place.line])).toEqual([
    ['unknown-field', 'spec.colour', 5],
    ['invalid-value', 'spec.severity', 5],
    ['unknown-field', 'spec.process.matchPaths[0].recurive', 9],
    ['invalid-path', 'spec.process.matchPaths[0].path', 12],
  ]);
  expect(problems.every(({ place }) => place.file === 'a.yaml' && place.object === 'KubeArmorPolicy default/p')).toBe(true);
});

test('a misspelt field gets the field that was meant', () => {
  const found = errorsOf({ spec: { process: { matchDirectories: [{ dir: '/a/', recurive: true }] } } });
  expect(found).toMatchObject([{ code: 'unknown-field', hint: 'did you mean recursive?' }]);
});

test.each([
  ['another version', { apiVersion: 'security.kubearmor.com/v2' }, 'wrong-api-version'],
  ['no version', { apiVersion: undefined }, 'missing-field'],
  ['another kind', { kind: 'KubeArmorPolcy' }, 'unknown-kind'],
  ['no kind', { kind: undefined }, 'missing-field'],
  ['a kind that is not enforced yet', { kind: 'KubeArmorNetworkPolicy' }, 'not-enforced-yet'],
  ['no metadata', { metadata: undefined }, 'missing-field'],
  ['no name', { metadata: {} }, 'missing-field'],
  ['a name that is a number', { metadata: { name: 3 } }, 'wrong-type'],
  ['a name in capitals', { metadata: { name: 'Web' } }, 'invalid-name'],
  ['a namespace with a dot', { metadata: { name: 'p', namespace: 'a.b' } }, 'invalid-name'],
  ['no spec', { spec: undefined }, 'missing-field'],
  ['a spec that is a list', { spec: [] }, 'wrong-type'],
  ['a null section', { spec: { process: null } }, 'wrong-type'],
  ['a field beside spec', { data: {} }, 'unknown-field'],
])('%s is refused', (_what, change, code) => {
  expect(errorsOf({ ...change })).toMatchObject([{ code }]);
});

test.each([['apparmor', { apparmor: '' }]])('%s is refused by name, never ignored', (name, spec) => {
  expect(errorsOf({ spec })).toMatchObject([{ code: 'not-enforced-yet', message: `${name} is part of the API but is not enforced yet` }]);
});

test('an empty list of what is not enforced yet asks for nothing and passes', () => {
  const spec = { syscalls: { matchPaths: [] }, process: { matchPatterns: [], matchPaths: [{ path: '/bin/sh' }] } };
  expect(problemsOf({ spec })).toEqual([]);
});

test('a host policy refuses device rules by name and has no presets', () => {
  const spec = { nodeSelector: { matchLabels: {} }, device: { matchDevice: [] }, presets: [{}] };
  expect(errorsOf({ kind: 'KubeArmorHostPolicy', spec }).map(({ code }) => code)).toEqual(['not-enforced-yet', 'unknown-field']);
});

test('a policy without rules is accepted with a warning', () => {
  const { policy, problems } = parsePolicy(manifest({ spec: { selector: {} } }), {});
  expect(policy?.rules).toEqual([]);
  expect(problems).toMatchObject([{ code: 'no-rules', severity: 'warning' }]);
});

test('status, and what the API server adds to metadata, is tolerated', () => {
  const metadata = { name: 'p', uid: 'x', managedFields: [{}], labels: { a: 'b' }, annotations: null, creationTimestamp: null };
  expect(problemsOf({ metadata, status: { status: 'OK' } })).toEqual([]);
});

test('no namespace, and the namespace of containers outside Kubernetes, both mean default', () => {
  expect(parsed({ metadata: { name: 'p' } }).namespace).toBe('default');
  expect(parsed({ metadata: { name: 'p', namespace: 'container_namespace' } }).namespace).toBe('default');
  expect(parsed({ metadata: { name: 'p', namespace: 'shop' } }).target.namespaces).toEqual({ operator: 'In', values: ['shop'] });
});

test('a namespace on a cluster policy is warned about, since it narrows nothing', () => {
  const { policy, problems } = parsePolicy(manifest({ kind: 'KubeArmorClusterPolicy', metadata: { name: 'p', namespace: 'shop' } }), {});
  expect(policy?.namespace).toBe('');
  expect(problems).toMatchObject([{ code: 'ignored-namespace', severity: 'warning' }]);
});

test('__proto__ is a key like any other', () => {
  const value: unknown = JSON.parse(
    '{"apiVersion":"security.kubearmor.com/v1","kind":"KubeArmorPolicy","metadata":{"name":"p"},"spec":{"__proto__":{"action":"Allow"},"selector":{"matchLabels":{"__proto__":"x"}}}}',
  );
  const { problems } = parsePolicy(value, {});
  expect(problems).toMatchObject([{ code: 'unknown-field', place: { field: 'spec.__proto__' } }]);
  expect(({} as { action?: unknown }).action).toBeUndefined();
});

test('the parser answers any value with a policy or an error and never throws', () => {
  const fields = [
    'apiVersion',
    'kind',
    'metadata',
    'spec',
    'process',
    'matchPaths',
    'matchDirectories',
    'path',
    'dir',
    'fromSource',
    'protocol',
    'selector',
    'matchLabels',
    'matchExpressions',
    'values',
    'key',
    'annotations',
  ];
  const any = fc.anything({
    key: fc.oneof(fc.constantFrom(...fields, '__proto__', 'toString'), fc.string()),
    withNullPrototype: true,
    maxDepth: 5,
  });
  const shaped = fc
    .tuple(fc.constantFrom('KubeArmorPolicy', 'KubeArmorClusterPolicy', 'KubeArmorHostPolicy'), any, any, any)
    .map(([kind, metadata, process, selector]) =>
      manifest({
        kind,
        metadata,
        spec: { process, file: { matchPaths: [process] }, selector, nodeSelector: selector, network: { matchProtocols: process } },
      }),
    );
  fc.assert(
    fc.property(fc.oneof(any, shaped), (value) => {
      const { policy, problems } = parsePolicy(value, {});
      expect(policy === undefined).toBe(problems.some(({ severity }) => severity === 'error'));
    }),
    { numRuns: 3000 },
  );
});

test('only manifests of our API version and a KubeArmor kind are ours to judge', () => {
  expect(isPolicyManifest(manifest({}))).toBe(true);
  expect(isPolicyManifest(manifest({ kind: 'KubeArmorTypo' }))).toBe(true);
  expect(isPolicyManifest(manifest({ kind: 'Pod' }))).toBe(false);
  expect(isPolicyManifest({ kind: 'KubeArmorConfig', apiVersion: 'operator.kubearmor.com/v1' })).toBe(false);
  expect(isPolicyManifest(null)).toBe(false);
});
