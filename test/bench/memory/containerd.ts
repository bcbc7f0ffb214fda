/** A containerd that lists many containers: what the agent asks of one, in its own words (agent/src/adapters/containerd/api.ts). */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { DEFINITION } from '../../../agent/src/adapters/containerd/api.ts';
import type { ContainerRecord, TaskRecord } from '../../../agent/src/adapters/containerd/api.ts';

const RUNNING = 2;

/** Serves on a Unix socket until the process ends. */
export async function serveContainerd(socket: string, containers: readonly { record: ContainerRecord; pid: number }[]): Promise<void> {
  const server = new Server({ 'grpc.max_send_message_length': -1 });
  const answer = (value: object) => (_call: unknown, reply: (error: null, value: object) => void) => reply(null, value);
  const serviceOf = (area: string, name: string): ServiceDefinition =>
    DEFINITION[`containerd.services.${area}.v1.${name}`] as ServiceDefinition;
  const tasks: TaskRecord[] = containers.map(({ record: { id }, pid }) => ({ containerId: id, id, pid, status: RUNNING }));
  server.addService(serviceOf('namespaces', 'Namespaces'), { List: answer({ namespaces: [{ name: 'k8s.io' }] }) });
  server.addService(serviceOf('tasks', 'Tasks'), { List: answer({ tasks }) });
  server.addService(serviceOf('events', 'Events'), { Subscribe: () => undefined });
  server.addService(serviceOf('containers', 'Containers'), {
    List: answer({ containers: containers.map(({ record }) => record) }),
    Get: (call: { request: { id: string } }, reply: (error: null, value: object) => void) =>
      reply(null, { container: containers.find(({ record }) => record.id === call.request.id)?.record }),
  });
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix://${socket}`, ServerCredentials.createInsecure(), (error) => (error === null ? resolve() : reject(error)));
  });
}
