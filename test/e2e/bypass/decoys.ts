/** Pinned objects of nobody: what would be done to the enforcer's own is done to these where there are no rules. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server } from 'node:net';

const DIRECTORY = '/sys/fs/bpf/decoys';
const COUNT = 8;
/** Where this process listens, which is the agent to the programs. */
export const AGENT_SOCKET = '/run/bypass-agent.sock';

/** A pinned map of its own for each attempt; all are called `decoy`. */
export function decoy(index: number): string {
  if (index >= COUNT) throw new Error('there are not as many decoys');
  return `${DIRECTORY}/${index}`;
}

/** Makes and pins them all. */
export function makeDecoys(): void {
  mkdirSync(DIRECTORY, { recursive: true });
  for (let index = 0; index < COUNT; index += 1) {
    const words = ['map', 'create', decoy(index), 'type', 'array', 'key', '4', 'value', '8', 'entries', '64', 'name', 'decoy'];
    execFileSync('bpftool', words);
  }
}

/** Listens as the agent does; whoever connects is told nothing. */
export async function listenAsAgent(): Promise<Server> {
  const server = createServer((socket) => socket.destroy()).listen(AGENT_SOCKET);
  await once(server, 'listening');
  return server;
}
