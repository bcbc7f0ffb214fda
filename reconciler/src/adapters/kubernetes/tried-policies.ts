/** What the API server would make of policies, as far as whoever asks has the rights to try: nothing is written. */
import { refKey } from '@parapet/policy';
import type { PolicyKind } from '@parapet/policy';
import type { Desired, Existing, PlannedPolicy, Refusals } from '../../delivery.ts';
import type { CompareOptions, Comparison } from '../../operate/ports.ts';
import { ApiError } from './answer.ts';
import type { Connection } from './connection.ts';
import { DirectDelivery } from './direct.ts';
import { policyResource } from './kinds.ts';
import type { ListedPolicies } from './listed-policies.ts';
import { rightText } from './user-failure.ts';

export interface TriedOptions extends CompareOptions {
  readonly connection: Connection;
  readonly known: ListedPolicies;
  /** uid of the PolicySource. */
  readonly source: string;
}

export class TriedPolicies implements Comparison {
  readonly untried = new Set<string>();
  readonly #options: TriedOptions;
  readonly #delivery: DirectDelivery;
  readonly #tried = new Map<string, unknown>();
  readonly #rights = new Map<string, Promise<boolean>>();

  constructor(options: TriedOptions) {
    const { connection, known, source, force } = options;
    this.#options = options;
    this.#delivery = new DirectDelivery({
      ...{ connection, live: known, source, force, as: undefined },
      onTried: (ref, stored) => this.#tried.set(refKey(ref), stored),
    });
  }

  async survey(wanted: readonly Desired[], signal: AbortSignal): Promise<readonly Existing[]> {
    return this.#delivery.survey(wanted, signal);
  }

  async tryOut(policies: readonly PlannedPolicy[], signal: AbortSignal): Promise<Refusals> {
    if (!this.#options.tries) return new Map();
    const allowed: PlannedPolicy[] = [];
    for (const policy of policies) {
      const missing = await this.#missing(policy, signal);
      if (missing === undefined) allowed.push(policy);
      else this.untried.add(missing);
    }
    return this.#delivery.tryOut(allowed, signal);
  }

  live(key: string): unknown {
    return this.#options.known.object(key);
  }

  tried(key: string): unknown {
    return this.#tried.get(key);
  }

  /** The right that trying out needs and that is not there: it is the same as for writing. */
  async #missing({ kind, namespace, change }: PlannedPolicy, signal: AbortSignal): Promise<string | undefined> {
    const within = namespace === '' ? undefined : namespace;
    for (const verb of change === 'added' ? ['patch', 'create'] : ['patch']) {
      const has =
        (await this.#may({ verb, kind }, undefined, signal)) || (within !== undefined && (await this.#may({ verb, kind }, within, signal)));
      const { group, resource } = policyResource(kind);
      if (!has) return rightText({ verb, resource: `${resource}.${group}`, namespace: within });
    }
    return undefined;
  }

  /** In every namespace where none is given. Asked once for each. */
  #may(asking: Asking, namespace: string | undefined, signal: AbortSignal): Promise<boolean> {
    const key = JSON.stringify([asking, namespace]);
    const known = this.#rights.get(key) ?? this.#ask(asking, namespace, signal);
    this.#rights.set(key, known);
    return known;
  }

  async #ask({ verb, kind }: Asking, namespace: string | undefined, signal: AbortSignal): Promise<boolean> {
    const resourceAttributes = { ...policyResource(kind), verb, ...(namespace === undefined ? {} : { namespace }) };
    const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes } };
    try {
      const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
      const { status } = await this.#options.connection.ask<{ readonly status?: { readonly allowed?: boolean } }>({
        method: 'POST',
        path,
        body,
        signal,
      });
      return status?.allowed === true;
    } catch (error) {
      // Who may not even ask is told by the refusal of the trial itself.
      if (error instanceof ApiError) return true;
      throw error;
    }
  }
}

interface Asking {
  readonly verb: string;
  readonly kind: PolicyKind;
}
