/** Every policy in the cluster, kept up to date by watches: what is there is known without asking. */
import { POLICY_KINDS, refKey } from '@parapet/policy';
import type { PolicyKind, PolicyRef } from '@parapet/policy';
import { livePolicy } from '../../live-policy.ts';
import type { LivePolicy } from '../../live-policy.ts';
import type { Connection } from './connection.ts';
import { policiesPath } from './kinds.ts';
import { watchObjects } from './watch.ts';

export interface LiveOptions {
  readonly connection: Connection;
  /** Hears of every policy that is another than before, or gone. */
  readonly onChange?: (change: {
    readonly ref: PolicyRef;
    readonly before: LivePolicy | undefined;
    readonly now: LivePolicy | undefined;
  }) => void;
  /** Hears of every policy that is told of, with the whole object, also when nothing but its status has changed. */
  readonly onTold?: (live: LivePolicy, object: unknown) => void;
  readonly onBroken?: (kind: string, why: string) => void;
  readonly relist?: number;
}

export class LivePolicies {
  readonly #options: LiveOptions;
  readonly #policies = new Map<string, LivePolicy>();
  /** Names by the uid of the source that made them. */
  readonly #byOwner = new Map<string, Set<string>>();
  readonly #synced = new Set<PolicyKind>();
  #waiting: (() => void)[] = [];

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  /** Watches until the signal is aborted. */
  async watch(signal: AbortSignal): Promise<void> {
    await Promise.all(POLICY_KINDS.map((kind) => this.#watch(kind, signal)));
  }

  /** Resolves when every policy that there was at the start is known. */
  async synced(signal: AbortSignal): Promise<void> {
    while (this.#synced.size < POLICY_KINDS.length) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  get(key: string): LivePolicy | undefined {
    return this.#policies.get(key);
  }

  /** All that the source with this uid made. */
  of(source: string): readonly LivePolicy[] {
    return [...(this.#byOwner.get(source) ?? [])].map((key) => this.#policies.get(key)).filter((live) => live !== undefined);
  }

  /** Takes what a write answered, so that nobody has to wait for the watch to say the same. */
  note(kind: PolicyKind, object: unknown): void {
    const live = livePolicy(kind, object);
    if (live !== undefined && this.#put(live)) this.#options.onTold?.(live, object);
  }

  forget(ref: PolicyRef): void {
    this.#remove(refKey(ref));
  }

  async #watch(kind: PolicyKind, signal: AbortSignal): Promise<void> {
    const { connection, relist, onBroken } = this.#options;
    const options = { connection, path: policiesPath(kind), ...(relist === undefined ? {} : { relist }) };
    await watchObjects(
      options,
      {
        onObject: (object) => this.note(kind, object),
        onGone: (key) => {
          const [namespace = '', name = ''] = key.split('/');
          this.#remove(refKey({ kind, namespace, name }));
        },
        onSynced: () => {
          this.#synced.add(kind);
          for (const wake of this.#waiting.splice(0)) wake();
        },
        onBroken: (why) => onBroken?.(kind, why),
      },
      signal,
    );
  }

  /** Whether it is news at all. */
  #put(live: LivePolicy): boolean {
    const key = refKey(live);
    const before = this.#policies.get(key);
    // A watch may tell what a write's answer has already told, and later than it.
    if (before !== undefined && before.uid === live.uid && before.generation > live.generation) return false;
    this.#policies.set(key, live);
    this.#index(key, before?.owner, live.owner);
    if (before === undefined || !isSame(before, live)) this.#options.onChange?.({ ref: live, before, now: live });
    return true;
  }

  #remove(key: string): void {
    const before = this.#policies.get(key);
    if (before === undefined) return;
    this.#policies.delete(key);
    this.#index(key, before.owner, undefined);
    this.#options.onChange?.({ ref: before, before, now: undefined });
  }

  #index(key: string, before: string | undefined, now: string | undefined): void {
    if (before === now) return;
    if (before !== undefined) {
      this.#byOwner.get(before)?.delete(key);
      if (this.#byOwner.get(before)?.size === 0) this.#byOwner.delete(before);
    }
    if (now === undefined) return;
    const keys = this.#byOwner.get(now) ?? new Set();
    this.#byOwner.set(now, keys.add(key));
  }
}

function isSame(a: LivePolicy, b: LivePolicy): boolean {
  return a.uid === b.uid && a.spec === b.spec && sameTexts(a.labels, b.labels) && sameTexts(a.annotations, b.annotations);
}

function sameTexts(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
