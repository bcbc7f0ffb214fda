/** A cluster as people operate its sources: with their own rights, and with a field manager of their own. */
import { POLICY_KINDS } from '@parapet/policy';
import type { ApiObject } from '../../api-object.ts';
import { LABEL } from '../../marks.ts';
import type { CompareOptions, Comparison, OperatedCluster, PolicyObject, SourceName } from '../../operate/ports.ts';
import type { SourceView } from '../../operate/source-view.ts';
import { ApiError } from './answer.ts';
import type { Connection } from './connection.ts';
import { policiesPath, policyResource, sourcePath, SOURCES_PATH, sourcesPath } from './kinds.ts';
import { listPages } from './list.ts';
import type { ListOptions } from './list.ts';
import { ListedPolicies } from './listed-policies.ts';
import { TriedPolicies } from './tried-policies.ts';
import { userFailure } from './user-failure.ts';
import type { Right } from './user-failure.ts';

/** Who the API server records as the owner of the fields that people write through us. */
export const USER_FIELD_MANAGER = 'parapet-cli';

const SOURCES = 'policysources.parapet.dev';

export class UserCluster implements OperatedCluster {
  readonly namespace: string;
  readonly #connection: Connection;

  constructor(connection: Connection, namespace: string) {
    this.#connection = connection;
    this.namespace = namespace;
  }

  async sources(namespace: string | undefined): Promise<readonly ApiObject[]> {
    const path = namespace === undefined ? SOURCES_PATH : sourcesPath(namespace);
    return listFor({ verb: 'list', resource: SOURCES, namespace }, { connection: this.#connection, path });
  }

  async source(name: SourceName): Promise<ApiObject | undefined> {
    return this.#one(name, 'get', () => this.#connection.ask({ method: 'GET', path: sourcePath(name) }));
  }

  async change(name: SourceName, patch: ApiObject): Promise<ApiObject | undefined> {
    return this.#one(name, 'patch', () =>
      this.#connection.ask({
        method: 'PATCH',
        path: sourcePath(name),
        query: { fieldManager: USER_FIELD_MANAGER, fieldValidation: 'Strict' },
        contentType: 'application/merge-patch+json',
        body: patch,
      }),
    );
  }

  async policies({ namespace, name }: SourceName): Promise<readonly PolicyObject[]> {
    const labelSelector = `${LABEL.sourceNamespace}=${namespace},${LABEL.sourceName}=${name}`;
    return policiesFor(this.#connection, { labelSelector });
  }

  compare(source: SourceView, options: CompareOptions): Comparison {
    const known = new ListedPolicies(() => policiesFor(this.#connection, {}));
    return new TriedPolicies({ connection: this.#connection, known, source: source.uid, ...options });
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #one({ namespace }: SourceName, verb: Right['verb'], ask: () => Promise<ApiObject>): Promise<ApiObject | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof ApiError && error.code === 404) return undefined;
      throw userFailure({ verb, resource: SOURCES, namespace }, error);
    }
  }
}

async function policiesFor(connection: Connection, query: Readonly<Record<string, string>>): Promise<readonly PolicyObject[]> {
  const lists = POLICY_KINDS.map(async (kind): Promise<readonly PolicyObject[]> => {
    const { group, resource } = policyResource(kind);
    const right: Right = { verb: 'list', resource: `${resource}.${group}`, namespace: undefined };
    const objects = await listFor(right, { connection, path: policiesPath(kind), query });
    return objects.map((object) => ({ kind, object }));
  });
  return (await Promise.all(lists)).flat();
}

async function listFor(right: Right, list: ListOptions): Promise<readonly ApiObject[]> {
  const objects: ApiObject[] = [];
  try {
    for await (const { items = [] } of listPages<ApiObject>(list, new AbortController().signal)) objects.push(...items);
  } catch (error) {
    throw userFailure(right, error);
  }
  return objects;
}
