/** The life of an agent on a node with containers. Prints facts, a line of JSON each, for agent.test.ts. For the microVM, as root. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { agentStatus } from '@parapet/agent';
import { CLUSTER_SECRET, GOOD, HOST_SECRET, LATE, LISTS, PLAIN, POD, UNLISTED, WEB, WRONG } from './manifests.ts';
import * as node from './node.ts';
import { attempt, attemptOnNode, parapet, statusWhen, waitFor } from './node.ts';

const begun = performance.now();
const [, , image = ''] = process.argv;
const READS = ['read /etc/secret', 'read /etc/audited', 'read /etc/more'] as const;

function fact(name: string, value: unknown): void {
  const seconds = Math.round((performance.now() - begun) / 100) / 10;
  process.stdout.write(`${JSON.stringify({ fact: name, value, seconds })}\n`);
}

async function prepare(): Promise<void> {
  mkdirSync(node.POLICIES, { recursive: true });
  writeFileSync(HOST_SECRET, 'the node\n');
  node.writePolicies(GOOD);
  for (const name of new Set([WEB, POD].map(({ runtimeNamespace }) => runtimeNamespace)))
    await node.command('ctr', '-n', name, 'images', 'import', image);
  await Promise.all([WEB, PLAIN, POD].map(node.runContainer));
  const [web, plain] = await Promise.all([attempt(WEB, ...READS), attempt(PLAIN, 'exec /bin/ls')]);
  fact('before there is an agent', [...web, ...plain, attemptOnNode(HOST_SECRET)]);
}

async function withoutAgent(): Promise<void> {
  const nobody = [
    '--reuid=65534',
    '--regid=65534',
    '--clear-groups',
    'parapet',
    'agent',
    'run',
    '--policies',
    node.POLICIES,
    '--node',
    'n',
  ];
  const [status, wait, run] = await Promise.all([
    parapet('status'),
    parapet('wait', '--policy', 'shop/web', '--timeout', '1s'),
    node.command('setpriv', ...nobody),
  ]);
  fact('status without an agent', status);
  fact('wait without an agent', wait);
  fact('run without being root', run);
}

async function enforcing(): Promise<void> {
  fact('wait', await waitFor('shop/web'));
  const waits = ['container_namespace/plain', 'pods/pods', 'edge'].map(waitFor);
  fact('more waits', await Promise.all(waits));
  fact('web', await attempt(WEB, ...READS, 'exec /bin/ls', `read ${HOST_SECRET}`));
  fact('plain', await attempt(PLAIN, ...READS, 'exec /bin/ls'));
  fact('pod', await attempt(POD, ...READS));
  fact('the node', attemptOnNode(HOST_SECRET));
  await node.eventually('an alert of the node', () => node.alerts().some(({ type }) => type === 'MatchedHostPolicy'));
  fact('alerts', firstOfEach(node.alerts()));
  const [json, text] = await Promise.all([parapet('status', '--json'), parapet('status')]);
  fact('status as JSON', JSON.parse(json.out));
  fact('status for people', text.out);
}

/** Whether the node may set its clock. */
async function setClock(): Promise<string> {
  return (await node.command('date', '-s', 'now')).status === 0 ? 'passed' : 'refused';
}

/** A policy of the cluster, and lists whose postures are the agent's own. */
async function lists(): Promise<void> {
  node.writePolicies(LISTS);
  const waits = ['cluster', 'pods/list', 'capable'].map(waitFor);
  fact('waits for lists', await Promise.all(waits));
  const tries = [`read ${CLUSTER_SECRET}`, `read ${UNLISTED}`];
  fact('under lists', await Promise.all([WEB, PLAIN, POD].map((container) => attempt(container, ...tries))));
  fact('the clock under a list', await setClock());
  for (const file of Object.keys(LISTS)) rmSync(path.join(node.POLICIES, file));
  await statusWhen('the lists are gone', ({ policies }) => policies.length === Object.keys(GOOD).length);
  fact('after lists', [await attempt(POD, ...tries), await setClock()]);
}

/** One alert for each thing that was done: the probe does the same all the time. */
function firstOfEach(alerts: readonly Record<string, unknown>[]): readonly Record<string, unknown>[] {
  const keyOf = ({ containerName, operation, resource }: Record<string, unknown>): string => [containerName, operation, resource].join(' ');
  return [...new Map([...alerts].reverse().map((alert) => [keyOf(alert), alert])).values()].reverse();
}

async function wrongPolicies(): Promise<void> {
  node.writePolicies(WRONG);
  fact('wait for the good one', await waitFor('shop/more'));
  const names = ['shop/web', 'shop/deep', 'shop/nowhere'];
  fact('waits for bad ones', await Promise.all(names.map((policy) => parapet('wait', '--policy', policy, '--timeout', '1s'))));
  fact('web with its last good policy and the new one', await attempt(WEB, ...READS));
  const { policies, problems } = await agentStatus();
  fact('policies, some of them wrong', Object.fromEntries(policies.map(({ name, state, message }) => [name, `${state}: ${message}`])));
  fact('problems', problems);
  for (const file of Object.keys(WRONG)) if (!(file in GOOD)) rmSync(path.join(node.POLICIES, file));
  node.writePolicies({ 'shop/web.yaml': GOOD['shop/web.yaml'] ?? '' });
  const healed = await statusWhen(
    'nothing is wrong',
    ({ problems: left, policies: all }) => left.length === 0 && all.every(({ state }) => state === 'Enforced'),
  );
  fact('policies, corrected', healed.policies.map(({ name }) => name).sort());
  fact('web, corrected', await attempt(WEB, ...READS));
}

async function secondAgent(): Promise<void> {
  const words = ['run', '--policies', node.POLICIES, '--node', 'node-2'];
  fact('second agents', await Promise.all([parapet(...words), parapet(...words, '--state', '/run/elsewhere')]));
}

/** The agent dies; nothing else changes. */
async function killed(probe: node.Probe, agent: ReturnType<typeof node.startAgent>): Promise<ReturnType<typeof node.startAgent>> {
  agent.kill('SIGKILL');
  fact('killed', await node.ended(agent));
  await withoutAgent();
  fact('web and node without an agent', [await probe.next(), attemptOnNode(HOST_SECRET)]);
  const next = node.startAgent();
  fact('wait for the next agent', await waitFor('shop/web'));
  const began = Date.now();
  fact('web with the next agent', await attempt(WEB, ...READS));
  await node.eventually('an alert of what has just been done', () =>
    node
      .alerts()
      .some(
        ({ containerName, action, updatedTime }) =>
          containerName === 'web' && action === 'Audit' && Date.parse(String(updatedTime)) >= began,
      ),
  );
  return next;
}

async function containerdAway(probe: node.Probe): Promise<void> {
  await node.stopContainerd();
  const { runtime, containers } = await statusWhen('the runtime is away', (status) => !status.runtime.connected);
  fact('status without containerd', { message: runtime.message, containers: containers.map(({ name }) => name).sort() });
  fact('web without containerd', await probe.next());
  fact('the status for people without containerd', (await parapet('status')).out);
  await node.startContainerd();
  await statusWhen('the runtime is back', (status) => status.runtime.connected);
  await node.runContainer(LATE);
  fact('wait with a container that is new', await waitFor('shop/web'));
  fact('late', await attempt(LATE, ...READS));
}

async function loadedPrograms(): Promise<number> {
  const { out } = await node.command('bpftool', 'prog', 'show', '-j');
  return (JSON.parse(out) as { type: string }[]).filter(({ type }) => type === 'lsm').length;
}

async function nothingLeft(): Promise<unknown> {
  await node.eventually('the programs are gone', async () => (await loadedPrograms()) === 0);
  return { pins: existsSync('/sys/fs/bpf/parapet'), web: await attempt(WEB, ...READS), node: attemptOnNode(HOST_SECRET) };
}

/** Stopped in each way, with and without rules left in force. */
async function stopping(probe: node.Probe, agent: ReturnType<typeof node.startAgent>): Promise<void> {
  fact('stop', await parapet('stop'));
  fact('the exit of an agent that was stopped', await node.ended(agent));
  fact('stop without an agent', await parapet('stop', '--keep'));
  fact('web and node after a stop', [await probe.next(), attemptOnNode(HOST_SECRET)]);
  const third = node.startUnheardAgent();
  fact('wait for an agent that nobody hears', await waitFor('shop/web'));
  await attempt(WEB, ...READS);
  fact('lost by an agent that nobody hears', (await statusWhen('an alert is lost', ({ drops }) => drops.alerts > 0)).drops);
  third.kill('SIGTERM');
  fact('the exit of an agent that got SIGTERM', await node.ended(third));
  fact('web after SIGTERM', await probe.next());
  fact('the secret was read under the agents', probe.lines().slice(probed).includes('passed'));
  fact('remove without an agent', await parapet('stop', '--remove'));
  fact('left after remove without an agent', await nothingLeft());
  const last = node.startAgent();
  fact('wait again', await waitFor('shop/web'));
  fact('web again', await probe.next());
  fact('remove', await parapet('stop', '--remove'));
  fact('the exit of an agent that lifted all', await node.ended(last));
  fact('left after remove', await nothingLeft());
}

let probed = 0;
await prepare();
const first = node.startAgent();
await enforcing();
await lists();
const probe = new node.Probe(await node.pidOf(WEB));
probed = probe.lines().length;
await wrongPolicies();
await secondAgent();
const second = await killed(probe, first);
await containerdAway(probe);
await stopping(probe, second);
fact('log', readFileSync(node.LOG, 'utf8').split('\n').slice(0, -1));
