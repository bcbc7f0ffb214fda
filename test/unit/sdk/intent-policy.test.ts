import { expect, test } from '@jest/globals';
import { App, Chart } from 'cdk8s';
import { ContainerPolicy, HostPolicy, Policies, policyMatchers } from '@parapet/sdk';
import type { PolicyMatchers } from '@parapet/sdk';

declare module '@jest/expect' {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- augmenting an interface is how jest learns of matchers
  interface Matchers<R extends void | Promise<void>> extends PolicyMatchers<R> {}
}
expect.extend(policyMatchers);

interface Manifest {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly annotations: Readonly<Record<string, string>> };
  readonly spec: Readonly<Record<string, unknown>>;
}

const newChart = (): Chart => new Chart(new App(), 'chart');
const newPolicy = (): ContainerPolicy => new ContainerPolicy(newChart(), 'p');
const specOf = (policy: ContainerPolicy): Readonly<Record<string, unknown>> => (policy.toJson() as Manifest).spec;
const sh = { from: '/bin/sh' };
const strict = { postures: { file: 'block', network: 'block', capabilities: 'block' } } as const;

test('blocked programs, files, sockets and capabilities are refused, everything else passes', () => {
  const policies = Policies.of(
    newPolicy().blockExec('/bin/a', '/opt/').blockFiles('/etc/shadow').blockNetwork('udp').blockCapability('chown'),
  );
  expect(policies).toBlock({ exec: '/bin/a' });
  expect(policies).toBlock({ exec: '/opt/deep/b' });
  expect(policies).toPass({ exec: '/bin/b' });
  expect(policies).toBlock({ read: '/etc/shadow' });
  expect(policies).toBlock({ write: '/etc/shadow' });
  expect(policies).toBlock({ network: 'udp' });
  expect(policies).toPass({ network: 'tcp' });
  expect(policies).toBlock({ capability: 'chown' });
  expect(policies).toPass({ capability: 'net_raw', ...strict });
});

test('a program with allowed arguments is refused with others', () => {
  const policy = newPolicy().blockExec('/bin/a', { allowedArgs: ['-v', '--help'] });
  expect(specOf(policy)).toMatchObject({
    process: { matchPaths: [{ path: '/bin/a', action: 'Block', allowedArgs: ['-v', '--help'] }] },
  });
  const policies = Policies.of(policy);
  expect(policies).toPass({ exec: '/bin/a' });
  expect(policies).toPass({ exec: '/bin/a', args: ['--help', '-v'] });
  expect(policies).toBlock({ exec: '/bin/a', args: ['-v', '-x'] });
});

test('an empty list of arguments is refused, since it would allow all of them', () => {
  const chart = newChart();
  new ContainerPolicy(chart, 'p').blockExec('/bin/a', { allowedArgs: [] });
  expect(() => Policies.of(chart)).not.toThrow();
  expect(chart.node.findChild('p').node.validate().join()).toContain('allowedArgs is an empty list');
});

test('what is read-only can be read and not written', () => {
  const policies = Policies.of(newPolicy().readOnly('/etc/', '/srv/file'));
  expect(policies).toPass({ read: '/etc/a/b' });
  expect(policies).toBlock({ write: '/etc/a/b' });
  expect(policies).toBlock({ write: '/srv/file' });
  expect(policies).toPass({ write: '/srv/other', ...strict });
});

test('what belongs to its owner only is refused to others', () => {
  const policies = Policies.of(newPolicy().ownerOnly('/home/'));
  expect(policies).toPass({ write: '/home/me/file', owner: true });
  expect(policies).toBlock({ read: '/home/me/file', owner: false });
});

test('audits pass with an alert', () => {
  const policies = Policies.of(
    newPolicy().auditExec('/bin/a').auditFiles('/etc/passwd').auditWrites('/etc/').auditNetwork('raw').auditCapability('kill'),
  );
  expect(policies).toAudit({ exec: '/bin/a' });
  expect(policies).toAudit({ read: '/etc/passwd' });
  expect(policies).toPass({ read: '/etc/hosts' });
  expect(policies).toAudit({ write: '/etc/hosts' });
  expect(policies).toAudit({ network: 'raw' });
  expect(policies).toAudit({ capability: 'kill' });
});

test('a directory can be without what is deeper', () => {
  const policies = Policies.of(newPolicy().blockFiles('/srv/', { recursive: false }));
  expect(policies).toBlock({ read: '/srv/a' });
  expect(policies).toPass({ read: '/srv/a/b' });
});

test('a rule can be about one program', () => {
  const policies = Policies.of(
    newPolicy()
      .blockFiles('/etc/key', { from: '/bin/a' })
      .blockNetwork('tcp', { from: ['/bin/a', '/bin/b'] }),
  );
  expect(policies).toBlock({ read: '/etc/key', from: '/bin/a' });
  expect(policies).toPass({ read: '/etc/key', from: '/bin/b' });
  expect(policies).toBlock({ network: 'tcp', from: '/bin/b' });
  expect(policies).toPass({ network: 'tcp', ...sh });
});

test('an exception is for its program only, and closes nothing even on a strict node', () => {
  const policy = newPolicy()
    .blockExec('/bin/wget', { unlessFrom: '/bin/deploy' })
    .blockFiles('/etc/keys/', { unlessFrom: ['/bin/vault'] })
    .blockNetwork('udp', { unlessFrom: '/bin/dns' })
    .blockCapability('net_raw', { unlessFrom: '/bin/ping' });
  const policies = Policies.of(policy);
  expect(policies).toBlock({ exec: '/bin/wget', ...sh, ...strict });
  expect(policies).toPass({ exec: '/bin/wget', from: '/bin/deploy', ...strict });
  expect(policies).toPass({ exec: '/bin/other', ...strict });
  expect(policies).toBlock({ read: '/etc/keys/a/b', ...sh });
  expect(policies).toPass({ write: '/etc/keys/a/b', from: '/bin/vault' });
  expect(policies).toPass({ write: '/anything', ...strict });
  expect(policies).toBlock({ network: 'udp', ...sh });
  expect(policies).toPass({ network: 'udp', from: '/bin/dns', ...strict });
  expect(policies).toPass({ network: 'packet', ...strict });
  expect(policies).toBlock({ capability: 'net_raw', ...sh });
  expect(policies).toPass({ capability: 'net_raw', from: '/bin/ping', ...strict });
  expect(policies).toPass({ capability: 'sys_admin', ...strict });
});

test('an exception in an allow-list leaves the list closed', () => {
  const policies = Policies.of(newPolicy().blockExec('/bin/wget', { unlessFrom: '/bin/deploy' }).allowExec('/bin/sh'));
  expect(policies).toPass({ exec: '/bin/wget', from: '/bin/deploy', ...strict });
  expect(policies).toBlock({ exec: '/bin/other', ...strict });
});

test('Allow methods leave the rest to the default posture', () => {
  const policies = Policies.of(
    newPolicy().allowExec('/bin/a').allowFiles('/a').allowReads('/b').allowNetwork('tcp').allowCapability('kill'),
  );
  expect(policies).toPass({ exec: '/bin/a', ...strict });
  expect(policies).toAudit({ exec: '/bin/b' });
  expect(policies).toBlock({ exec: '/bin/b', ...strict });
  expect(policies).toPass({ write: '/a', ...strict });
  expect(policies).toPass({ read: '/b', ...strict });
  expect(policies).toBlock({ write: '/b' });
  expect(policies).toBlock({ network: 'udp', ...strict });
  expect(policies).toBlock({ capability: 'chown', ...strict });
});

test('allowOnly refuses other programs and files whatever the posture, and lets programs be read', () => {
  const policies = Policies.of(
    newPolicy().allowOnly({ exec: ['/bin/a'], readOnly: ['/etc/'], files: ['/tmp/', '/bin/b'], network: ['tcp'] }),
  );
  expect(policies).toPass({ exec: '/bin/a' });
  expect(policies).toPass({ read: '/bin/a' });
  expect(policies).toBlock({ write: '/bin/a' });
  expect(policies).toBlock({ exec: '/bin/b' });
  expect(policies).toPass({ write: '/bin/b' });
  expect(policies).toPass({ read: '/etc/a' });
  expect(policies).toBlock({ write: '/etc/a' });
  expect(policies).toPass({ write: '/tmp/a' });
  expect(policies).toBlock({ read: '/root/a' });
  expect(policies).toPass({ network: 'tcp', ...strict });
  expect(policies).toAudit({ network: 'udp' });
  expect(policies).toBlock({ network: 'udp', ...strict });
  expect(policies).toPass({ capability: 'chown', ...strict });
});

test('allowOnly can audit first, or leave the rest to the posture', () => {
  const audited = Policies.of(newPolicy().allowOnly({ exec: ['/bin/a'], otherwise: 'audit' }));
  expect(audited).toAudit({ exec: '/bin/b', ...strict });
  const left = Policies.of(newPolicy().allowOnly({ exec: ['/bin/a'], otherwise: 'posture' }));
  expect(left).toAudit({ exec: '/bin/b' });
  expect(left).toBlock({ exec: '/bin/b', ...strict });
  expect(left).toPass({ read: '/bin/b', ...strict });
});

test('other policies add to an allow-list', () => {
  const chart = newChart();
  new ContainerPolicy(chart, 'a').allowOnly({ exec: ['/bin/a'] });
  new ContainerPolicy(chart, 'b').blockExec('/bin/c', { unlessFrom: '/bin/a' }).allowExec('/bin/b');
  expect(Policies.of(chart)).toPass({ exec: '/bin/b', ...strict });
  expect(Policies.of(chart)).toBlock({ exec: '/bin/d' });
});

test('an exception in another policy does not open an allow-list', () => {
  const chart = newChart();
  new ContainerPolicy(chart, 'a').allowOnly({ exec: ['/bin/a'] });
  new ContainerPolicy(chart, 'b').blockExec('/bin/c', { unlessFrom: '/bin/a' });
  expect(Policies.of(chart)).toBlock({ exec: '/bin/d' });
});

test("severity, tags and message are the policy's, or the rule's own", () => {
  const policy = new ContainerPolicy(newChart(), 'p', { severity: 3, tags: ['t'], message: 'm' });
  policy.blockExec('/bin/a', { severity: 9, message: 'own' });
  expect(specOf(policy)).toMatchObject({
    severity: 3,
    tags: ['t'],
    message: 'm',
    process: { matchPaths: [{ path: '/bin/a', severity: 9, message: 'own', action: 'Block' }] },
  });
});

test('each rule carries the line that wrote it', () => {
  const policy = newPolicy();
  const here = /:(\d+)/.exec(new Error().stack?.split('\n').find((frame) => frame.includes('intent-policy.test')) ?? '')?.[1];
  policy.blockExec('/bin/a');
  policy.allowOnly({ exec: ['/bin/b'] });
  const { annotations } = (policy.toJson() as Manifest).metadata;
  const sources = JSON.parse(annotations['parapet.dev/rule-sources'] ?? '') as Record<string, string>;
  const lines = Object.values(sources).map((place) => Number(place.split(':').at(-1)) - Number(here));
  expect(Object.keys(sources)).toEqual(['spec.process.matchPaths[0]', 'spec.process.matchPaths[1]', 'spec.process.matchDirectories[0]']);
  expect(lines).toEqual([1, 2, 2]);
  expect(annotations['parapet.dev/source']).toMatch(/intent-policy\.test\.ts:\d+$/);
});

test('misuse fails the synthesis with every message and its line', () => {
  const chart = newChart();
  new ContainerPolicy(chart, 'p', { containers: [] })
    .blockExec()
    .blockExec('/bin/a', { from: '/bin/b', unlessFrom: '/bin/c' })
    .readOnly('/etc/passwd', { recursive: true })
    .blockNetwork('udp', { unlessFrom: [] })
    .blockCapability('chown', { from: [] })
    .allowOnly({})
    .allowOnly({ exec: [] });
  new HostPolicy(chart, 'host').blockFiles('/a');
  const messages = messagesOf(chart);
  const wanted = [
    'containers is an empty list',
    'blockExec: nothing is named',
    'blockExec: from and unlessFrom exclude each other',
    'readOnly: recursive is for directories',
    'blockNetwork: unlessFrom is an empty list',
    'blockCapability: from is an empty list',
    'allowOnly: nothing is named',
    'allowOnly: the list for process is empty',
  ];
  for (const text of wanted)
    expect(messages).toContainEqual(expect.stringMatching(new RegExp(`\\[chart/p\\] .*intent-policy\\.test\\.ts:\\d+: ${text}`)));
  expect(messages).toHaveLength(wanted.length);
});

test('invalid values fail the synthesis with every problem, the field and the line', () => {
  const chart = newChart();
  new ContainerPolicy(chart, 'p', { severity: 11 }).blockExec('bin/a').readOnly('/etc/../x');
  const messages = messagesOf(chart);
  expect(messages).toContainEqual(expect.stringMatching(/\[chart\/p\] .*test\.ts:\d+: spec\.severity/));
  expect(messages).toContainEqual(expect.stringMatching(/\[chart\/p\] .*test\.ts:\d+: spec\.process\.matchPaths\[0\]\.path/));
  expect(messages).toContainEqual(expect.stringMatching(/\[chart\/p\] .*test\.ts:\d+: spec\.file\.matchPaths\[0\]\.path/));
});

test('names that are none, and options that a method lacks, are type errors before they are problems', () => {
  const chart = newChart();
  const policy = new ContainerPolicy(chart, 'p');
  // @ts-expect-error -- not a protocol
  policy.blockNetwork('htp');
  // @ts-expect-error -- not a capability
  policy.blockCapability('CAP_ROOT');
  // @ts-expect-error -- only what blocks has exceptions
  policy.auditExec('/bin/a', { unlessFrom: '/bin/b' });
  const messages = messagesOf(chart);
  expect(messages).toContainEqual(expect.stringMatching(/spec\.network\.matchProtocols\[0\]\.protocol/));
  expect(messages).toContainEqual(expect.stringMatching(/spec\.capabilities\.matchCapabilities\[0\]\.capability/));
});

test('a host policy is about the node and no container', () => {
  const chart = newChart();
  new HostPolicy(chart, 'host', { nodes: { edge: 'yes' } }).blockNetwork('udp').blockCapability('net_raw').readOnly('/etc/');
  const policies = Policies.of(chart);
  const node = { host: true, labels: { edge: 'yes' } };
  expect(policies).toBlock({ network: 'udp', in: node });
  expect(policies).toBlock({ capability: 'net_raw', in: node });
  expect(policies).toPass({ network: 'udp', in: { host: true } });
  expect(policies).toPass({ network: 'udp', in: { labels: { edge: 'yes' } } });
});

/** What `app.synth()` would complain about. */
function messagesOf(chart: Chart): string[] {
  try {
    chart.toJson();
    return [];
  } catch (error) {
    return String((error as Error).message)
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
}
