import { expect, test } from '@jest/globals';
import { readConfig, socketIn } from '../../../agent/src/config.ts';

test('only the policies must be named', () => {
  const { config, problems } = readConfig({ policies: '/etc/policies' }, 'host1');
  expect(problems).toEqual([]);
  expect(config).toMatchObject({
    policies: '/etc/policies',
    alerts: '-',
    runtime: 'unix:///run/containerd/containerd.sock',
    node: 'host1',
    postures: { file: 'audit', network: 'audit', capabilities: 'audit' },
    reports: undefined,
    socket: '/run/parapet/agent.sock',
    cluster: 'default',
    hostPostures: { file: 'audit', network: 'audit', capabilities: 'audit' },
    unknown: 'hold',
    whenGone: 'open',
  });
});

test('every wrong flag is told at once', () => {
  const flags = { policies: '', alerts: '', runtime: 'tcp://10.0.0.1:1', node: '../x', defaultPosture: 'no' };
  expect(readConfig(flags, 'host1').problems.map(({ place }) => place.field)).toEqual([
    '--default-posture',
    '--node',
    '--policies',
    '--runtime',
    '--alerts',
  ]);
  expect(readConfig(flags, 'host1').config).toBeUndefined();
});

test('the node’s own posture is that of containers unless it is said', () => {
  const both = readConfig({ policies: 'p', defaultPosture: 'block' }, 'n').config;
  expect(both?.hostPostures).toEqual(both?.postures);
  const apart = readConfig({ policies: 'p', defaultPosture: 'block', hostDefaultPosture: 'file=audit' }, 'n').config;
  expect(apart?.hostPostures).toEqual({ file: 'audit', network: 'audit', capabilities: 'audit' });
  expect(readConfig({ policies: 'p', hostDefaultPosture: 'no' }, 'n').problems.map(({ place }) => place.field)).toEqual([
    '--host-default-posture',
  ]);
});

test('how unknown containers are met is one of a few words', () => {
  const config = readConfig({ policies: 'p', unknownContainers: 'deny', whenAgentIsGone: 'deny' }, 'n').config;
  expect(config).toMatchObject({ unknown: 'deny', whenGone: 'deny' });
  const { problems } = readConfig({ policies: 'p', unknownContainers: 'kill', whenAgentIsGone: 'hold' }, 'n');
  expect(problems.map(({ place, hint }) => [place.field, hint])).toEqual([
    ['--unknown-containers', 'write hold or deny or allow'],
    ['--when-agent-is-gone', 'write open or deny'],
  ]);
});

test('the socket lies in the state directory', () => {
  expect(socketIn()).toBe('/run/parapet/agent.sock');
  expect(socketIn('/tmp/x')).toBe('/tmp/x/agent.sock');
});
