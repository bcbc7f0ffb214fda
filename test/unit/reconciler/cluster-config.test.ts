import { expect, test } from '@jest/globals';
import { clusterConfig } from '../../../reconciler/src/cluster-config.ts';

test('in a pod nothing has to be said', () => {
  const env = { POD_NAMESPACE: 'security', POD_NAME: 'parapet-reconciler-0', PATH: '/bin', SECRET: 'not for Git' };
  expect(clusterConfig(env, {}).config).toEqual({
    namespace: 'security',
    identity: 'parapet-reconciler-0',
    data: '/var/lib/parapet',
    git: { environment: { PATH: '/bin' } },
    localRepositories: false,
    parallel: 4,
    log: 'json',
    operations: { host: '::', port: 8080 },
    webhooks: { host: '::', port: 9292 },
  });
});

test('doors can be elsewhere or shut, and Flux reaches artifacts by the name of their service', () => {
  const { config } = clusterConfig({}, { operations: 'off', webhooks: '127.0.0.1:1', artifacts: '[::1]:9790', namespace: 'x' });
  expect(config?.operations).toBeUndefined();
  expect(config?.webhooks).toEqual({ host: '127.0.0.1', port: 1 });
  expect(config?.artifacts).toEqual({ listen: { host: '::1', port: 9790 }, url: 'http://parapet-artifacts.x.svc' });
});

test('the package store is the one of the flag, else the one of the environment', () => {
  const env = { PARAPET_PACKAGES: '/of/env' };
  expect(
    [clusterConfig(env, {}), clusterConfig(env, { packages: '/of/flag' }), clusterConfig({ PARAPET_PACKAGES: '' }, {})].map(
      ({ config }) => config?.packages,
    ),
  ).toEqual(['/of/env', '/of/flag', undefined]);
});

test('every mistake is told at once, and there is no configuration then', () => {
  const flags = {
    ...{ namespace: 'No Name', cluster: 'a/b', operations: '8080', webhooks: 'host:99999', artifactsUrl: 'ftp://x' },
    ...{ parallel: 'many', log: 'xml' },
  };
  const { config, problems } = clusterConfig({}, flags);
  expect(config).toBeUndefined();
  expect(problems.map(({ place }) => place.field)).toEqual([
    'namespace',
    'cluster',
    'operations',
    'webhooks',
    'artifactsUrl',
    'parallel',
    'log',
  ]);
});
