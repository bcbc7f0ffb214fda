/** All PolicySources of the cluster: each has a life of its own while we lead, and all are known while we wait to. */
import { obstacleOf } from './dependencies.ts';
import { plain } from './describe.ts';
import type { Clock, Log, Metrics } from './ports.ts';
import { SourceLoop } from './source-loop.ts';
import { sourceName } from './source-loop-parts.ts';
import type { LoopParts, SourceObject, StopReason } from './source-loop-parts.ts';
import type { ReadSource } from './source-object.ts';
import type { SourceSpec } from './source-spec.ts';
import type { SourceStatus } from './source-status.ts';

export interface ControllerParts {
  /** What the life of a source needs, but for what only the others know. */
  loop(object: SourceObject): Omit<LoopParts, 'obstacle'>;
  /** The source is no more: nothing of it is to be kept. */
  forget(source: { readonly namespace: string; readonly name: string; readonly uid: string }): void;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** A source at work. */
interface Life {
  readonly uid: string;
  readonly loop: SourceLoop;
  readonly stop: AbortController;
  ended: Promise<void>;
}

/** Milliseconds until a source is taken up again after a bug of ours: it must not end the work for all others. */
const AFTER_BUG = 60_000;

export class Controller {
  readonly #parts: ControllerParts;
  /** By `namespace/name`. */
  readonly #objects = new Map<string, SourceObject>();
  readonly #lives = new Map<string, Life>();
  #leading: AbortSignal | undefined;

  constructor(parts: ControllerParts) {
    this.#parts = parts;
  }

  /** A PolicySource that is new or has changed. */
  put({ identity, spec, problems }: ReadSource, status: SourceStatus): void {
    if (identity === undefined) return;
    const name = sourceName(identity);
    const before = this.#objects.get(name);
    // The same spec stays the same object: others keep what they know of it by that.
    const same = before?.identity.uid === identity.uid && before.identity.generation === identity.generation ? before.spec : spec;
    const object = { identity, problems, status, ...(same === undefined ? {} : { spec: same }) };
    this.#objects.set(name, object);
    const life = this.#lives.get(name);
    if (life?.uid === identity.uid) life.loop.update(object);
    else this.#begin(name);
    this.#tellDependents(name);
  }

  /** By `namespace/name`: the object is no more. */
  gone(name: string): void {
    const object = this.#objects.get(name);
    this.#objects.delete(name);
    this.#lives.get(name)?.stop.abort('stopping');
    this.#parts.metrics.forget(name);
    if (object !== undefined) this.#parts.forget(object.identity);
    this.#tellDependents(name);
  }

  /** Those whose spec can be read. */
  get sources(): readonly { readonly namespace: string; readonly name: string; readonly uid: string; readonly spec: SourceSpec }[] {
    return [...this.#objects.values()].flatMap(({ identity: { namespace, name, uid }, spec }) =>
      spec === undefined ? [] : [{ namespace, name, uid, spec }],
    );
  }

  get isLeading(): boolean {
    return this.#leading !== undefined;
  }

  /** The repository of the source `namespace/name` has perhaps changed. */
  hint(name: string): void {
    this.#lives.get(name)?.loop.hint();
  }

  /** Somebody has changed a policy of the source with this uid. */
  drifted(uid: string): void {
    this.#lifeOf(uid)?.loop.drifted();
  }

  /** Nodes have told something new about policies of the source with this uid. */
  counted(uid: string): void {
    this.#lifeOf(uid)?.loop.counted();
  }

  /** Works on all sources until the signal is aborted; then until what was at work has ended. */
  async lead(signal: AbortSignal): Promise<void> {
    const stopping = new AbortController();
    this.#leading = stopping.signal;
    for (const name of this.#objects.keys()) this.#begin(name);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    stopping.abort('stopping' satisfies StopReason);
    this.#leading = undefined;
    await Promise.all([...this.#lives.values()].map(({ ended }) => ended));
    this.#lives.clear();
  }

  #lifeOf(uid: string): Life | undefined {
    return [...this.#lives.values()].find((life) => life.uid === uid);
  }

  /** Begins a source's life where it has none; one of an earlier object of the same name ends before. */
  #begin(name: string): void {
    const leading = this.#leading;
    const object = this.#objects.get(name);
    if (leading === undefined || leading.aborted || object === undefined) return;
    const before = this.#lives.get(name);
    before?.stop.abort('stopping');
    const stop = new AbortController();
    const loop = new SourceLoop(object, { ...this.#parts.loop(object), obstacle: (one) => obstacleOf(one, (other) => this.#find(other)) });
    const life: Life = { uid: object.identity.uid, loop, stop, ended: Promise.resolve() };
    this.#lives.set(name, life);
    life.ended = this.#live(life, { name, before: before?.ended }, AbortSignal.any([leading, stop.signal]));
  }

  async #live(
    life: Life,
    { name, before }: { readonly name: string; readonly before: Promise<void> | undefined },
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, log } = this.#parts;
    await before;
    try {
      await life.loop.run(signal);
    } catch (error) {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      log({
        level: 'error',
        stage: 'bug',
        source: name,
        message: `a bug of ours; the source is taken up again in a minute: ${plain(message)}`,
      });
      await clock.sleep(AFTER_BUG, signal);
    }
    if (this.#lives.get(name) !== life) return;
    this.#lives.delete(name);
    // A life that ended by itself is over with its object; after a bug there is another one.
    if (!signal.aborted && this.#objects.has(name) && !this.#objects.get(name)?.identity.isDeleted) this.#begin(name);
  }

  /** As it is now: its own life knows its status before the API server tells it. */
  #find(name: string): SourceObject | undefined {
    const object = this.#objects.get(name);
    const life = this.#lives.get(name);
    return object === undefined || life?.uid !== object.identity.uid ? object : { ...object, status: life.loop.status };
  }

  #tellDependents(name: string): void {
    for (const [other, { spec }] of this.#objects)
      if (spec?.dependsOn.some((dependency) => sourceName(dependency) === name)) this.#lives.get(other)?.loop.dependencyChanged();
  }
}
