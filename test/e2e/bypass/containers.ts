/** The same in containers of a real runtime, under the whole agent. For the microVM, as root. */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { whenEnforced } from '../agent/node.ts';
import { CONTAINER_ATTEMPTS, CONTAINERS, IMAGE } from './attempts/containers.ts';
import type { ContainerAttempt } from './attempts/containers.ts';

const HERE = '/var/tmp/bypass-agent';
const POLICIES = path.join(HERE, 'policies');
const LOG = path.join(HERE, 'agent.log');
const POLICY = `apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata: { name: web, namespace: shop }
spec:
  selector: { matchLabels: { app: web } }
  process: { matchPaths: [{ path: /bin/ls }] }
  file:
    matchPaths: [{ path: /etc/secret }]
    matchDirectories: [{ dir: /etc/fixed/, recursive: true, readOnly: true }]
  network: { matchProtocols: [{ protocol: udp }] }
`;

const run = promisify(execFile);

async function ctr(...words: readonly string[]): Promise<string> {
  return (await run('ctr', words)).stdout;
}

async function pidOf(name: string): Promise<string> {
  const rows = (await ctr('tasks', 'list')).split('\n').map((row) => row.split(/\s+/));
  return rows.find(([id]) => id === name)?.[1] ?? '';
}

/** Starts a container; its options may name the first process of an earlier one as `{free}`. */
async function start(name: string, actor: string): Promise<void> {
  const { options = [] } = CONTAINERS[name]!;
  const pid = options.some((option) => option.includes('{free}')) ? await pidOf('free') : '';
  const mount = `type=bind,src=${actor},dst=/actor,options=rbind:ro`;
  const words = options.map((option) => option.replaceAll('{free}', pid));
  await ctr('run', '--detach', '--mount', mount, ...words, IMAGE.name, name, '/bin/sleep', '2147483647');
}

const ERRNO_NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

let executions = 0;

/** What each chain of steps comes to in a container, in order. */
async function tried(container: string, chains: readonly (readonly string[])[]): Promise<string[]> {
  executions += 1;
  const script = chains.map((steps) => `/actor ${steps.map((step) => `'${step}'`).join(' ')}; echo $?`).join('\n');
  const words = ['tasks', 'exec', '--exec-id', `try${executions}`, container, '/bin/sh', '-c', script];
  const statuses = (await ctr(...words)).split('\n').filter((line) => /^\d+$/.test(line));
  return chains.map((_, index) => ERRNO_NAMES.get(Number(statuses[index] ?? 'none')) ?? statuses[index] ?? 'no result');
}

function startAgent(): ChildProcess {
  const log = openSync(LOG, 'a');
  const words = [
    'agent',
    'run',
    '--policies',
    POLICIES,
    '--node',
    'node-1',
    '--default-posture',
    'audit',
    '--alerts',
    path.join(HERE, 'alerts'),
  ];
  return spawn('parapet', words, { stdio: ['ignore', log, log] });
}

async function tryAll(attempts: readonly ContainerAttempt[]): Promise<Map<string, string>> {
  const results = new Map<string, string>();
  for (const container of Object.keys(CONTAINERS)) {
    const some = attempts.filter((attempt) => attempt.container === container);
    if (some.length === 0) continue;
    const came = await tried(
      container,
      some.map(({ steps }) => steps),
    );
    some.forEach(({ name }, index) => results.set(name, came[index]!));
  }
  return results;
}

/** Every attempt before there is a policy, with one, and those that are about the agent's end once it has been killed. */
export async function performInContainers(actor: string, image: string): Promise<{ name: string; without: string; with: string }[]> {
  mkdirSync(POLICIES, { recursive: true });
  writeFileSync('/etc/secret', 'SECRET\n');
  await ctr('images', 'import', image);
  for (const name of Object.keys(CONTAINERS)) await start(name, actor);
  const without = await tryAll(CONTAINER_ATTEMPTS);
  let agent = startAgent();
  writeFileSync(path.join(POLICIES, 'web.yaml'), POLICY);
  await whenEnforced('shop/web');
  const refused = await tryAll(CONTAINER_ATTEMPTS.filter(({ when }) => when === undefined));
  const gone = new Promise((resolve) => agent.once('exit', resolve));
  agent.kill('SIGKILL');
  await gone;
  const afterwards = await tryAll(CONTAINER_ATTEMPTS.filter(({ when }) => when === 'killed'));
  agent = startAgent();
  await whenEnforced('shop/web');
  const again = await tryAll(CONTAINER_ATTEMPTS.filter(({ when }) => when === 'restarted'));
  await run('parapet', ['agent', 'stop', '--remove']);
  const results = new Map([...refused, ...afterwards, ...again]);
  return CONTAINER_ATTEMPTS.map(({ name }) => ({ name, without: without.get(name)!, with: results.get(name)! }));
}
