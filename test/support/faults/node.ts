/** A node that puts every policy in force that it is told of, and says so. */
import { serverSideApply } from '../../../reconciler/src/adapters/kubernetes/apply.ts';
import type { Connection } from '../../../reconciler/src/adapters/kubernetes/connection.ts';
import { nodeReport, policyReport } from '../../unit/reconciler/builders.ts';
import { policiesPath } from './cluster-watch.ts';
import type { StoredPolicy } from './cluster-watch.ts';

/** Milliseconds between two reports: changes come in crowds. */
const GATHER = 150;
/** Milliseconds after which a report is renewed: one that is old counts for nothing. */
const RENEW = 15_000;

export class ReportingNode {
  readonly #connection: Connection;
  readonly #namespace: string;
  readonly #stop = new AbortController();
  #isDue = true;
  #running: Promise<void> = Promise.resolve();

  constructor(connection: Connection, namespace: string) {
    this.#connection = connection;
    this.#namespace = namespace;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Something has changed. */
  look(): void {
    this.#isDue = true;
  }

  /** Rejects when it could not report. */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let last = 0; !this.#stop.signal.aborted; await new Promise((resolve) => setTimeout(resolve, GATHER))) {
      if (!this.#isDue && Date.now() - last < RENEW) continue;
      this.#isDue = false;
      last = Date.now();
      await this.#report();
    }
  }

  async #report(): Promise<void> {
    const path = policiesPath(this.#namespace);
    const { items } = await this.#connection.ask<{ items: readonly StoredPolicy[] }>({ method: 'GET', path });
    const policies = items.map(({ metadata: { name, generation, annotations } }) => {
      const commit = annotations?.['parapet.dev/commit'];
      return policyReport(name, { namespace: this.#namespace, generation, ...(commit === undefined ? {} : { commit }) });
    });
    const object = { ...nodeReport('node-1', { observedAt: new Date().toISOString(), policies }) };
    const at = '/apis/parapet.dev/v1alpha1/nodereports/node-1';
    await serverSideApply(this.#connection, { path: at, object, force: true, signal: this.#stop.signal }).catch((error: unknown) => {
      if (!this.#stop.signal.aborted) throw error;
    });
  }
}
