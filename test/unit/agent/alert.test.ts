import { expect, test } from '@jest/globals';
import { audited, CLASS, HOOKS, LAYOUT, SITE, VERDICT } from '@parapet/policy';
import { alertLine, toAlert } from '../../../agent/src/alert.ts';
import type { Policy } from '@parapet/policy';
import type { Alert } from '../../../agent/src/alert.ts';
import { explain } from '../../../agent/src/explain.ts';
import { containerOf, execRecord, manifest, policyOf, tableOf } from '../../support/agent-fakes.ts';

const commit = '0123456789abcdef0123456789abcdef01234567';
const policy = policyOf(
  manifest('no-shell', {
    metadata: {
      annotations: {
        'parapet.dev/repository': 'https://git.test/shop',
        'parapet.dev/commit': commit,
        'parapet.dev/source': 'main.ts:3',
        'parapet.dev/rule-sources': '{"spec.process.matchPaths[0]":"main.ts:12"}',
      },
    },
    spec: { severity: 7, tags: ['NIST', 'MITRE'], message: 'no shells here' },
  }),
);
const table = tableOf(policy);
const record = execRecord({ table, path: '/bin/sh', container: 5, generation: 1 });
const origin = { container: containerOf(5), table, nodeBase: 0 };
const place = { node: 'n1', cluster: 'default' };

function alertOf(
  change: { header?: Partial<Record<keyof typeof LAYOUT.event, number>>; host?: boolean; origin?: undefined; resource?: string } = {},
): Alert {
  const header = record.header.slice();
  for (const [field, value] of Object.entries(change.header ?? {})) header[LAYOUT.event[field as 'op']] = value;
  const from = change.host === true ? { ...origin, container: undefined } : origin;
  const explained = explain({ ...record, header, resource: change.resource ?? record.resource }, 'origin' in change ? undefined : from);
  if (explained === undefined) throw new Error('no alert');
  return toAlert(explained, place);
}

test('a blocked execution is told with the fields that KubeArmor has, and with where the rule stands', () => {
  expect(alertOf()).toEqual({
    timestamp: 1_700_000_000,
    updatedTime: '2023-11-14T22:13:20.123456Z',
    clusterName: 'default',
    hostName: 'n1',
    namespaceName: 'shop',
    podName: 'c5',
    labels: 'app=web',
    containerID: 'c5',
    containerName: 'c5',
    containerImage: 'local.test/web:1',
    hostPPid: 4241,
    hostPid: 4242,
    ppid: 1,
    pid: 7,
    uid: 0,
    parentProcessName: '/bin/init',
    processName: '/bin/sh',
    enforcer: 'BPFLSM',
    policyName: 'no-shell',
    severity: '7',
    tags: 'NIST,MITRE',
    atags: ['NIST', 'MITRE'],
    message: 'no shells here',
    type: 'MatchedPolicy',
    source: '/bin/init',
    operation: 'Process',
    resource: '/bin/sh',
    data: 'lsm=SECURITY_BPRM_CHECK',
    action: 'Block',
    result: 'Permission denied',
    count: 1,
    firstSeen: '2023-11-14T22:13:20.123456Z',
    lastSeen: '2023-11-14T22:13:20.123456Z',
    policyNamespace: 'shop',
    policyKind: 'KubeArmorPolicy',
    rule: 'spec.process.matchPaths[0]',
    repository: 'https://git.test/shop',
    commit,
    sourceLine: 'main.ts:12',
  });
});

test('a file access is the act of the program that makes it', () => {
  const alert = alertOf({
    header: { class: CLASS.file, op: 1, site: SITE.default, hook: HOOKS.indexOf('FILE_OPEN') },
    resource: '/etc/shadow',
  });
  expect(alert).toMatchObject({
    operation: 'File',
    source: '/bin/init',
    processName: '/bin/init',
    parentProcessName: '/sbin/runc',
    resource: '/etc/shadow',
    data: 'lsm=FILE_OPEN',
  });
});

test('a socket is told in words, in the resource and in the data', () => {
  const header = { class: CLASS.network, site: SITE.default, hook: HOOKS.indexOf('SOCKET_CREATE'), detail: 2 };
  const alert = alertOf({ header });
  expect(alert.resource).toMatch(/^domain=AF_INET type=/);
  expect(alert.data).toBe(`lsm=SOCKET_CREATE ${alert.resource}`);
});

test('an audited access has passed', () => {
  expect(alertOf({ header: { verdict: VERDICT.audit } })).toMatchObject({ action: 'Audit', result: 'Passed' });
});

test('a refused capability gives the error that its caller sees', () => {
  const alert = alertOf({ header: { class: CLASS.capabilities, site: SITE.default, hook: HOOKS.indexOf('CAPABLE'), detail: 13 } });
  expect(alert).toMatchObject({ operation: 'Capabilities', resource: 'CAP_NET_RAW', result: 'Operation not permitted' });
});

test('what no rule names is laid to the default posture, with the commit of the allow-list', () => {
  const allow = policyOf(manifest('only', { spec: { process: { matchPaths: [{ path: '/bin/ls', action: 'Allow' }] } } }));
  const header = record.header.slice();
  header[LAYOUT.event.site] = SITE.default;
  const explained = explain({ ...record, header }, { ...origin, table: tableOf(allow) });
  expect(explained === undefined ? undefined : toAlert(explained, place)).toMatchObject({
    policyName: 'DefaultPosture',
    rule: 'DefaultPosture',
    severity: '',
    policyKind: 'KubeArmorPolicy',
    message: 'no rule names it, and KubeArmorPolicy shop/only makes an allow-list',
  });
});

test('what could not be judged says why', () => {
  expect(alertOf({ header: { site: SITE.unjudged, reason: 4 } }).message).toBe('refused because it could not be judged: tooDeep');
});

test('the alert of a container that is gone has what the kernel knew', () => {
  const alert = alertOf({ origin: undefined });
  expect(alert).toMatchObject({
    containerID: '',
    resource: '/bin/sh',
    policyName: 'DefaultPosture',
    message: 'the rules that decided are no longer in force',
  });
});

test('an event of the node itself matched a host policy', () => {
  expect(alertOf({ host: true, header: { container: 0 } })).toMatchObject({
    type: 'MatchedHostPolicy',
    containerName: '',
    namespaceName: '',
  });
});

test('hostile names stay inside their line', () => {
  const hostile = '/tmp/"\n{"policyName":"x"}\u2028\u2029\u0085\u001b[2J\ud800';
  const line = alertLine(alertOf({ resource: hostile }));
  expect(line).not.toMatch(/[\n\r\u2028\u2029\u0085\u001b]/);
  expect((JSON.parse(line) as Alert).resource).toBe(hostile);
  expect(Buffer.from(line).toString('utf8')).toBe(line);
});

test('in a container that is only audited the action says what would have been', () => {
  const allow = policyOf(manifest('allow', { spec: { process: { matchPaths: [{ path: '/bin/ls', action: 'Allow' }] } } }));
  const told = policyOf(manifest('told', { spec: { process: { matchPaths: [{ path: '/bin/sh', action: 'Audit' }] } } }));
  const actionOf = (policies: readonly Policy[], site: number): string => {
    const of = tableOf(...audited(policies));
    const { header, ...rest } = execRecord({ table: of, path: '/bin/sh', container: 5, generation: 1 });
    header[LAYOUT.event.verdict] = VERDICT.audit;
    header[LAYOUT.event.site] = site;
    const explained = explain({ header, ...rest }, { ...origin, table: of });
    return explained === undefined ? '' : toAlert(explained, place).action;
  };
  expect(actionOf([policy], SITE.exact)).toBe('Audit (Block)');
  expect(actionOf([told], SITE.exact)).toBe('Audit');
  expect(actionOf([allow], SITE.default)).toBe('Audit (Allow)');
});

test('a mount that is refused for the sake of rules about files is the default’s doing, and says why', () => {
  const alert = alertOf({
    header: { class: CLASS.hardening, site: SITE.switch, hook: HOOKS.indexOf('SB_MOUNT'), detail: 1 },
    resource: '/mnt',
  });
  expect(alert).toMatchObject({
    enforcer: 'BPFLSM',
    operation: 'Hardening',
    policyName: 'DefaultPosture',
    policyNamespace: 'shop',
    resource: '/mnt',
    data: 'lsm=SB_MOUNT',
    result: 'Operation not permitted',
  });
  expect(alert.message).toContain('a container that has rules');
});

test('a preset is named as the enforcer', () => {
  const header = { class: CLASS.presets, site: SITE.switch, hook: HOOKS.indexOf('FILE_OPEN'), detail: 18 };
  expect(alertOf({ header, resource: '/proc/1/environ' })).toMatchObject({
    enforcer: 'PRESET-protectEnv',
    operation: 'File',
    result: 'Permission denied',
  });
});
