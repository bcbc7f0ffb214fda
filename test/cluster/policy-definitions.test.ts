/** The definitions of the kinds of policy in a real API server: what it takes, and how it says what it does not take. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parsePolicy, POLICY_KINDS } from '@parapet/policy';
import { parseAllDocuments } from 'yaml';
import { renderDefinitions } from '../../reconciler/src/install/install.ts';
import type { ControlPlane } from '../support/cluster/control-plane.ts';
import { apply, BUILD_PATIENCE, PATIENCE, policy, startWithDefinitions } from './manifests.ts';
import type { Json, Manifest } from './manifests.ts';

const root = join(import.meta.dirname, '../..');
/** A folder of policies that people wrote for KubeArmor; they are not part of this repository. */
const corpus = process.env['PARAPET_CORPUS'];

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startWithDefinitions();
}, BUILD_PATIENCE);
afterAll(() => plane?.stop(), PATIENCE);

test(
  'a server takes the definitions as they are',
  async () => {
    const { items } = JSON.parse(await plane.must(['get', 'crd', '-o', 'json'])) as {
      items: { metadata: { name: string }; status: { conditions: Json[] } }[];
    };
    expect(items.map(({ metadata }) => metadata.name)).toEqual([
      'kubearmorclusterpolicies.security.kubearmor.com',
      'kubearmorhostpolicies.security.kubearmor.com',
      'kubearmorpolicies.security.kubearmor.com',
      'nodereports.parapet.dev',
      'policysources.parapet.dev',
    ]);
    for (const { status } of items) {
      const states = status.conditions.map(({ type, status: value }) => `${String(type)}=${String(value)}`).sort();
      // No NonStructuralSchema, and no KubernetesAPIApprovalPolicyConformant that is false.
      expect(states).toEqual(['Established=True', 'NamesAccepted=True']);
    }
    // As users of kubectl apply have them, with the annotation that it keeps.
    await plane.must(['apply', '-f', '-', '--dry-run=server'], renderDefinitions());
  },
  PATIENCE,
);

function manifestsIn(folder: string): Manifest[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.ya?ml$/.test(file) && !file.startsWith('install'))
    .flatMap((file) => parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => document.toJS() as Manifest | null))
    .filter((manifest) => manifest !== null);
}

async function applyAll(manifests: readonly Manifest[]): Promise<number> {
  for (const namespace of new Set(manifests.map(({ metadata }) => metadata.namespace ?? 'default'))) {
    await plane.kubectl(['create', 'namespace', namespace]);
  }
  const { status, stderr, stdout } = await apply(plane, ...manifests.map(unique));
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout.split('\n').filter((line) => line.endsWith('serverside-applied')).length;
}

/** Policies of several places may have one name, and kinds without namespaces may be written with one, which kubectl does not take. */
function unique(manifest: Manifest, index: number): Manifest {
  const { namespace, ...metadata } = manifest.metadata;
  const within = namespace === undefined || manifest.kind !== 'KubeArmorPolicy' ? {} : { namespace };
  return { ...manifest, metadata: { ...metadata, ...within, name: `${index}-${metadata.name}`.slice(0, 253) } };
}

test(
  'of the examples are applied',
  async () => {
    const manifests = manifestsIn(join(root, 'test/golden')).filter(({ kind }) => POLICY_KINDS.some((known) => known === kind));
    expect(await applyAll(manifests)).toBe(manifests.length);
  },
  PATIENCE,
);

// Only where there is one: what is not part of this repository can't be missing from it.
(corpus === undefined ? () => undefined : test)(
  'that people wrote for KubeArmor are applied (PARAPET_CORPUS)',
  async () => {
    const good = manifestsIn(corpus ?? '').filter((value) => parsePolicy(value, {}).policy !== undefined);
    expect(await applyAll(good)).toBe(good.length);
    expect(good.length).toBeGreaterThan(100);
  },
  PATIENCE,
);

test(
  'of every form are applied, and read again as they were written',
  async () => {
    const spec = {
      action: 'block',
      severity: 10,
      selector: { matchLabels: { app: 'web' }, matchExpressions: null },
      process: { matchPaths: [{ execname: 'sh', allowedArgs: [''], fromSource: [{ dir: '/usr/bin/', recursive: true }] }] },
      network: {
        matchProtocols: [{ protocol: 'TCP, udp' }],
        matchEndpoints: [{ cidr: ['10.0.0.0/8', '::1'], ports: [{ port: 1, endPort: 2 }], protocol: 'TCP' }, { cidr: '0.0.0.0/0' }],
      },
      capabilities: { matchCapabilities: [{ capability: 'CAP_NET_RAW,chown' }] },
      syscalls: { matchPaths: [{ path: '/etc/', recursive: true, syscall: ['unlink'] }] },
      hardening: { ptrace: 'Audit' },
      presets: [{ name: 'protectEnv' }],
      resources: { cpu: 0.5, memory: '1.5Gi', pids: 10, io: [{ device: '8:0', readBytesPerSecond: '10Mi' }] },
    };
    expect(await apply(plane, policy('KubeArmorPolicy', spec, 'forms'))).toMatchObject({ status: 0, stderr: '' });
    const stored = JSON.parse(await plane.must(['get', 'ksp', 'forms', '-o', 'json'])) as { spec: unknown };
    expect(stored.spec).toEqual(spec);
    expect(parsePolicy(stored, {}).problems).toEqual([]);
  },
  PATIENCE,
);

const rule = (match: Json): Json => ({ process: { matchPaths: [match] } });
test.each([
  ['a misspelt field', rule({ path: '/a', recurive: true }), /\.spec\.process\.matchPaths\[0\]\.recurive: field not declared in schema/],
  ['a wrong type', { severity: 'high' }, /\.spec\.severity: expected numeric/],
  ['a severity of 11', { severity: 11 }, /spec\.severity: Invalid value: 11: .*less than or equal to 10/],
  [
    'an action that there is none of',
    { action: 'Deny' },
    /spec\.action: Unsupported value: "Deny": supported values: "Allow", "Audit", "Block"/,
  ],
  ['a path that is not absolute', rule({ path: 'bin/sh' }), /spec\.process\.matchPaths\[0\]\.path: Invalid value: "bin\/sh"/],
  ['neither path nor name', rule({ ownerOnly: true }), /spec\.process\.matchPaths\[0\]: .*name the program by path or by execname/],
  ['both path and name', rule({ path: '/a', execname: 'a' }), /name the program by path or by execname/],
  [
    'a source of two forms',
    rule({ path: '/a', fromSource: [{ path: '/b', dir: '/c/' }] }),
    /fromSource\[0\]: .*a source is either a path or a dir/,
  ],
  [
    'a recursive path',
    rule({ path: '/a', fromSource: [{ path: '/b', recursive: true }] }),
    /fromSource\[0\]\.recursive: .*only a dir can be recursive/,
  ],
  [
    'an unknown protocol',
    { network: { matchProtocols: [{ protocol: 'tcp,xtcp' }] } },
    /matchProtocols\[0\]\.protocol: .*must be one or several, with commas, of tcp, udp/,
  ],
  [
    'an unknown capability',
    { capabilities: { matchCapabilities: [{ capability: 'net_row' }] } },
    /capability: .*of the capabilities of Linux/,
  ],
  ['a number for addresses', { network: { matchEndpoints: [{ cidr: 10 }] } }, /matchEndpoints\[0\]\.cidr: Invalid value/],
  ['a list for processors', { resources: { cpu: ['1'] } }, /spec\.resources\.cpu: /],
  [
    'a range that ends before it begins',
    { network: { matchEndpoints: [{ cidr: '::/0', ports: [{ port: 9, endPort: 8 }] }] } },
    /endPort: .*a range ends at its larger port/,
  ],
  [
    'a label without a value',
    { selector: { matchExpressions: [{ key: 'label', operator: 'In', values: ['app'] }] } },
    /values: .*a label is written as key=value/,
  ],
  ['a selector of nodes in a policy for containers', { nodeSelector: {} }, /\.spec\.nodeSelector: field not declared in schema/],
])(
  '%s is refused with a clear message',
  async (_what, spec, message) => {
    expect(await apply(plane, policy('KubeArmorPolicy', spec))).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(message) as unknown,
    });
  },
  PATIENCE,
);

test.each([
  ['KubeArmorHostPolicy', { file: {} }, /spec\.nodeSelector: Required value/],
  ['KubeArmorClusterPolicy', { selector: { matchLabels: { a: 'b' } } }, /\.spec\.selector\.matchLabels: field not declared in schema/],
])(
  'a %s with %j is refused with a clear message',
  async (kind, spec, message) => {
    expect(await apply(plane, policy(kind, spec))).toMatchObject({ status: 1, stderr: expect.stringMatching(message) as unknown });
  },
  PATIENCE,
);
