/** Everything that the API server tells of policies in a namespace and of PolicySources, from now on and in its order. */
import type { Connection } from '../../../reconciler/src/adapters/kubernetes/connection.ts';
import { HOME } from '../cluster/controller-process.ts';
import type { PolicyEvent, SourceEvent } from './history.ts';

export interface StoredPolicy {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly generation: number;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: { readonly process: { readonly matchPaths: readonly { readonly path: string }[] } };
}

interface StoredSource {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly status?: { readonly lastAttemptedRevision?: string };
}

interface Told<T> {
  readonly type: string;
  readonly object: T;
}

export const policiesPath = (namespace: string): string => `/apis/security.kubearmor.com/v1/namespaces/${namespace}/kubearmorpolicies`;
export const SOURCES_PATH = `/apis/parapet.dev/v1alpha1/namespaces/${HOME}/policysources`;

export class ClusterWatch {
  readonly policies: PolicyEvent[] = [];
  readonly sources: SourceEvent[] = [];
  readonly #connection: Connection;
  readonly #stop = new AbortController();
  #watches: readonly Promise<void>[] = [];
  #onPolicy: () => void = () => undefined;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** `onPolicy` hears of each change of a policy. */
  static async begin(connection: Connection, namespace: string, onPolicy: () => void): Promise<ClusterWatch> {
    const watch = new ClusterWatch(connection);
    watch.#onPolicy = onPolicy;
    const policies = await watch.#from(policiesPath(namespace));
    const sources = await watch.#from(SOURCES_PATH);
    watch.#watches = [
      watch.#follow(policiesPath(namespace), policies, (told: Told<StoredPolicy>) => watch.#policy(told)),
      watch.#follow(SOURCES_PATH, sources, (told: Told<StoredSource>) => watch.#source(told)),
    ];
    return watch;
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#watches);
  }

  async #from(path: string): Promise<string> {
    const { metadata } = await this.#connection.ask<{ metadata: { resourceVersion: string } }>({ method: 'GET', path });
    return metadata.resourceVersion;
  }

  /** A watch that the server ends goes on from where it was, so that nothing is missed. */
  async #follow<T extends { readonly metadata: { readonly resourceVersion: string } }>(
    path: string,
    from: string,
    hear: (told: Told<T>) => void,
  ): Promise<void> {
    const { signal } = this.#stop;
    let resourceVersion = from;
    while (!signal.aborted) {
      for await (const line of this.#connection.lines({ path, query: { watch: 'true', resourceVersion }, signal })) {
        if (line === '') continue;
        const told = JSON.parse(line) as Told<T>;
        if (told.type === 'ERROR') throw new Error(`the watch of ${path} has failed: ${line}`);
        resourceVersion = told.object.metadata.resourceVersion;
        hear(told);
      }
    }
  }

  #policy({ type, object: { metadata, spec } }: Told<StoredPolicy>): void {
    const source = metadata.labels?.['parapet.dev/source-name'];
    const commit = metadata.annotations?.['parapet.dev/commit'];
    const version = spec.process.matchPaths[0]?.path;
    this.policies.push({
      type: type as PolicyEvent['type'],
      resourceVersion: Number(metadata.resourceVersion),
      at: Date.now(),
      name: metadata.name,
      ...(source === undefined ? {} : { source }),
      ...(commit === undefined ? {} : { commit }),
      ...(version === undefined ? {} : { version }),
    });
    this.#onPolicy();
  }

  #source({ object: { metadata, status } }: Told<StoredSource>): void {
    const attempted = status?.lastAttemptedRevision?.split(':').at(-1);
    if (attempted !== undefined) this.sources.push({ resourceVersion: Number(metadata.resourceVersion), source: metadata.name, attempted });
  }
}
