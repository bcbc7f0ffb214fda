/** The part of containerd's gRPC API that we use, as field numbers; what is not named here is skipped when it is read. */
import { fromJSON } from '@grpc/proto-loader';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

const field = (id: number, type: string, rule?: 'repeated'): object => ({ id, type, ...(rule === undefined ? {} : { rule }) });
const strings = (id: number): object => ({ id, keyType: 'string', type: 'string' });
const unary = (requestType: string, responseType: string): object => ({ requestType, responseType });

/** One package of messages and services within `containerd`. */
const service = (name: string, parts: object): object => ({
  nested: { services: { nested: { [name]: { nested: { v1: { nested: parts } } } } } },
});

const OPTIONS = { keepCase: true, defaults: true, arrays: true, objects: true } as const;

const namespaces = service('namespaces', {
  Namespaces: { methods: { List: unary('ListNamespacesRequest', 'ListNamespacesResponse') } },
  ListNamespacesRequest: { fields: {} },
  ListNamespacesResponse: { fields: { namespaces: field(1, 'Namespace', 'repeated') } },
  Namespace: { fields: { name: field(1, 'string') } },
});

const containers = service('containers', {
  Containers: {
    methods: { List: unary('ListContainersRequest', 'ListContainersResponse'), Get: unary('GetContainerRequest', 'GetContainerResponse') },
  },
  ListContainersRequest: { fields: {} },
  ListContainersResponse: { fields: { containers: field(1, 'Container', 'repeated') } },
  GetContainerRequest: { fields: { id: field(1, 'string') } },
  GetContainerResponse: { fields: { container: field(1, 'Container') } },
  Container: {
    fields: {
      id: field(1, 'string'),
      labels: strings(2),
      image: field(3, 'string'),
      spec: field(5, 'Any'),
      extensions: { id: 10, keyType: 'string', type: 'Any' },
    },
  },
  /** google.protobuf.Any, in which containerd keeps JSON. */
  Any: { fields: { value: field(2, 'bytes') } },
});

const tasks = service('tasks', {
  Tasks: { methods: { List: unary('ListTasksRequest', 'ListTasksResponse') } },
  ListTasksRequest: { fields: {} },
  ListTasksResponse: { fields: { tasks: field(1, 'Process', 'repeated') } },
  Process: { fields: { containerId: field(1, 'string'), id: field(2, 'string'), pid: field(3, 'uint32'), status: field(4, 'uint32') } },
});

const events = service('events', {
  Events: { methods: { Subscribe: { ...unary('SubscribeRequest', 'Envelope'), responseStream: true } } },
  SubscribeRequest: { fields: { filters: field(1, 'string', 'repeated') } },
  Envelope: { fields: { namespace: field(2, 'string'), topic: field(3, 'string'), event: field(4, 'Payload') } },
  /** google.protobuf.Any; the topic says what is in it. */
  Payload: { fields: { value: field(2, 'bytes') } },
});

/** What events carry, by topic; the fields are those of containerd.events. */
const payloads = {
  nested: {
    TaskCreate: { fields: { container: field(1, 'string'), pid: field(6, 'uint32') } },
    TaskStart: { fields: { container: field(1, 'string'), pid: field(2, 'uint32') } },
    TaskExit: { fields: { container: field(1, 'string'), process: field(2, 'string') } },
    TaskDelete: { fields: { container: field(1, 'string'), process: field(5, 'string') } },
    ContainerChange: { fields: { container: field(1, 'string') } },
  },
};

const PAYLOAD_OF: Readonly<Record<Topic, keyof (typeof payloads)['nested']>> = {
  '/tasks/create': 'TaskCreate',
  '/tasks/start': 'TaskStart',
  '/tasks/exit': 'TaskExit',
  '/tasks/delete': 'TaskDelete',
  '/containers/update': 'ContainerChange',
  '/containers/delete': 'ContainerChange',
};

/** Services by full name, for grpc-js. */
export const DEFINITION = Object.assign(
  {},
  ...[namespaces, containers, tasks, events].map((parts) => fromJSON({ nested: { containerd: parts } }, OPTIONS)),
) as ReturnType<typeof fromJSON>;

/** `Process.status` of a task whose first process has ended. */
export const STOPPED = 3;

/** Topics that say something about which containers there are. */
export const TOPICS = [
  '/tasks/create',
  '/tasks/start',
  '/tasks/exit',
  '/tasks/delete',
  '/containers/update',
  '/containers/delete',
] as const;
export type Topic = (typeof TOPICS)[number];

export interface ContainerRecord {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly image: string;
  /** The OCI specification. */
  readonly spec?: { readonly value: Uint8Array } | null;
  readonly extensions?: Readonly<Record<string, { readonly value: Uint8Array }>>;
}

export interface TaskRecord {
  readonly containerId: string;
  readonly id: string;
  readonly pid: number;
  readonly status: number;
}

export interface Envelope {
  readonly namespace: string;
  readonly topic: string;
  readonly event: { readonly value: Uint8Array } | null;
}

/** What we take from an event. */
export interface Notice {
  readonly namespace: string;
  readonly topic: Topic;
  readonly container: string;
  /** First process of a task that is created or started; 0 with other topics. */
  readonly pid: number;
  /** What ended, with `/tasks/exit` and `/tasks/delete`: the container's own id (or nothing) means its first process, other ids an exec's. */
  readonly process: string;
}

const PAYLOADS = fromJSON(payloads as Parameters<typeof fromJSON>[0], OPTIONS);

/** Reads an event; undefined when its topic is none of ours, or it cannot be read. */
export function readNotice({ namespace, topic, event }: Envelope): Notice | undefined {
  if (!isTopic(topic) || event === null) return undefined;
  const definition = PAYLOADS[PAYLOAD_OF[topic]] as MessageTypeDefinition<object, Partial<Notice>> | undefined;
  if (definition === undefined) return undefined;
  try {
    const payload = definition.deserialize(Buffer.from(event.value));
    return { namespace, topic, container: payload.container ?? '', pid: payload.pid ?? 0, process: payload.process ?? '' };
  } catch {
    return undefined;
  }
}

function isTopic(topic: string): topic is Topic {
  return TOPICS.some((known) => known === topic);
}
