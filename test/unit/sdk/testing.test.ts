import { expect, test } from '@jest/globals';
import { App, Chart } from 'cdk8s';
import { ClusterPolicy, ContainerPolicy, HostPolicy, NETWORK_NAMES, Policies, policyMatchers } from '@parapet/sdk';
import type { NetworkName } from '@parapet/sdk';

const newChart = (): Chart => new Chart(new App(), 'chart');

test('a question is answered by the policies that are for its workload', () => {
  const chart = newChart();
  new ContainerPolicy(chart, 'web', { namespace: 'shop', select: { app: 'web' } }).blockExec('/bin/a');
  new ClusterPolicy(chart, 'all').blockExec('/bin/b');
  new HostPolicy(chart, 'nodes').blockExec('/bin/c');
  const policies = Policies.of(chart);
  const web = { namespace: 'shop', labels: { app: 'web' } };
  expect(policies.matching(web)).toEqual(['web', 'all']);
  expect(policies.matching({ host: true })).toEqual(['nodes']);
  expect(policies.in(web).matching()).toEqual(['web', 'all']);
  expect(policies.in(web).decide({ exec: '/bin/a' }).verdict).toBe('block');
  expect(policies.in(web).decide({ exec: '/bin/a', in: { namespace: 'other' } }).verdict).toBe('none');
  expect(policies.decide({ exec: '/bin/c', in: { host: true } }).verdict).toBe('block');
});

test('a policy with problems is an error that lists them', () => {
  const chart = newChart();
  new ContainerPolicy(chart, 'web').blockExec('bin/a', 'bin/b');
  expect(() => Policies.of(chart)).toThrow(/matchPaths\[0\]\.path.*\n.*matchPaths\[1\]\.path/);
});

const NAMES = NETWORK_NAMES.filter((name): name is Exclude<NetworkName, 'all'> => name !== 'all');

test.each(NAMES)('asking about %s asks about a socket of that name', (name) => {
  const policies = Policies.of(new ContainerPolicy(newChart(), 'p').blockNetwork(name));
  expect(policies.decide({ network: name }).verdict).toBe('block');
});

test('a matcher that fails says what decided, and where that was written', () => {
  const policies = Policies.of(new ContainerPolicy(newChart(), 'p').blockExec('/bin/a').allowFiles('/b'));
  const blocked = policyMatchers.toPass(policies, { exec: '/bin/a' });
  expect(blocked.pass).toBe(false);
  expect(blocked.message()).toMatch(
    /expected \{"exec":"\/bin\/a"\} to be allow or none, but it is block by spec\.process\.matchPaths\[0\] of default\/p \(.*testing\.test\.ts:\d+\)/,
  );
  expect(policyMatchers.toBlock(policies, { read: '/c' }).message()).toContain('it is audit by the default posture');
  expect(policyMatchers.toBlock(policies, { exec: '/bin/c' }).message()).toContain('no rule is about it');
  expect(policyMatchers.toBlock(policies, { exec: '/bin/a' }).message()).toContain('not to be block');
});
