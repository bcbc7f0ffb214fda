/** Policies with everything that they say, asked for when they are needed: in memory they are kept as hashes only. */
import type { ApiObject } from '../../api-object.ts';
import { recordOf } from '../../manifest.ts';
import { StageError } from '../../stage-error.ts';
import type { PolicyPlace, StoredPolicies } from '../../stored-policies.ts';
import { ApiError } from './answer.ts';
import type { Connection } from './connection.ts';
import { policiesPath, policyVersion } from './kinds.ts';
import { listPages } from './list.ts';

export class StoredClusterPolicies implements StoredPolicies {
  readonly #connection: Connection;

  constructor({ connection }: { readonly connection: Connection }) {
    this.#connection = connection;
  }

  async list(places: readonly PolicyPlace[], signal: AbortSignal): Promise<readonly ApiObject[]> {
    const found: ApiObject[] = [];
    try {
      for (const place of places) found.push(...(await this.#listOne(place, signal)));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      throw new StageError('target', `policies can't be listed: ${error.message}`, { cause: error });
    }
    return found;
  }

  async #listOne({ kind, namespace }: PolicyPlace, signal: AbortSignal): Promise<readonly ApiObject[]> {
    const found: ApiObject[] = [];
    const list = { connection: this.#connection, path: policiesPath(kind, namespace) };
    for await (const { items = [] } of listPages<ApiObject>(list, signal)) {
      for (const { metadata, spec } of items) {
        // Who manages which fields is often longer than the policy.
        const kept = Object.entries(recordOf(metadata)).filter(([key]) => key !== 'managedFields');
        found.push({ apiVersion: policyVersion(kind), kind, metadata: Object.fromEntries(kept), spec });
      }
    }
    return found;
  }
}
