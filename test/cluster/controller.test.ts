/** PolicySources from a real Git server into a real API server by the controller's own process, with the rights that the installation gives. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { ControlPlane } from '../support/cluster/control-plane.ts';
import { ControllerProcess, HOME, install, scratch } from '../support/cluster/controller-process.ts';
import { Repository, serveGit } from '../unit/reconciler/repositories.ts';
import type { GitServer } from '../unit/reconciler/repositories.ts';
import { BUILD_PATIENCE, PATIENCE } from './manifests.ts';

let plane: ControlPlane;
let kubeconfig: string;
let controller: ControllerProcess;
let repository: Repository;
let server: GitServer;
let data: ReturnType<typeof scratch>;

beforeAll(async () => {
  plane = await ControlPlane.start();
  kubeconfig = await install(plane);
}, BUILD_PATIENCE);
afterAll(() => plane?.stop(), PATIENCE);

beforeEach(async () => {
  repository = new Repository({ empty: true });
  server = await serveGit(repository.home, { allowed: () => true });
  data = scratch();
  controller = ControllerProcess.start({ kubeconfig, data: data.path });
}, PATIENCE);
afterEach(async () => {
  await controller.kill();
  await server.close();
  repository.remove();
  data.remove();
}, PATIENCE);

const program = (...names: readonly string[]): Record<string, string> => ({
  'main.ts': [
    "import { App, Chart } from 'cdk8s';",
    "import { ContainerPolicy } from '@parapet/sdk';",
    'const app = new App();',
    "const chart = new Chart(app, 'shop', { namespace: 'default' });",
    ...names.map((name) => `new ContainerPolicy(chart, '${name}', { select: { app: '${name}' } }).blockExec('/bin/sh');`),
    'app.synth();',
  ].join('\n'),
});

const source = (name: string, spec: object = {}): object => ({
  apiVersion: 'parapet.dev/v1alpha1',
  kind: 'PolicySource',
  metadata: { name, namespace: HOME },
  spec: { url: `${server.url}/policies.git`, ref: { branch: 'main' }, interval: '1s', retryInterval: '1s', ...spec },
});

test(
  'a source becomes policies, and goes with them',
  async () => {
    const commit = repository.commit(program('web', 'api'));
    await plane.apply([source('shop')]);
    await plane.must(['wait', '--for=condition=Ready', 'policysource/shop', '-n', HOME, '--timeout=60s']).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${controller.log}`);
    });
    expect((await plane.must(['get', 'ksp', '-n', 'default', '-o', 'name'])).trim().split('\n').length).toBe(2);
    expect(commit).toHaveLength(40);
    await plane.must(['delete', 'policysource/shop', '-n', HOME, '--timeout=60s']).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${controller.log}`);
    });
    expect(await plane.must(['get', 'ksp', '-n', 'default', '-o', 'name'])).toBe('');
    expect(await controller.stop()).toBe(0);
    console.log(controller.log);
  },
  PATIENCE,
);
