/** A cluster, a repository and a controller as it is installed, to measure with: pushes as a host tells them, and what becomes of them. */
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Connection } from '../../../reconciler/src/adapters/kubernetes/connection.ts';
import { isReady, World } from '../../cluster/world.ts';
import type { FoundPolicy, FoundSource } from '../../cluster/world.ts';
import { HOME } from '../../support/cluster/controller-process.ts';
import type { ControllerProcess } from '../../support/cluster/controller-process.ts';
import { memoryOf } from './process-memory.ts';

const SECRET = 'of-the-hook';
const NAMESPACE = 'shop';
const SOURCE = 'bench';
/** Milliseconds until something that does not come about ends the measurement. */
const PATIENCE = 120_000;
const SOURCES = `/apis/parapet.dev/v1alpha1/namespaces/${HOME}/policysources`;
export const POLICIES = `/apis/security.kubearmor.com/v1/namespaces/${NAMESPACE}/kubearmorpolicies`;

interface Named {
  readonly metadata: { readonly name: string };
}

interface Listed {
  readonly metadata: { readonly resourceVersion: string };
}

export class BenchWorld {
  readonly world: World;
  readonly controller: ControllerProcess;
  /** The administrator's. */
  readonly connection: Connection;
  #deliveries = 0;

  private constructor(world: World) {
    this.world = world;
    this.controller = world.start();
    this.connection = new Connection({ kubeconfig: world.plane.kubeconfig() });
  }

  static async begin(): Promise<BenchWorld> {
    const world = await World.begin({ built: true });
    const bench = new BenchWorld(world);
    await world.plane.must(['create', 'namespace', NAMESPACE]);
    await world.plane.must(['create', 'secret', 'generic', 'hook', '-n', HOME, `--from-literal=token=${SECRET}`]);
    await bench.controller.line(({ message }) => message === 'this process leads');
    return bench;
  }

  async end(): Promise<void> {
    await this.connection.close();
    await this.world.end();
  }

  /** Pushes a program with a policy for each path that it blocks, without a word to the controller; gives the commit. */
  push(paths: readonly string[]): string {
    return this.world.repository.commit({ 'main.ts': programOf(paths) });
  }

  /** Pushes a commit with the same files. */
  pushNothing(): string {
    return this.world.repository.commit({});
  }

  /** Makes the source; what was pushed is carried out then. */
  async follow(): Promise<void> {
    await this.world.plane.apply([this.world.source(SOURCE, { webhook: { secretRef: { name: 'hook' } }, timeout: '5m' })]);
  }

  /** Waits until the source has carried out a commit and is at rest. */
  async settled(commit: string): Promise<void> {
    await this.world.when(SOURCE, (found) => found.status?.lastAppliedRevision?.endsWith(commit) === true && isReady(found), PATIENCE);
  }

  /** Takes the source back, and with it its policies. */
  async leave(): Promise<void> {
    await this.world.plane.must(['delete', 'policysource', SOURCE, '-n', HOME, '--timeout=120s']);
  }

  /** Milliseconds until a run of the same commit, which somebody asks for, has ended. */
  async lookAgain(): Promise<number> {
    const at = `${performance.now()}`;
    const path = `${SOURCES}/${SOURCE}`;
    const is = ({ status }: FoundSource): boolean => status?.lastHandledReconcileAt === at;
    return this.#until(SOURCES, is, async () => {
      const body = { metadata: { annotations: { 'reconcile.parapet.dev/requestedAt': at } } };
      await this.connection.ask({ method: 'PATCH', path, body, contentType: 'application/merge-patch+json' });
    });
  }

  /** Milliseconds from the webhook's sending until the source says that it has carried out a commit. */
  async conclude(commit: string): Promise<number> {
    return this.#until(
      SOURCES,
      (found: FoundSource) => found.status?.lastAppliedRevision?.endsWith(commit) === true,
      () => this.#send(commit),
    );
  }

  /** Milliseconds from the webhook's sending until so many policies are stored as the commit wants them. */
  async deliver(commit: string, policies: number): Promise<number> {
    return this.arrive(commit, policies, () => this.#send(commit));
  }

  /** Milliseconds from the beginning of `act` until so many policies are stored as the commit wants them. */
  async arrive(commit: string, policies: number, act: () => Promise<void>): Promise<number> {
    const seen = new Set<string>();
    const isLast = ({ metadata }: FoundPolicy & Named): boolean => {
      if (metadata.annotations['parapet.dev/commit'] === commit) seen.add(metadata.name);
      return seen.size === policies;
    };
    return this.#until(POLICIES, isLast, act);
  }

  /** Milliseconds from the beginning of `act` until the watch of a list tells of an object that `is` takes. */
  async #until<T>(list: string, is: (object: T) => boolean, act: () => Promise<void>): Promise<number> {
    const { metadata } = await this.connection.ask<Listed>({ method: 'GET', path: list, query: { limit: '1' } });
    const signal = AbortSignal.timeout(PATIENCE);
    let { resourceVersion } = metadata;
    let started: number | undefined;
    // The server ends the watches of whoever is slow to read.
    while (!signal.aborted) {
      const stop = new AbortController();
      const query = { watch: 'true', resourceVersion };
      const lines = this.connection.lines({ path: list, query, signal: AbortSignal.any([stop.signal, signal]) });
      const first = lines.next();
      try {
        if (started === undefined) {
          started = performance.now();
          await act();
        }
        for (let next = await first; next.done !== true; next = await lines.next()) {
          if (next.value === '') continue;
          const { object } = JSON.parse(next.value) as { readonly object: T & Listed };
          if (is(object)) return performance.now() - started;
          ({ resourceVersion } = object.metadata);
        }
      } catch (cause) {
        throw new Error(`what is waited for in ${list} does not come\n${this.controller.log}`, { cause });
      } finally {
        stop.abort();
        await first.catch(() => undefined);
      }
    }
    throw new Error(`what is waited for in ${list} does not come in time\n${this.controller.log}`);
  }

  async #send(commit: string): Promise<void> {
    const clone_url = `${this.world.server.url}/policies.git`;
    const repository = { full_name: 'you/policies', clone_url, html_url: clone_url };
    const body = JSON.stringify({ ref: 'refs/heads/main', after: commit, repository });
    const port = await this.controller.port('webhooks');
    this.#deliveries += 1;
    const headers = {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-hub-signature-256': `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`,
      'x-github-delivery': `${this.#deliveries}`,
    };
    const answer = await fetch(`http://127.0.0.1:${port}/hook`, { method: 'POST', body, headers });
    await answer.text();
    if (!answer.ok) throw new Error(`the webhook is answered with ${answer.status}`);
  }

  /** Milliseconds that all runs of a stage took so far, and how many there were, by stage. */
  async stages(): Promise<ReadonlyMap<string, { readonly milliseconds: number; readonly runs: number }>> {
    const port = await this.controller.port('operations');
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const stages = new Map<string, { milliseconds: number; runs: number }>();
    for (const [, part, stage = '', value] of text.matchAll(/^parapet_stage_duration_seconds_(sum|count)\{stage="(\w+)"\} (\S+)$/gm)) {
      const known = stages.get(stage) ?? { milliseconds: 0, runs: 0 };
      if (part === 'sum') known.milliseconds = Number(value) * 1000;
      else known.runs = Number(value);
      stages.set(stage, known);
    }
    return stages;
  }

  /** Kilobytes of the controller's own process, by /proc's names: `VmRSS`, `VmHWM`, `Pss`. */
  memory(): Readonly<Record<string, number>> {
    return memoryOf(this.controller.pid);
  }

  /** Processor seconds so far: of the controller with what it has started, and of the API server. */
  processorSeconds(): { readonly controller: number; readonly api: number } {
    const fields = readFileSync(`/proc/${this.controller.pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    // utime, stime, cutime and cstime: proc(5) counts them from 14, in hundredths of a second.
    const hundredths = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return { controller: hundredths / 100, api: this.world.plane.processorSeconds().api };
  }
}

function programOf(paths: readonly string[]): string {
  return [
    "import { App, Chart } from 'cdk8s';",
    "import { ContainerPolicy } from '@parapet/sdk';",
    'const app = new App();',
    `const chart = new Chart(app, 'shop', { namespace: '${NAMESPACE}' });`,
    'const policy = (name: string, path: string) => {',
    '  const one = new ContainerPolicy(chart, name, { select: { app: name }, metadata: { name } });',
    "  one.blockExec(path, '/bin/sh').readOnly(`/etc/${name}/`).blockNetwork('raw');",
    '};',
    ...paths.map((path, index) => `policy('p${index}', '${path}');`),
    'app.synth();',
  ].join('\n');
}
