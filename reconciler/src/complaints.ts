/** What is wrong with nodes' reports, each fault told once: a node writes its report again every few seconds. */
import { plain } from './describe.ts';
import type { Log } from './ports.ts';

export class Complaints {
  readonly #log: Log;
  /** The last fault of each node that has one. */
  readonly #faults = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** What is wrong with the node's report now; `undefined`: nothing. */
  about(node: string, wrong: string | undefined): void {
    if (this.#faults.get(node) === wrong) return;
    if (wrong === undefined) this.#faults.delete(node);
    else {
      this.#faults.set(node, wrong);
      this.#log({ level: 'warn', stage: 'report', message: `the report of node ${plain(node)} is ignored: ${plain(wrong)}` });
    }
  }
}
