/** Every extension of KubeArmor's API as the typed constructs write it: what the compiler of TypeScript takes, the parser takes too. */
import { expect, test } from '@jest/globals';
import { parsePolicy } from '@parapet/policy';
import type { Policy } from '@parapet/policy';
import { App, Chart } from 'cdk8s';
import type { ApiObject } from 'cdk8s';
import { ClusterPolicy, ContainerPolicy, KubeArmorClusterPolicy, KubeArmorHostPolicy, KubeArmorPolicy } from '@parapet/sdk';
import type { ResourceLimits, Rules } from '@parapet/sdk';

const newChart = (): Chart => new Chart(new App(), 'chart');

/** What comes of it without a single problem. */
function parsed(object: ApiObject): Policy {
  const { policy, problems } = parsePolicy(object.toJson(), {});
  expect(problems).toEqual([]);
  if (policy === undefined) throw new Error('no policy');
  return policy;
}

const RULES: Rules = {
  severity: 7,
  process: {
    matchPaths: [
      { path: '/usr/bin/curl', allowedArgs: ['--version'], pts: false, fromSource: [{ dir: '/opt/', recursive: true }] },
      { execname: 'nc', ownerOnly: true, action: 'Audit' },
    ],
    matchPatterns: [{ pattern: '/opt/**/bin/*' }],
  },
  file: {
    matchDirectories: [{ dir: '/srv/', recursive: true, readOnly: true, pts: false }],
    matchPatterns: [{ pattern: '/home/*/.ssh/{id_*,config}', readOnly: true, ownerOnly: true }],
  },
  network: {
    matchProtocols: [{ protocol: 'raw', pts: false }],
    matchEndpoints: [
      {
        cidr: ['10.0.0.0/8', 'fd00::/8'],
        except: ['10.1.0.0/16'],
        ports: [{ port: 443 }, { port: 8000, endPort: 8100 }],
        protocol: 'tcp',
        operations: ['connect', 'send', 'bind', 'listen', 'accept'],
        fromSource: [{ path: '/usr/bin/curl' }],
      },
    ],
    matchDNSQueries: [{ domain: 'example.com', action: 'Audit' }],
  },
  syscalls: {
    matchSyscalls: [{ syscall: ['mount', 'ptrace'], action: 'Block', fromSource: [{ path: '/bin/sh' }] }],
    matchPaths: [{ path: '/etc/', recursive: true, syscall: ['unlink', 'renameat2'], fromSource: [{ path: '/bin/sh' }] }],
  },
  hardening: {
    ptrace: 'Block',
    mounts: 'Allow',
    modules: 'Audit',
    bpf: 'Block',
    perf: 'Block',
    userNamespaces: 'Block',
    ioUring: 'Block',
  },
};

const PRESETS = [
  { name: 'filelessExec' },
  { name: 'anonymousMapExec', action: 'Audit' },
  { name: 'protectEnv', action: 'Block' },
  { name: 'exec' },
  { name: 'protectProc' },
] as const;

const LIMITS: ResourceLimits = {
  memory: '256Mi',
  pids: 100,
  cpu: '500m',
  io: [
    {
      device: '8:0',
      readBytesPerSecond: '10Mi',
      writeBytesPerSecond: '5Mi',
      readOperationsPerSecond: 1000,
      writeOperationsPerSecond: 100,
    },
  ],
};
const IO_READ = {
  readBytesPerSecond: 10 * 1024 * 1024,
  writeBytesPerSecond: 5 * 1024 * 1024,
  readOperationsPerSecond: 1000,
  writeOperationsPerSecond: 100,
};
const READ_LIMITS = { memory: 256 * 1024 * 1024, pids: 100, cpu: expect.anything(), io: new Map([['8:0', IO_READ]]) };

test.each<readonly [string, (chart: Chart) => ApiObject, { readonly switches: number; readonly limits: boolean }]>([
  [
    'KubeArmorPolicy',
    (chart) => new KubeArmorPolicy(chart, 'p', { spec: { ...RULES, selector: {}, presets: PRESETS, resources: LIMITS } }),
    { switches: 12, limits: true },
  ],
  [
    'KubeArmorClusterPolicy',
    (chart) => new KubeArmorClusterPolicy(chart, 'p', { spec: { ...RULES, presets: PRESETS, resources: LIMITS } }),
    { switches: 12, limits: true },
  ],
  [
    'KubeArmorHostPolicy',
    (chart) =>
      new KubeArmorHostPolicy(chart, 'p', { spec: { ...RULES, nodeSelector: { matchLabels: { 'kubernetes.io/hostname': '*' } } } }),
    { switches: 7, limits: false },
  ],
])('%s has all of them', (_kind, make, { switches, limits }) => {
  const { rules, resources } = parsed(make(newChart()));
  const count = (section: string): number => rules.filter((rule) => rule.section === section).length;
  expect(['process', 'file', 'network', 'dns', 'syscalls'].map(count)).toEqual([3, 2, 3, 1, 2]);
  expect(count('hardening') + count('presets')).toBe(switches);
  expect(resources).toEqual(limits ? READ_LIMITS : undefined);
});

test('policies of intents limit what their containers use, also without a rule', () => {
  const chart = newChart();
  expect(parsed(new ContainerPolicy(chart, 'a', { select: { app: 'web' }, resources: LIMITS }))).toMatchObject({
    rules: [],
    resources: READ_LIMITS,
  });
  const many = new ClusterPolicy(chart, 'b', { namespaces: ['shop'], resources: { pids: 50 } }).blockExec('/bin/sh');
  expect(parsed(many).resources).toMatchObject({ pids: 50 });
});
