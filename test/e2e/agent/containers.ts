/** What happens to containers from their first instruction on. Prints facts, a line of JSON each, for containers.test.ts. For the microVM. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { agentStatus } from '@parapet/agent';
import * as node from './node.ts';
import { LIMITS, POLICY_FILES, START_IMAGE } from './start-manifests.ts';

const begun = performance.now();
const [, , image = '', startsText = '20'] = process.argv;
const STARTS = Number(startsText);
const READ_SECRET = 'if read line < /etc/secret; then echo passed; else echo refused; fi 2> /dev/null';
const WEB = ['--label', 'app=web', '--label', 'parapet.dev/namespace=shop'];
const SILENCE = 6_000;

function fact(name: string, value: unknown): void {
  process.stdout.write(`${JSON.stringify({ fact: name, value, seconds: Math.round((performance.now() - begun) / 100) / 10 })}\n`);
}

let names = 0;

/** Runs a container of `app=web` to its end; what it printed, or why it could not run. */
async function start(words: readonly string[], ...options: readonly string[]): Promise<string> {
  names += 1;
  const name = `start${names}`;
  const { status, out, err } = await node.command('ctr', 'run', '--rm', ...WEB, ...options, START_IMAGE.name, name, ...words);
  return status === 0 ? out.trim() : `failed: ${err.trim().split('\n').at(-1) ?? ''}`;
}

const sh = (script: string): readonly string[] => ['/usr/bin/sh', '-c', script];

/** Four at a time, as a node under load has it. */
async function manyStarts(): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  let left = STARTS;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const said = await start(sh(READ_SECRET));
      counts[said] = (counts[said] ?? 0) + 1;
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  return counts;
}

/** While the agent is stopped, but not for long, a new container waits for it. */
async function whileStopped(agent: ChildProcess): Promise<void> {
  const before = (await agentStatus()).counters['held'] ?? 0;
  agent.kill('SIGSTOP');
  let said: string | undefined;
  const run = start(sh(READ_SECRET)).then((text) => (said = text));
  await sleep(3_000);
  fact('said while the agent cannot answer', said ?? 'nothing');
  agent.kill('SIGCONT');
  fact('said when it can', await run);
  fact('held meanwhile', ((await agentStatus()).counters['held'] ?? 0) > before);
}

async function inOneContainer(): Promise<void> {
  await node.command('ctr', 'run', '--detach', ...WEB, START_IMAGE.name, 'stays', '/usr/bin/sleep', '1000');
  const stays = { name: 'stays', runtimeNamespace: 'default', labels: [] };
  fact(
    'paths and links',
    await node.attempt(
      stays,
      'read /etc/secret',
      'exec /bin/ls',
      'exec /usr/bin/ls',
      'exec /usr/bin/tool',
      'read /etc/alias',
      'read /srv/real',
    ),
  );
  await node.eventually('alerts of links', () => node.alerts().some(({ resource }) => resource === '/srv/real'));
  const named = node.alerts().filter(({ resource, policyName }) => policyName === 'links' && resource !== undefined);
  fact('rules of links', Object.fromEntries(named.map(({ resource, rule }) => [resource, rule])));
}

async function annotated(): Promise<void> {
  const annotation = (text: string): readonly string[] => ['--annotation', `kubearmor-policy=${text}`];
  fact('audited', await start(sh(READ_SECRET), ...annotation('audited')));
  fact('audited by our own', await start(sh(READ_SECRET), '--annotation', 'parapet.dev/policy=audited'));
  fact('a label', await start(sh(READ_SECRET), '--label', 'kubearmor-policy=disabled', '--label', 'parapet.dev/policy=disabled'));
  fact('disabled', await start(sh(READ_SECRET), ...annotation('disabled')));
  fact('neither', await start(sh(READ_SECRET), ...annotation('whatever')));
  await node.eventually('alerts of audited containers', () => node.alerts().some(({ action }) => action === 'Audit (Block)'));
  fact('actions', [...new Set(node.alerts().map(({ action, result }) => `${String(action)}: ${String(result)}`))].sort());
  fact('warning', readFileSync(node.LOG, 'utf8').includes('kubearmor-policy is "whatever", which is none of enabled, audited, disabled'));
  fact(
    'not on the list, in a namespace that blocks',
    await start(sh('/bin/cat /etc/other > /dev/null 2>&1 && echo passed || echo refused'), '--label', 'list=yes'),
  );
}

/** Limits of resources come, bite, and go with their policy. */
async function limited(): Promise<void> {
  const labels = ['--label', 'app=limited', '--label', 'parapet.dev/namespace=shop'];
  await node.command('ctr', 'run', '--detach', ...labels, START_IMAGE.name, 'limited', '/usr/bin/sleep', '1000');
  const read = (): readonly string[] =>
    ['pids.max', 'memory.max', 'cpu.max'].map((file) => readFileSync(`/sys/fs/cgroup/default/limited/${file}`, 'utf8').trim());
  fact('limits before', read());
  node.writePolicies({ 'limits.yaml': LIMITS });
  fact('wait for limits', (await node.parapet('wait', '--policy', 'shop/limits', '--timeout', '60s')).status);
  fact('limits', read());
  const crowd = 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 3 & done; wait';
  await node.command('ctr', 'tasks', 'exec', '--exec-id', 'crowd', 'limited', '/usr/bin/sh', '-c', crowd);
  await node.eventually('an alert of a limit', () => node.alerts().some(({ operation }) => operation === 'Resource'));
  const alert = node.alerts().find(({ operation }) => operation === 'Resource');
  fact('alert of a limit', [alert?.['policyName'], alert?.['resource'], alert?.['containerName'], alert?.['rule']]);
  rmSync(path.join(node.POLICIES, 'limits.yaml'));
  await node.eventually('the limits are gone', () => read()[0] === 'max');
  fact('limits after', read());
}

/** A container that no rules come for, since there is no agent. */
async function withoutAgent(): Promise<void> {
  let agent = node.startAgent();
  await node.parapet('wait', '--policy', 'shop/web', '--timeout', '60s');
  agent.kill('SIGKILL');
  await node.ended(agent);
  await sleep(SILENCE);
  fact('without an agent, open', await start(sh('echo ran')));
  agent = node.startAgent('--when-agent-is-gone', 'deny');
  await node.parapet('wait', '--policy', 'shop/web', '--timeout', '60s');
  agent.kill('SIGKILL');
  await node.ended(agent);
  await sleep(SILENCE);
  fact('without an agent, denied', await start(sh('echo ran')));
  fact('lifted', (await node.parapet('stop', '--remove')).status);
  fact('when all is lifted', await start(sh('echo ran')));
}

mkdirSync(node.POLICIES, { recursive: true });
node.writePolicies(POLICY_FILES);
await node.command('ctr', 'images', 'import', image);
const agent = node.startAgent('--default-posture', 'audit');
fact('wait', (await node.parapet('wait', '--policy', 'shop/web', '--timeout', '60s')).status);
fact('starts', await manyStarts());
fact('a program that is blocked', await start(['/usr/bin/ls']));
await whileStopped(agent);
await inOneContainer();
await annotated();
await limited();
agent.kill('SIGTERM');
await node.ended(agent);
await withoutAgent();
fact('log', readFileSync(node.LOG, 'utf8').split('\n').slice(0, -1));
