/** Single objects that others read: Flux's ExternalArtifacts. */
import type { ApiObject, ApiObjectName } from '../../api-object.ts';
import type { ObjectWriter } from '../../ports.ts';
import { failureOf, noneIfMissing } from './answer.ts';
import { serverSideApply } from './apply.ts';
import type { Connection } from './connection.ts';
import { objectPath } from './kinds.ts';

export class ApiObjectWriter implements ObjectWriter {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async read(name: ApiObjectName, signal: AbortSignal): Promise<ApiObject | undefined> {
    try {
      return await this.#connection.ask<ApiObject>({ method: 'GET', path: objectPath(name), signal }).catch(noneIfMissing);
    } catch (error) {
      throw failureOf('target', `${told(name)} can't be read`, error);
    }
  }

  async apply(object: ApiObject, options: { readonly subresource?: 'status'; readonly signal: AbortSignal }): Promise<ApiObject> {
    const { subresource, signal } = options;
    const name = nameOf(object);
    const path = subresource === undefined ? objectPath(name) : `${objectPath(name)}/${subresource}`;
    try {
      return await serverSideApply(this.#connection, { path, object, force: false, signal });
    } catch (error) {
      throw failureOf('target', `${told(name)} can't be written`, error);
    }
  }
}

function nameOf({ apiVersion, kind, metadata }: ApiObject): ApiObjectName {
  const { namespace, name } = metadata as { readonly namespace: string; readonly name: string };
  return { apiVersion: String(apiVersion), kind: String(kind), namespace, name };
}

function told({ kind, namespace, name }: ApiObjectName): string {
  return `the ${kind} ${namespace}/${name}`;
}
