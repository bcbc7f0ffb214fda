/** A cluster with many PolicySources, each of a branch of one repository, and one controller as it is installed. */
import { Connection } from '../../../reconciler/src/adapters/kubernetes/connection.ts';
import { isReady, World } from '../../cluster/world.ts';
import type { FoundSource } from '../../cluster/world.ts';
import { HOME } from '../../support/cluster/controller-process.ts';
import type { ControllerProcess } from '../../support/cluster/controller-process.ts';
import { memoryOf } from '../cluster/process-memory.ts';

const NAMESPACE = 'shop';
const SOURCES = `/apis/parapet.dev/v1alpha1/namespaces/${HOME}/policysources`;
/** Milliseconds until a commit that is not carried out ends the measurement. */
const PATIENCE = 300_000;
/** Policies of each source; each commit changes one of them and replaces another. */
const POLICIES = 5;

type Told = FoundSource & { readonly metadata: { readonly name: string; readonly resourceVersion: string } };

/** Bytes. */
export interface Sample {
  /** Of the process, as the kernel counts it. */
  readonly resident: number;
  /** What JavaScript's objects take, those that nobody uses any more and that are not collected yet among them. */
  readonly heap: number;
}

export class SoakWorld {
  readonly #world: World;
  readonly #controller: ControllerProcess;
  /** The administrator's. */
  readonly #connection: Connection;
  readonly #stop = new AbortController();
  readonly #waiting = new Set<(told: Told) => void>();
  #watch: Promise<void> = Promise.resolve();

  private constructor(world: World) {
    this.#world = world;
    this.#controller = world.start();
    this.#connection = new Connection({ kubeconfig: world.plane.kubeconfig() });
  }

  /** All sources are there and have carried out a first commit. */
  static async begin(sources: number): Promise<SoakWorld> {
    const soak = new SoakWorld(await World.begin({ built: true }));
    const { plane } = soak.#world;
    await plane.must(['create', 'namespace', NAMESPACE]);
    await soak.#controller.line(({ message }) => message === 'this process leads');
    const { metadata } = await soak.#connection.ask<{ metadata: { resourceVersion: string } }>({ method: 'GET', path: SOURCES });
    soak.#watch = soak.#follow(metadata.resourceVersion);
    const commits = Array.from({ length: sources }, (_, source) => soak.#push(source, 0));
    const done = commits.map((commit, source) => soak.#carriedOut(source, commit));
    await plane.apply(commits.map((_, source) => soak.#world.source(nameOf(source), { ref: { branch: nameOf(source) } })));
    await Promise.all(done);
    return soak;
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#watch.catch(() => undefined);
    await this.#connection.close();
    await this.#world.end();
  }

  /** Pushes the commit `number` of a source, and waits until the source says that it is applied whole. */
  async commit(source: number, number: number): Promise<void> {
    const done = this.#carriedOut(source, this.#push(source, number));
    const body = { metadata: { annotations: { 'reconcile.parapet.dev/requestedAt': `${Date.now()}-${number}` } } };
    const path = `${SOURCES}/${nameOf(source)}`;
    await this.#connection.ask({ method: 'PATCH', path, body, contentType: 'application/merge-patch+json' });
    await done;
  }

  async sample(): Promise<Sample> {
    const port = await this.#controller.port('operations');
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const heap = Number(/^nodejs_heap_size_used_bytes (\S+)$/m.exec(text)?.[1]);
    return { resident: (memoryOf(this.#controller.pid)['VmRSS'] ?? Number.NaN) * 1024, heap };
  }

  #push(source: number, number: number): string {
    return this.#world.repository.commit({ 'main.ts': programOf(source, number) }, [`HEAD:${nameOf(source)}`]);
  }

  #carriedOut(source: number, commit: string): Promise<void> {
    return new Promise((done, refuse) => {
      const late = setTimeout(() => {
        this.#waiting.delete(hear);
        refuse(new Error(`${nameOf(source)} does not carry out ${commit}\n${this.#controller.log}`));
      }, PATIENCE);
      const hear = (told: Told): void => {
        if (told.metadata.name !== nameOf(source) || !isReady(told)) return;
        if (told.status?.lastAppliedRevision?.endsWith(commit) !== true) return;
        clearTimeout(late);
        this.#waiting.delete(hear);
        done();
      };
      this.#waiting.add(hear);
    });
  }

  /** The server ends a watch now and then; it goes on from where it was. */
  async #follow(from: string): Promise<void> {
    const { signal } = this.#stop;
    let resourceVersion = from;
    while (!signal.aborted) {
      for await (const line of this.#connection.lines({ path: SOURCES, query: { watch: 'true', resourceVersion }, signal })) {
        if (line === '') continue;
        const { object } = JSON.parse(line) as { readonly object: Told };
        ({ resourceVersion } = object.metadata);
        for (const hear of this.#waiting) hear(object);
      }
    }
  }
}

const nameOf = (source: number): string => `source-${source}`;

/** Nothing is imported that would have to be bundled: that is done by other processes, whose memory goes with them. */
function programOf(source: number, number: number): string {
  const policies = Array.from({ length: POLICIES }, (_, at) => {
    const name = `${nameOf(source)}-p${at < POLICIES - 1 ? at : POLICIES + (number % 2)}`;
    const path = at === 0 ? `/opt/v${number}` : '/bin/sh';
    return {
      apiVersion: 'security.kubearmor.com/v1',
      kind: 'KubeArmorPolicy',
      metadata: { name, namespace: NAMESPACE },
      spec: { selector: { matchLabels: { app: name } }, process: { matchPaths: [{ path }] }, action: 'Block' },
    };
  });
  return [
    "import { mkdirSync, writeFileSync } from 'node:fs';",
    "mkdirSync('dist');",
    `const policies = ${JSON.stringify(policies)};`,
    "writeFileSync('dist/shop.yaml', policies.map((each) => JSON.stringify(each)).join('\\n---\\n'));",
    '',
  ].join('\n');
}
