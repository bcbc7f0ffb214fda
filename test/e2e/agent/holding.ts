/** Programs of containers that nobody knows yet. Prints facts, a line of JSON each, for holding.test.ts. For the microVM, as root. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { agentStatus } from '@parapet/agent';
import { ABI, HOLD_MODE, LAYOUT } from '@parapet/policy';
import * as node from './node.ts';
import { execute, fact, lastName, READ_SECRET, sh, start, startForLong } from './starting.ts';
import { POLICY_FILES } from './start-manifests.ts';

const [, , image = '', startsText = '20'] = process.argv;
const STARTS = Number(startsText);
const CGROUPS = '/sys/fs/cgroup/default';
const MAPS = `/sys/fs/bpf/parapet/v${ABI}/maps`;
/** Milliseconds after which the kernel takes an agent for gone, and a little. */
const SILENCE = 6_000;
const WHILE = 2_500;
/** Seconds that no step here takes, however slow the machine. */
const A_LONG_TIME = 3_600;

const heldSoFar = async (): Promise<number> => (await agentStatus()).counters['held'] ?? 0;

let denies = false;

async function startAgent(...flags: readonly string[]): Promise<ChildProcess> {
  denies = flags.join(' ').includes('--when-agent-is-gone deny');
  const agent = node.startAgent('--default-posture', 'audit', ...flags);
  await node.whenEnforced('shop/web');
  return agent;
}

async function kill(...agents: readonly ChildProcess[]): Promise<void> {
  for (const agent of agents) agent.kill('SIGKILL');
  await Promise.all(agents.map(node.ended));
}

/** As if an agent that holds were alive so many seconds from now, whatever the speed of this machine. */
async function feignAgent(seconds: number): Promise<void> {
  const settings = Buffer.alloc(LAYOUT.hold_settings.size);
  settings.writeBigUInt64LE(process.hrtime.bigint() + BigInt(seconds) * 1_000_000_000n, LAYOUT.hold_settings.alive);
  settings.writeUInt32LE(HOLD_MODE.stop, LAYOUT.hold_settings.unknown);
  settings.writeUInt32LE(denies ? 1 : 0, LAYOUT.hold_settings.deny_when_gone);
  const words = (bytes: Buffer): readonly string[] => [...bytes].map(String);
  const pin = ['pinned', `${MAPS}/hold_settings`];
  await node.command('bpftool', 'map', 'update', ...pin, 'key', ...words(Buffer.alloc(4)), 'value', ...words(settings));
}

/** The agent stands still, and is not taken for gone before it goes on. */
async function pause(agent: ChildProcess): Promise<void> {
  agent.kill('SIGSTOP');
  await feignAgent(A_LONG_TIME);
}

/** How many processes of containers wait, by the kernel's map. */
async function waiting(): Promise<number> {
  return (JSON.parse((await node.command('bpftool', '-j', 'map', 'dump', 'pinned', `${MAPS}/held`)).out) as unknown[]).length;
}

async function whenWaiting(count = 1): Promise<void> {
  await node.eventually(`${count} wait`, async () => (await waiting()) >= count);
}

/** Starts something that has to wait while the agent is stopped; what it said until that goes on, and in the end. */
async function whileStopped(
  agent: ChildProcess,
  work: () => Promise<string>,
  meanwhile: () => Promise<void> = whenWaiting,
): Promise<readonly string[]> {
  await pause(agent);
  let said: string | undefined;
  const run = work().then((text) => (said = text));
  await Promise.all([sleep(WHILE), meanwhile()]);
  const before = said ?? 'nothing';
  agent.kill('SIGCONT');
  return [before, await run];
}

/** Two at a time, and the agent stands still until somebody waits for it. */
async function manyStarts(agent: ChildProcess): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  let left = STARTS;
  let working = 2;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const said = await start(sh(READ_SECRET));
      counts[said] = (counts[said] ?? 0) + 1;
    }
    working -= 1;
  };
  const work = Promise.all([worker(), worker()]);
  while (working > 0) {
    await pause(agent);
    for (const end = performance.now() + WHILE; performance.now() < end && (await waiting()) === 0;) await sleep(100);
    agent.kill('SIGCONT');
    for (const end = performance.now() + SILENCE; performance.now() < end && (await waiting()) > 0;) await sleep(100);
  }
  await work;
  return counts;
}

/** Somebody wakes who waits, again and again: the runtime's process tries again, and no program runs. */
async function woken(): Promise<void> {
  const name = lastName();
  await whenWaiting();
  const [pid = 0] = readFileSync(`${CGROUPS}/${name}/cgroup.procs`, 'utf8').trim().split('\n').map(Number);
  const programs = new Set<string>();
  for (let i = 0; i < 50; i += 1) {
    process.kill(pid, 'SIGCONT');
    await sleep(10);
    programs.add(readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
  }
  fact('programs of who was woken', [...programs]);
}

/** Refused by their rules when these are there: the kernel tells of it. */
async function refusedPrograms(agent: ChildProcess): Promise<void> {
  fact('a program that is blocked', await whileStopped(agent, () => start(['/usr/bin/ls'])));
  const names = [lastName()];
  fact('a script that is blocked', await whileStopped(agent, () => start(['/srv/script'])));
  names.push(lastName());
  const alertsOf = (): readonly unknown[] =>
    node
      .alerts()
      .filter(({ containerName, operation }) => names.includes(String(containerName)) && operation === 'Process')
      .map(({ policyName, rule, resource, action }) => [policyName, rule, resource, action]);
  await node.eventually('alerts of programs that were refused', () => alertsOf().length >= 2);
  fact('alerts of programs that were refused', alertsOf());
}

async function inEveryWay(agent: ChildProcess): Promise<void> {
  const read = (...options: readonly string[]) => whileStopped(agent, () => start(sh(READ_SECRET), ...options));
  fact('woken by others', await whileStopped(agent, () => start(sh(READ_SECRET)), woken));
  fact('in a pod: first container', await read('--cgroup', '/kubepods/pod1/first'));
  fact('in a pod: second container', await read('--cgroup', '/kubepods/pod1/second'));
  fact('with the node’s processes', await read('--with-ns', 'pid:/proc/1/ns/pid'));
  await startForLong('stays');
  const [first] = readFileSync(`${CGROUPS}/stays/cgroup.procs`, 'utf8').split('\n');
  fact('with the processes of another container', await read('--with-ns', `pid:/proc/${first}/ns/pid`));
  const executed = async (): Promise<string> => {
    await startForLong('both');
    return execute('both', sh(READ_SECRET));
  };
  fact('executed in a container that waits', await whileStopped(agent, executed, () => whenWaiting(2)));
}

/** Containers that end before their rules are there, and shortly after. */
async function shortLives(agent: ChildProcess): Promise<void> {
  await pause(agent);
  const names = ['short1', 'short2', 'short3'];
  await Promise.all(names.map((name) => startForLong(name)));
  const [, ...others] = names;
  await Promise.all(others.map((name) => node.command('ctr', 'tasks', 'kill', '--signal', 'SIGKILL', name)));
  agent.kill('SIGCONT');
  await Promise.all([1, 2, 3, 4, 5, 6].map(() => start(sh('exit 0'))));
  for (const name of [...names, 'stays', 'both']) await node.command('ctr', 'tasks', 'rm', '--force', name);
  await node.statusWhen('no container is known', ({ containers }) => containers.length === 0);
  const left: Record<string, number> = {};
  const look = async (): Promise<boolean> => {
    for (const map of ['held', 'cgroups', 'labels'])
      left[map] = (JSON.parse((await node.command('bpftool', '-j', 'map', 'dump', 'pinned', `${MAPS}/${map}`)).out) as unknown[]).length;
    return Object.values(left).every((count) => count === 0);
  };
  await node.eventually('nothing is left in the maps', look).catch(() => undefined);
  fact('left in the maps', left);
}

/** A process where containers are expected, of which no runtime tells. */
async function nobodys(): Promise<void> {
  mkdirSync(`${CGROUPS}/nobodys`);
  const { out } = await node.command(
    'sh',
    '-c',
    `unshare --pid --fork sh -c 'echo 0 > ${CGROUPS}/nobodys/cgroup.procs && exec /bin/echo ran'; echo $?`,
  );
  fact('nobody’s', out.trim());
  fact('alerts of nobody’s', await alertOfUnknown('of which the runtime does not tell'));
}

/** The alert of a program without known rules, in the words of its message, after so many alerts of any kind. */
async function alertOfUnknown(words: string, after = 0): Promise<unknown> {
  const seen = () =>
    node
      .alerts()
      .slice(after)
      .find(({ message }) => String(message).includes(words));
  await node.eventually(`an alert that says ${words}`, () => seen() !== undefined);
  const alert = seen();
  return [alert?.['operation'], alert?.['resource'], alert?.['action'], alert?.['policyName'], alert?.['type']];
}

/** The agent is killed while a container waits for it: nobody is to wait any longer. */
async function killedWhileHeld(agent: ChildProcess): Promise<string> {
  await pause(agent);
  const run = start(sh(READ_SECRET));
  await whenWaiting();
  await feignAgent(0);
  await kill(agent);
  return run;
}

/** What watches over an agent. */
function watcherOf(agent: ChildProcess): number {
  const children = readFileSync(`/proc/${agent.pid}/task/${agent.pid}/children`, 'utf8').trim().split(' ');
  return Number(children.find((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('parapet-watch')));
}

async function withoutAgent(): Promise<void> {
  fact('killed, open', await killedWhileHeld(await startAgent()));
  fact('gone, open', await start(sh('echo ran')));
  fact('killed, deny', await killedWhileHeld(await startAgent('--when-agent-is-gone', 'deny')));
  fact('gone, deny', await start(sh('echo ran')));

  const dying = await startAgent();
  const watcher = watcherOf(dying);
  await kill(dying);
  await feignAgent(A_LONG_TIME);
  let said: string | undefined;
  const run = start(sh(READ_SECRET)).then((text) => (said = text));
  await whenWaiting();
  await sleep(SILENCE);
  fact('while nobody answers', said ?? 'nothing');
  const next = await startAgent();
  fact('when the next agent is there', await run);
  fact('the first one’s watcher is gone', !readdirSync('/proc').includes(String(watcher)));

  const last = watcherOf(next);
  await kill(next);
  process.kill(last, 'SIGKILL');
  await feignAgent(A_LONG_TIME);
  const lifted = start(sh(READ_SECRET));
  await whenWaiting();
  fact('lifted', (await node.parapet('stop', '--remove')).status);
  fact('when all is lifted', await lifted);
}

/** What a container says while the agent stands still. */
async function standsStill(agent: ChildProcess): Promise<string> {
  agent.kill('SIGSTOP');
  const said = await start(sh(READ_SECRET));
  agent.kill('SIGCONT');
  return said;
}

async function otherModes(): Promise<void> {
  const denying = await startAgent('--unknown-containers', 'deny', '--when-agent-is-gone', 'deny');
  const before = node.alerts().length;
  fact('deny: unknown', await standsStill(denying));
  fact('deny: counted', ((await agentStatus()).counters['unknownDenied'] ?? 0) > 0);
  fact('deny: told', await alertOfUnknown('no rules are known yet', before));
  await kill(denying);
  const allowing = await startAgent('--unknown-containers', 'allow');
  fact('allow: unknown', await standsStill(allowing));
  await kill(allowing);
}

mkdirSync(node.POLICIES, { recursive: true });
node.writePolicies(POLICY_FILES);
await node.command('ctr', 'images', 'import', image);
const agent = await startAgent('--when-agent-is-gone', 'deny');
fact('starts', await manyStarts(agent));
fact('held in those', await heldSoFar());
await refusedPrograms(agent);
await inEveryWay(agent);
await shortLives(agent);
await nobodys();
agent.kill('SIGTERM');
await node.ended(agent);
const patient = await startAgent();
fact('stands still', await standsStill(patient));
await kill(patient);
await otherModes();
await withoutAgent();
fact('log', readFileSync(node.LOG, 'utf8').split('\n').slice(0, -1));
