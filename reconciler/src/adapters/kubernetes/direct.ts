/** The direct delivery: server-side apply of each policy, one field manager, what is there taken from the watches. */
import { refKey } from '@parapet/policy';
import type { PolicyRef, Problem } from '@parapet/policy';
import PQueue from 'p-queue';
import type { Delivery, Desired, Existing, PlannedPolicy, Refusals, Revision } from '../../delivery.ts';
import { existingOf } from '../../live-policy.ts';
import { ApiError } from './answer.ts';
import { serverSideApply } from './apply.ts';
import type { Connection } from './connection.ts';
import { policyPath } from './kinds.ts';
import type { LivePolicies } from './live-policies.ts';
import { refusalOf } from './refusal.ts';

/** Writes at one time of one revision. */
const PARALLEL = 16;

/** Every policy that there is in the cluster; `note` and `forget` hear of what is written. */
export type KnownPolicies = Pick<LivePolicies, 'synced' | 'get' | 'of'> & Partial<Pick<LivePolicies, 'note' | 'forget'>>;

export interface DirectOptions {
  readonly connection: Connection;
  readonly live: KnownPolicies;
  /** uid of the PolicySource. */
  readonly source: string;
  /** `system:serviceaccount:NAMESPACE:NAME`: who writes, instead of us. */
  readonly as: string | undefined;
  /** Whether fields of others are taken over. */
  readonly force: boolean;
  /** Hears of fields that were taken back or over. */
  readonly onForced?: (ref: PolicyRef, why: string) => void;
  /** Hears what the server would store of a policy that was tried out. */
  readonly onTried?: (ref: PolicyRef, stored: unknown) => void;
}

export class DirectDelivery implements Delivery {
  readonly #options: DirectOptions;

  constructor(options: DirectOptions) {
    this.#options = options;
  }

  async survey(wanted: readonly Desired[], signal: AbortSignal): Promise<readonly Existing[]> {
    const { live, source } = this.#options;
    await live.synced(signal);
    const byKey = new Map(wanted.map((desired) => [refKey(desired), desired]));
    const keys = new Set([...byKey.keys(), ...live.of(source).map(refKey)]);
    return [...keys].flatMap((key) => {
      const there = live.get(key);
      return there === undefined ? [] : [existingOf(there, source, byKey.get(key))];
    });
  }

  async tryOut(policies: readonly PlannedPolicy[], signal: AbortSignal): Promise<Refusals> {
    return this.#each(policies, signal, (policy) => this.#apply(policy, { dryRun: true, signal }));
  }

  async carryOut({ policies }: Revision, signal: AbortSignal): Promise<Refusals> {
    const written = policies.filter(({ change }) => change === 'added' || change === 'changed');
    const refusals = new Map(await this.#each(written, signal, (policy) => this.#apply(policy, { dryRun: false, signal })));
    const removed = policies.filter(({ change }) => change === 'removed');
    for (const [key, problems] of await this.#each(removed, signal, (policy) => this.#remove(policy, signal))) refusals.set(key, problems);
    return refusals;
  }

  /** Does one thing for each policy; what the server says about one is that one's problem. */
  async #each(policies: readonly PlannedPolicy[], signal: AbortSignal, work: (policy: PlannedPolicy) => Promise<void>): Promise<Refusals> {
    const refusals = new Map<string, readonly Problem[]>();
    const failing = new AbortController();
    const queue = new PQueue({ concurrency: PARALLEL });
    const jobs = policies.map((policy) =>
      queue.add(async () => {
        if (failing.signal.aborted) return;
        signal.throwIfAborted();
        try {
          await work(policy);
        } catch (error) {
          if (!(error instanceof ApiError)) {
            failing.abort();
            throw error;
          }
          refusals.set(refKey(policy), refusalOf(policy, error));
        }
      }),
    );
    const results = await Promise.allSettled(jobs);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return refusals;
  }

  async #apply(policy: PlannedPolicy, { dryRun, signal }: { readonly dryRun: boolean; readonly signal: AbortSignal }): Promise<void> {
    const { desired } = policy;
    if (desired === undefined) return;
    const { connection, as } = this.#options;
    const send = (force: boolean): Promise<unknown> =>
      serverSideApply(connection, { path: policyPath(policy), object: desired.manifest, force, dryRun, as, signal });
    let answer;
    try {
      answer = await send(false);
    } catch (error) {
      if (!(error instanceof ApiError) || error.reason !== 'Conflict' || !this.#mayForce(policy)) throw error;
      if (!dryRun) this.#options.onForced?.(policy, error.message);
      answer = await send(true);
    }
    if (dryRun) this.#options.onTried?.(policy, answer);
    else this.#options.live.note?.(policy.kind, answer);
  }

  /** What we own and somebody changed is taken back; anything else only where that is wished for. */
  #mayForce(policy: PlannedPolicy): boolean {
    return this.#options.force || policy.drifted === true;
  }

  async #remove(policy: PlannedPolicy, signal: AbortSignal): Promise<void> {
    const { connection, live, source, as } = this.#options;
    const there = live.get(refKey(policy));
    if (there?.owner !== source) return;
    try {
      // The uid is a condition: never an object that somebody made in its place.
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: there.uid }, propagationPolicy: 'Background' };
      await connection.ask({ method: 'DELETE', path: policyPath(policy), body, as, signal });
    } catch (error) {
      if (!(error instanceof ApiError) || (error.code !== 404 && error.code !== 409)) throw error;
    }
    live.forget?.(policy);
  }
}
