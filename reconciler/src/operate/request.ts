/** Asking the reconciler for a run at once, waiting for what it answers, and telling it to pause. */
import type { ApiObject } from '../api-object.ts';
import type { Clock } from '../ports.ts';
import { CONFIRM_PRUNE, REQUESTED_AT } from '../source-object.ts';
import type { OperatedCluster, SourceName } from './ports.ts';
import { viewOf } from './source-view.ts';
import type { SourceView } from './source-view.ts';

/**
 * - `asked`: nobody waited.
 * - `answered`: there was a run; the status says how it ended.
 * - `late`: there is no answer yet; `suspended`: nor will there be; `gone`: the source was deleted.
 */
export type RunAnswer =
  { readonly kind: 'asked' | 'answered' | 'late' | 'suspended'; readonly source: SourceView } | { readonly kind: 'gone' };

export interface RunRequest {
  /** Milliseconds to wait for the answer; nobody waits where it is absent. */
  readonly patience?: number | undefined;
  /** The commit that may remove more policies than the limit. */
  readonly confirmPrune?: string | undefined;
}

export interface Asking {
  readonly cluster: OperatedCluster;
  readonly clock: Clock;
}

/** Milliseconds between two looks at the status: users may read a source, and need not be allowed to watch it. */
const LOOK_EVERY = 500;

/** A source that is suspended is left alone. */
export async function requestRun(asking: Asking, source: SourceView, request: RunRequest): Promise<RunAnswer> {
  if (source.isSuspended) return { kind: 'suspended', source };
  return changeAndWait(asking, source, { request, spec: {} });
}

/** Ends the pause, and asks for a run. */
export async function resume(asking: Asking, source: SourceView, request: RunRequest): Promise<RunAnswer> {
  return changeAndWait(asking, source, { request, spec: { suspend: false } });
}

/** What is applied stays; nothing more is done. `undefined` where the source was deleted. */
export async function suspend({ cluster }: Pick<Asking, 'cluster'>, source: SourceView): Promise<SourceView | undefined> {
  const object = await cluster.change(source, { spec: { suspend: true } });
  return object === undefined ? undefined : viewOf(object);
}

/** The tools besides people with kubectl and ourselves that own `spec.suspend`, and may put it back. */
export function putBackBy({ suspendOwners }: SourceView, ourselves: string): readonly string[] {
  return suspendOwners.filter((manager) => manager !== ourselves && !/^kubectl(-|$)/.test(manager));
}

interface Change {
  readonly request: RunRequest;
  readonly spec: ApiObject;
}

async function changeAndWait({ cluster, clock }: Asking, source: SourceView, { request, spec }: Change): Promise<RunAnswer> {
  const { patience, confirmPrune } = request;
  const requestedAt = new Date(clock.now()).toISOString();
  const annotations = { [REQUESTED_AT]: requestedAt, ...(confirmPrune === undefined ? {} : { [CONFIRM_PRUNE]: confirmPrune }) };
  const object = await cluster.change(source, { metadata: { annotations }, ...(Object.keys(spec).length === 0 ? {} : { spec }) });
  if (object === undefined) return { kind: 'gone' };
  if (patience === undefined) return { kind: 'asked', source: viewOf(object) };
  return answerTo({ cluster, clock }, { name: source, uid: source.uid, requestedAt, until: clock.now() + patience });
}

interface Question {
  readonly name: SourceName;
  readonly uid: string;
  readonly requestedAt: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

async function answerTo({ cluster, clock }: Asking, { name, uid, requestedAt, until }: Question): Promise<RunAnswer> {
  const never = new AbortController().signal;
  for (;;) {
    const object = await cluster.source(name);
    const source = object === undefined ? undefined : viewOf(object);
    // One of the same name that was made since was never asked.
    if (source?.uid !== uid) return { kind: 'gone' };
    if (source.isSuspended) return { kind: 'suspended', source };
    if (isAnswered(source, requestedAt)) return { kind: 'answered', source };
    if (clock.now() >= until) return { kind: 'late', source };
    await clock.sleep(LOOK_EVERY, never);
  }
}

/** Somebody may have asked again meanwhile: the answer to that one is as good. While a newer commit is carried out, that is waited for. */
function isAnswered({ status, requestedAt: newest }: SourceView, requestedAt: string): boolean {
  const { lastHandledReconcileAt: handled, conditions } = status;
  if (handled === undefined || (handled !== requestedAt && handled !== newest)) return false;
  return conditions.some(({ type, status: state }) => type === 'Ready' && state !== 'Unknown');
}
