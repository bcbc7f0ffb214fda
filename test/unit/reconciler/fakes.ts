/** A world for the reconciler's stories: time that passes when told, a store and a target in memory. */
import type { Inventory } from '../../../reconciler/src/inventory.ts';
import type { StoredFile } from '../../../reconciler/src/manifest.ts';
import { Pace } from '../../../reconciler/src/pace.ts';
import type { Clock, PolicyTarget, ReportFile, Store } from '../../../reconciler/src/ports.ts';
import { Statuses, STATUS_SETTINGS } from '../../../reconciler/src/statuses.ts';
import type { NodeReport } from '@parapet/policy';

/** Lets everything run that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((done) => setImmediate(done));
}

/** Time passes only in `advance`. */
export class FakeClock implements Clock {
  #now = 1_000_000;
  #sleepers: { readonly until: number; readonly wake: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  /** How many wait for time to pass. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper = { until: this.#now + milliseconds, wake: resolve };
      this.#sleepers.push(sleeper);
      signal.addEventListener('abort', () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        resolve();
      });
    });
  }

  /** Lets `milliseconds` pass, waking each sleeper at its time. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (;;) {
      await settle();
      const next = this.#sleepers.toSorted((a, b) => a.until - b.until)[0];
      if (next === undefined || next.until > end) break;
      this.#sleepers = this.#sleepers.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.until);
      next.wake();
    }
    this.#now = end;
  }
}

/** A store that keeps a copy, as a disk would. */
export function memoryStore(): Store & { value: unknown } {
  const store = {
    value: undefined as unknown,
    load: () => Promise.resolve(store.value),
    save: (value: unknown): Promise<void> => {
      store.value = JSON.parse(JSON.stringify(value)) as unknown;
      return Promise.resolve();
    },
  };
  return store;
}

type StatusWiring = ConstructorParameters<typeof Statuses>[0];

/** Statuses at the host's own pace, unless told, whose waits are as long as they can be. */
export function statusesFor(wiring: Pick<StatusWiring, 'host' | 'store' | 'clock' | 'log'> & Partial<StatusWiring>): Statuses {
  const pace = new Pace(wiring.host.limits.pace, wiring.clock);
  return new Statuses({ pace, random: () => 1, settings: STATUS_SETTINGS, ...wiring });
}

/** A target in memory. */
export class FakeTarget implements PolicyTarget {
  applied: { readonly inventory: Inventory; readonly files: readonly StoredFile[] } | undefined;
  files: ReportFile[] = [];
  /** What the next call of any method throws. */
  failure: Error | undefined;

  open(): Promise<readonly []> {
    return Promise.resolve([]);
  }

  async inventory(): Promise<Inventory | undefined> {
    this.#fail();
    return Promise.resolve(this.applied?.inventory);
  }

  async apply(revision: { readonly inventory: Inventory; readonly files: readonly StoredFile[] }): Promise<void> {
    this.#fail();
    this.applied = revision;
    return Promise.resolve();
  }

  async reports(): Promise<readonly ReportFile[]> {
    this.#fail();
    return Promise.resolve(this.files);
  }

  /** What nodes have written by now. */
  report(now: number, ...reports: readonly NodeReport[]): void {
    this.files = reports.map((value) => ({ node: value.metadata.name, value, modified: now }));
  }

  #fail(): void {
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }
}
