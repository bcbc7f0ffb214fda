/** Denials of which the kernel could keep no record: told loudly, because what is not told may be what an attacker wanted hidden. */
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
  /** `ringFullBlock=3 unrecordedBlock=0 labelsFull=0` */
  readonly data: string;
  readonly result: 'Passed';
  /** Denials without a record. */
  readonly count: number;
  readonly firstSeen: string;
  readonly lastSeen: string;
}

type Counters = Readonly<Record<string, number>>;

/** Denials without a record of their own, in all. */
export function lostDenials(counters: Counters): number {
  return Object.keys(CAUSES).reduce((sum, name) => sum + (counters[name] ?? 0), 0);
}

/** Watches the counters for denials that were lost. What was lost before the first look was lost before this agent started, and is told too. */
export class Losses {
  readonly #place: { readonly node: string; readonly cluster: string };
  #told: Counters = {};
  #lookedAt: number | undefined;

  constructor(place: { readonly node: string; readonly cluster: string }) {
    this.#place = place;
  }

  /** The alert for what was lost since the last look; undefined where nothing was. `now` is in milliseconds since the epoch. */
  look(counters: Counters, now: number): LossAlert | undefined {
    const since = (name: string): number => (counters[name] ?? 0) - (this.#told[name] ?? 0);
    const causes = Object.entries(CAUSES).filter(([name]) => since(name) > 0);
    const count = causes.reduce((sum, [name]) => sum + since(name), 0);
    const uncounted = since('lostBlock') + since('labelsFull');
    const data = Object.keys(CAUSES).map((name) => `${name}=${since(name)}`);
    const before = this.#lookedAt;
    this.#told = counters;
    this.#lookedAt = now;
    if (count === 0) return undefined;
    const denials = count === 1 ? '1 denial has no record of its own' : `${count} denials have no record of their own`;
    const when = before === undefined ? ', since before this agent started' : '';
    const rest = uncounted === 0 ? 'all are counted in summaries' : `${uncounted} of them are in no summary`;
    return {
      ...momentFields(this.#place, now),
      enforcer: 'BPFLSM',
      severity: '10',
      message: `${denials}${when}: ${causes.map(([, why]) => why).join(', ')}; ${rest}`,
      type: 'SystemEvent',
      operation: 'AlertThreshold',
      data: data.join(' '),
      result: 'Passed',
      count,
      firstSeen: microseconds(before ?? now),
      lastSeen: microseconds(now),
    };
  }
}
