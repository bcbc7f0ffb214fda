/** Calls to containerd over its Unix socket. */
import type { ClientReadableStream, ServiceError } from '@grpc/grpc-js';
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import { StageError } from '../../stage-error.ts';
import type { ContainerRecord, Envelope, TaskRecord } from './api.ts';
import { DEFINITION, TOPICS } from './api.ts';

/** A node's lists are larger than gRPC's 4 MiB: containers carry their whole OCI specification. */
const MAX_MESSAGE = 256 * 1024 * 1024;
/** Milliseconds for one call. */
const PATIENCE = 10_000;

export class Containerd {
  readonly #client: Client;
  readonly #address: string;

  /** `address` as `unix:///run/containerd/containerd.sock`, or just the path. */
  constructor(address: string) {
    this.#address = address;
    this.#client = new Client(address.startsWith('/') ? `unix://${address}` : address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': MAX_MESSAGE,
      'grpc.default_authority': 'localhost',
      'grpc.enable_retries': 0,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 2_000,
    });
  }

  async namespaces(): Promise<readonly string[]> {
    const { namespaces } = await this.#call<{ namespaces: { name: string }[] }>('namespaces', 'Namespaces', {
      method: 'List',
      request: {},
    });
    return namespaces.map(({ name }) => name);
  }

  async containers(namespace: string): Promise<readonly ContainerRecord[]> {
    const call = { method: 'List', namespace, request: {} };
    return (await this.#call<{ containers: ContainerRecord[] }>('containers', 'Containers', call)).containers;
  }

  /** Undefined when there is no such container. */
  async container(namespace: string, id: string): Promise<ContainerRecord | undefined> {
    try {
      const call = { method: 'Get', namespace, request: { id } };
      return (await this.#call<{ container: ContainerRecord | null }>('containers', 'Containers', call)).container ?? undefined;
    } catch (error) {
      if (error instanceof StageError && isNotFound(error.cause)) return undefined;
      throw error;
    }
  }

  async tasks(namespace: string): Promise<readonly TaskRecord[]> {
    return (await this.#call<{ tasks: TaskRecord[] }>('tasks', 'Tasks', { method: 'List', namespace, request: {} })).tasks;
  }

  /** Events of all namespaces from now on. The stream ends with an `error` or `end` event. */
  subscribe(): ClientReadableStream<Envelope> {
    const method = methodOf('events', 'Events', 'Subscribe');
    const filters = TOPICS.map((topic) => `topic=="${topic}"`);
    return this.#client.makeServerStreamRequest<object, Envelope>(
      method.path,
      method.requestSerialize,
      (bytes) => method.responseDeserialize(bytes) as Envelope,
      { filters },
      new Metadata(),
    );
  }

  close(): void {
    this.#client.close();
  }

  #call<Response>(area: string, service: string, call: { method: string; namespace?: string; request: object }): Promise<Response> {
    const method = methodOf(area, service, call.method);
    const metadata = new Metadata();
    if (call.namespace !== undefined) metadata.set('containerd-namespace', call.namespace);
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest<object, Response>(
        method.path,
        method.requestSerialize,
        (bytes) => method.responseDeserialize(bytes) as Response,
        call.request,
        metadata,
        { deadline: Date.now() + PATIENCE },
        (cause: ServiceError | null, response) => {
          if (cause === null && response !== undefined) resolve(response);
          else
            reject(
              new StageError(`containerd does not answer ${service}.${call.method} at ${this.#address}`, {
                stage: 'containerd',
                retry: true,
                cause,
              }),
            );
        },
      );
    });
  }
}

function methodOf(area: string, service: string, method: string): MethodDefinition<object, object> {
  const definition = DEFINITION[`containerd.services.${area}.v1.${service}`];
  const found = definition === undefined ? undefined : (definition as Readonly<Record<string, MethodDefinition<object, object>>>)[method];
  if (found === undefined) throw new Error(`containerd's ${service} has no ${method} here`);
  return found;
}

function isNotFound(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === status.NOT_FOUND;
}
