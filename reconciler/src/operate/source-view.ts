/** A PolicySource as people see it. Its spec may be wrong: what can be told of it is told all the same. */
import type { ApiObject } from '../api-object.ts';
import { recordOf } from '../manifest.ts';
import { REQUESTED_AT } from '../source-object.ts';
import { readSourceStatus } from '../source-status-object.ts';
import type { SourceStatus } from '../source-status.ts';

export interface SourceView {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly created?: number;
  readonly url: string;
  readonly path: string;
  readonly isSuspended: boolean;
  /** Field managers that own `spec.suspend`. */
  readonly suspendOwners: readonly string[];
  readonly requestedAt?: string;
  readonly status: SourceStatus;
  /** All of it. */
  readonly object: ApiObject;
}

/** Never throws, whatever the object. */
export function viewOf(object: ApiObject): SourceView {
  const [metadata, spec] = [recordOf(object['metadata']), recordOf(object['spec'])];
  const created = Date.parse(textOf(metadata['creationTimestamp']));
  const requestedAt = recordOf(metadata['annotations'])[REQUESTED_AT];
  const { generation } = metadata;
  return {
    namespace: textOf(metadata['namespace']),
    name: textOf(metadata['name']),
    uid: textOf(metadata['uid']),
    generation: typeof generation === 'number' ? generation : 0,
    ...(Number.isNaN(created) ? {} : { created }),
    url: textOf(spec['url']),
    path: textOf(spec['path']) || '.',
    isSuspended: spec['suspend'] === true,
    suspendOwners: ownersOf(metadata['managedFields']),
    ...(typeof requestedAt === 'string' ? { requestedAt } : {}),
    status: readSourceStatus(object['status']),
    object,
  };
}

function ownersOf(managed: unknown): readonly string[] {
  const entries: readonly unknown[] = Array.isArray(managed) ? managed : [];
  const owning = entries.map(recordOf).filter(({ fieldsV1 }) => Object.hasOwn(recordOf(recordOf(fieldsV1)['f:spec']), 'f:suspend'));
  return [...new Set(owning.map(({ manager }) => textOf(manager)))];
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
