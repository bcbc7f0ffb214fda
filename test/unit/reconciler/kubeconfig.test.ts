import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { loadKubeConfig } from '../../../reconciler/src/adapters/kubernetes/kubeconfig.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parapet-kubeconfig-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A file with a cluster, a user and a context of each of these names. */
function write(file: string, names: readonly string[], more: object = {}): string {
  const path = join(folder, file);
  const config = {
    clusters: names.map((name) => ({ name, cluster: { server: `https://${name}.${file}.test`, 'certificate-authority': 'ca.crt' } })),
    users: names.map((name) => ({ name, user: { token: 's3cret' } })),
    contexts: names.map((name) => ({ name, context: { cluster: name, user: name, namespace: `${name}-space` } })),
    ...more,
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}
const complaint = (choice: Parameters<typeof loadKubeConfig>[0]): string => {
  try {
    loadKubeConfig(choice);
  } catch (error) {
    const { name, message, cause } = error as Error;
    expect({ name, cause }).toEqual({ name: 'StageError', cause: undefined });
    return message;
  }
  return '';
};

test('the current context is meant unless another one is named; paths are beside the file', () => {
  const kubeconfig = write('a', ['dev', 'prod'], { 'current-context': 'dev' });
  const server = (context?: string): string | undefined => loadKubeConfig({ kubeconfig, context }).getCurrentCluster()?.server;
  expect([server(), server('prod')]).toEqual(['https://dev.a.test', 'https://prod.a.test']);
  expect(loadKubeConfig({ kubeconfig }).getCurrentCluster()?.caFile).toBe(join(folder, 'ca.crt'));
});

test('of several files the first that names something counts, and one that is not there is passed over', () => {
  const files = [join(folder, 'missing'), write('a', ['dev']), write('b', ['dev', 'prod'], { 'current-context': 'prod' })];
  const config = loadKubeConfig({ kubeconfig: files });
  expect(config.getClusters().map(({ server }) => server)).toEqual(['https://dev.a.test', 'https://prod.b.test']);
  expect(config.getCurrentContext()).toBe('prod');
});

test('what is wrong is told without anything of what a file holds', () => {
  const kubeconfig = write('a', ['dev', 'prod']);
  expect(complaint({ kubeconfig })).toBe(`${kubeconfig} has no current context: there are dev, prod`);
  expect(complaint({ kubeconfig, context: 'x' })).toBe(`there is no context "x" in ${kubeconfig}: there are dev, prod`);
  const clusterless = write('b', ['dev'], { 'current-context': 'dev', clusters: [] });
  expect(complaint({ kubeconfig: clusterless })).toBe(`the context dev in ${clusterless} names no cluster`);
  const broken = join(folder, 'broken');
  writeFileSync(broken, 'users:\n- name: a\n  user: { token: s3cret\n   x');
  expect(complaint({ kubeconfig: broken })).toBe(`${broken} is not a kubeconfig`);
  expect(complaint({ kubeconfig: folder })).toBe(`${folder} can't be read: EISDIR`);
  expect(complaint({ kubeconfig: join(folder, 'missing') })).toBe(`there is no kubeconfig at ${join(folder, 'missing')}`);
});
