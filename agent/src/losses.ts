/**
 * What the operators must hear of: denials of which the kernel could keep no record, because what is not told may be what an attacker wanted
 * hidden; and runs of our programs that the kernel left out, because what happened then was not judged.
 */
import type { CounterName } from '@parapet/policy';
import { microseconds, momentFields } from './alert.ts';

/** Counters of denials without a record of their own. */
const CAUSES = {
  ringFullBlock: 'the ring buffer was full',
  unrecordedBlock: 'no working memory was free',
  labelsFull: "there was no room for a process's label",
} as const satisfies Partial<Record<CounterName, string>>;

/** A system event in the form of an alert, with KubeArmor's names. */
export interface LossAlert {
  readonly timestamp: number;
  readonly updatedTime: string;
  readonly clusterName: string;
  readonly hostName: string;
  readonly enforcer: 'BPFLSM';
  readonly severity: '10';
  readonly message: string;
  readonly type: 'SystemEvent';
  readonly operation: 'AlertThreshold';
  /** `ringFullBlock=3 unrecordedBlock=0 labelsFull=0`, or `runsMissed=2` */
  readonly data: string;
  readonly result: 'Passed';
  /** Denials without a record, or runs that were left out. */
  readonly count: number;
  readonly firstSeen: string;
  readonly lastSeen: string;
}

type Counters = Readonly<Record<string, number>>;

/** Denials without a record of their own, in all. */
export function lostDenials(counters: Counters): number {
  return Object.keys(CAUSES).reduce((sum, name) => sum + (counters[name] ?? 0), 0);
}

/** Why no policy is held for certain here; undefined where the kernel ran every program. */
export function missedRuns(counters: Counters): string | undefined {
  const runs = counters['runsMissed'] ?? 0;
  if (runs === 0) return undefined;
  const what = runs === 1 ? '1 run of a program for its hooks' : `${runs} runs of programs for its hooks`;
  return `this kernel left out ${what}, because the processor was running the same one for another task: what happened then was not judged. Kernels from 6.2 on do not, nor do those of 6.1 with that mended: update the kernel`;
}

/** Watches the counters. What was lost before the first look was lost before this agent started, and is told too. */
export class Losses {
  readonly #place: { readonly node: string; readonly cluster: string };
  #told: Counters = {};
  #lookedAt: number | undefined;

  constructor(place: { readonly node: string; readonly cluster: string }) {
    this.#place = place;
  }

  /** The alerts for what was lost since the last look; none where nothing was. `now` is in milliseconds since the epoch. */
  look(counters: Counters, now: number): readonly LossAlert[] {
    const since = (name: string): number => (counters[name] ?? 0) - (this.#told[name] ?? 0);
    const alert = this.#alertAt(now);
    const alerts = [lostSince(since, this.#lookedAt), missedSince(since, counters)].filter((loss) => loss !== undefined).map(alert);
    this.#told = counters;
    this.#lookedAt = now;
    return alerts;
  }

  #alertAt(now: number): (loss: Loss) => LossAlert {
    const before = this.#lookedAt;
    return ({ message, data, count }) => ({
      ...momentFields(this.#place, now),
      enforcer: 'BPFLSM',
      severity: '10',
      message,
      type: 'SystemEvent',
      operation: 'AlertThreshold',
      data,
      result: 'Passed',
      count,
      firstSeen: microseconds(before ?? now),
      lastSeen: microseconds(now),
    });
  }
}

type Loss = Pick<LossAlert, 'message' | 'data' | 'count'>;
type Since = (counter: string) => number;

function lostSince(since: Since, before: number | undefined): Loss | undefined {
  const causes = Object.entries(CAUSES).filter(([name]) => since(name) > 0);
  const count = causes.reduce((sum, [name]) => sum + since(name), 0);
  if (count === 0) return undefined;
  const uncounted = since('lostBlock') + since('labelsFull');
  const denials = count === 1 ? '1 denial has no record of its own' : `${count} denials have no record of their own`;
  const when = before === undefined ? ', since before this agent started' : '';
  const rest = uncounted === 0 ? 'all are counted in summaries' : `${uncounted} of them are in no summary`;
  return {
    message: `${denials}${when}: ${causes.map(([, why]) => why).join(', ')}; ${rest}`,
    data: Object.keys(CAUSES)
      .map((name) => `${name}=${since(name)}`)
      .join(' '),
    count,
  };
}

function missedSince(since: Since, counters: Counters): Loss | undefined {
  const count = since('runsMissed');
  const message = missedRuns(counters);
  return message === undefined || count === 0 ? undefined : { message, data: `runsMissed=${count}`, count };
}
