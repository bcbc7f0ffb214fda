/** Server-side apply, as the one field manager that we are. */
import type { ApiObject, StoredObject } from '../../api-object.ts';
import type { Connection } from './connection.ts';

/** Who the API server records as the owner of the fields that we write. */
export const FIELD_MANAGER = 'parapet-reconciler';

export interface Application {
  /** Of the object, or of its subresource. */
  readonly path: string;
  readonly object: ApiObject;
  /** Whether fields of others are taken over. */
  readonly force: boolean;
  /** Everything but the writing is done. */
  readonly dryRun?: boolean;
  /** `Ignore` where fields that the server does not know may be dropped; `Strict` unless told. */
  readonly fieldValidation?: 'Strict' | 'Ignore';
  readonly as?: string | undefined;
  readonly signal: AbortSignal;
}

/** The object as it is stored then; nothing is written where that changes nothing. Rejects as `Connection.ask` does. */
export function serverSideApply(connection: Connection, wanted: Application): Promise<StoredObject> {
  const { path, object, force, dryRun = false, fieldValidation = 'Strict', as, signal } = wanted;
  const query = { fieldManager: FIELD_MANAGER, fieldValidation, force: String(force), ...(dryRun ? { dryRun: 'All' } : {}) };
  return connection.ask({ method: 'PATCH', path, query, contentType: 'application/apply-patch+yaml', body: object, as, signal });
}
