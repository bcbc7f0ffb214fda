/** A control plane, Git repositories over HTTP, and the controller's own process with the rights that the installation gives. */
import type { Condition, SourceStatus } from '../../reconciler/src/source-status.ts';
import { ControlPlane } from '../support/cluster/control-plane.ts';
import { ControllerProcess, HOME, install, scratch } from '../support/cluster/controller-process.ts';
import { Repository, serveGit } from '../unit/reconciler/repositories.ts';
import type { GitServer, GitServerOptions } from '../unit/reconciler/repositories.ts';

/** What the tests look at of a PolicySource; what is not there makes a test fail by itself. */
export interface FoundSource {
  readonly metadata: { readonly generation: number; readonly finalizers: readonly string[] };
  readonly status?: SourceStatus;
}

export interface FoundPolicy {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly process: { readonly matchPaths: readonly { readonly path: string }[] };
  };
}

export interface GitopsOptions {
  readonly git?: GitServerOptions;
  readonly flags?: readonly string[];
  readonly flux?: boolean;
  /** Controllers as they are installed, not from the sources. */
  readonly built?: boolean;
}

export class World {
  readonly plane: ControlPlane;
  readonly kubeconfig: string;
  readonly repository = new Repository({ empty: true });
  readonly server: GitServer;
  readonly #data: { readonly path: string; readonly remove: () => void }[] = [];
  readonly #flags: readonly string[];
  readonly #built: boolean;
  readonly controllers: ControllerProcess[] = [];

  private constructor(
    plane: ControlPlane,
    kubeconfig: string,
    { server, flags = [], built = false }: { readonly server: GitServer } & GitopsOptions,
  ) {
    this.plane = plane;
    this.kubeconfig = kubeconfig;
    this.server = server;
    this.#flags = flags;
    this.#built = built;
  }

  static async begin({ git = { allowed: () => true }, flux = false, ...options }: GitopsOptions = {}): Promise<World> {
    const plane = await ControlPlane.start();
    const kubeconfig = await install(plane, { flux });
    const home = new Repository({ empty: true });
    const server = await serveGit(home.home, git);
    const world = new World(plane, kubeconfig, { server, ...options });
    Object.assign(world, { repository: home });
    return world;
  }

  /** Starts one more controller. */
  start(name = `parapet-reconciler-${this.controllers.length}`, flags: readonly string[] = []): ControllerProcess {
    const data = scratch();
    this.#data.push(data);
    const controller = ControllerProcess.start({
      kubeconfig: this.kubeconfig,
      data: data.path,
      name,
      built: this.#built,
      flags: [...this.#flags, ...flags],
    });
    this.controllers.push(controller);
    return controller;
  }

  async end(): Promise<void> {
    for (const controller of this.controllers) await controller.kill();
    await this.server.close();
    this.repository.remove();
    for (const { remove } of this.#data) remove();
    await this.plane.stop();
  }

  /** A PolicySource of the repository's main branch, which is asked once an hour unless told. */
  source(name: string, spec: object = {}, metadata: object = {}): object {
    return {
      apiVersion: 'parapet.dev/v1alpha1',
      kind: 'PolicySource',
      metadata: { name, namespace: HOME, ...metadata },
      spec: { url: `${this.server.url}/policies.git`, ref: { branch: 'main' }, interval: '1h', retryInterval: '1s', ...spec },
    };
  }

  async read(name: string): Promise<FoundSource> {
    return JSON.parse(await this.plane.must(['get', 'policysource', name, '-n', HOME, '-o', 'json'])) as FoundSource;
  }

  async policy(name: string, namespace: string): Promise<FoundPolicy> {
    return JSON.parse(await this.plane.must(['get', 'ksp', name, '-n', namespace, '-o', 'json'])) as FoundPolicy;
  }

  /** The PolicySource once it is as it should be; fails with it and the controllers' logs when it does not get so. */
  async when(name: string, is: (source: FoundSource) => boolean, patience = 60_000): Promise<FoundSource> {
    return this.until(`the PolicySource ${name}`, () => this.read(name), { is, patience });
  }

  async until<T>(
    what: string,
    look: () => Promise<T>,
    { is, patience = 60_000 }: { readonly is: (found: T) => boolean; readonly patience?: number },
  ): Promise<T> {
    for (const end = Date.now() + patience; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
      const found = await look();
      if (is(found)) return found;
      if (Date.now() > end)
        throw new Error(
          `${what} is not as it should be: ${JSON.stringify(found, undefined, 1)}\n${this.controllers.map(({ log }) => log).join('\n\n')}`,
        );
    }
  }

  /** Names of the policies in a namespace. */
  async policies(namespace = 'default'): Promise<string[]> {
    const listed = await this.plane.must(['get', 'ksp', '-n', namespace, '-o', 'jsonpath={.items[*].metadata.name}']);
    return listed.split(' ').filter((name) => name !== '');
  }

  /** Asks for a run, and waits until it has ended. */
  async sync(name: string, annotations: Readonly<Record<string, string>> = {}): Promise<FoundSource> {
    const at = `${new Date().toISOString()}-${Math.random()}`;
    const words = Object.entries({ 'reconcile.parapet.dev/requestedAt': at, ...annotations }).map(([key, value]) => `${key}=${value}`);
    await this.plane.must(['annotate', '--overwrite', 'policysource', name, '-n', HOME, ...words]);
    return this.when(name, ({ status }) => status?.lastHandledReconcileAt === at);
  }
}

/** The condition of this type; one that is not there has neither status nor message. */
export function condition(
  { status }: Pick<FoundSource, 'status'>,
  type: Condition['type'],
): Partial<Condition> & { readonly message: string } {
  return status?.conditions.find((one) => one.type === type) ?? { message: '' };
}

export function isReady(source: FoundSource): boolean {
  const { status, observedGeneration } = condition(source, 'Ready');
  return status === 'True' && observedGeneration === source.metadata.generation;
}

/** A program with a policy a name, in one namespace. */
export function program(names: readonly string[], { namespace = 'default', block = '/bin/sh', first = '' } = {}): Record<string, string> {
  return {
    'main.ts': [
      "import { App, Chart } from 'cdk8s';",
      "import { ContainerPolicy } from '@parapet/sdk';",
      'const app = new App();',
      `const chart = new Chart(app, 'shop', { namespace: '${namespace}' });`,
      first,
      ...names.map(
        (name) =>
          `new ContainerPolicy(chart, '${name}', { select: { app: '${name}' }, metadata: { name: '${name}' } }).blockExec('${block}');`,
      ),
      'app.synth();',
    ].join('\n'),
  };
}
