/** Limits of resources as the kernel holds them, with their alerts, from containers.ts: of a policy that comes, changes, and goes. For the microVM. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as node from './node.ts';
import { execute, fact, sh } from './starting.ts';
import { CHANGED_LIMITS, LIMITED_DEVICE, LIMITS, START_IMAGE } from './start-manifests.ts';

const CGROUPS = '/sys/fs/cgroup/default';
const LABELS = ['--label', 'app=limited', '--label', 'parapet.dev/namespace=shop'];
/** Tighter than what the policy says. */
const TIGHT = ['--memory-limit', String(32 * 1024 * 1024), '--cpu-quota', '20000', '--cpu-period', '100000'];
const TIGHT_WRITES = 1024 * 1024;
/** Two processes, and no zombies of others, which would count. */
const IDLE = 'sleep 10000 & wait';
const GREEDY = 'dd if=/dev/zero of=/dev/null bs=200M count=1';
/** Bytes over which a rate is measured. */
const MEASURED = 4 * 1024 * 1024;

const cgroupFile = (name: string, file: string): string => readFileSync(`${CGROUPS}/${name}/${file}`, 'utf8').trim();

const limitsOf = (name: string): readonly string[] => ['pids.max', 'memory.max', 'cpu.max', 'io.max'].map((file) => cgroupFile(name, file));

function count(file: string, key: string): number {
  const line = cgroupFile('limited', file).split('\n');
  return Number(line.find((one) => one.startsWith(`${key} `))?.split(' ')[1]);
}

function alertOf(container: string, limit: string): Record<string, unknown> | undefined {
  return node
    .alerts()
    .find(({ operation, resource, containerName }) => operation === 'Resource' && resource === limit && containerName === container);
}

async function tellAlert(container: string, limit: string): Promise<void> {
  await node.eventually(`an alert of ${container}’s ${limit}`, () => alertOf(container, limit) !== undefined);
  const alert = alertOf(container, limit);
  fact(`alert of ${container}’s ${limit}`, [alert?.['policyName'], alert?.['rule'], alert?.['data'], alert?.['action']]);
}

/** Makes a file in a container's root, for which a program in it waits. */
async function signal(name: string, file: string): Promise<void> {
  await node.eventually(`${file} is in ${name}`, () => {
    const [pid = ''] = cgroupFile(name, 'cgroup.procs').split('\n');
    try {
      writeFileSync(`/proc/${pid}/root${file}`, '');
      return true;
    } catch {
      // It was a program that has just ended.
      return false;
    }
  });
}

/** The other programs of the container have ended: they count for its limits. */
const whenAlone = (): Promise<void> => node.eventually('it is alone', () => cgroupFile('limited', 'pids.current') === '2');

async function startContainers(): Promise<void> {
  await node.command('modprobe', 'brd', 'rd_nr=1', 'rd_size=16384');
  const run = (name: string, ...options: readonly string[]) =>
    node.command('ctr', 'run', '--detach', ...LABELS, ...options, START_IMAGE.name, name, ...sh(IDLE));
  fact('limited runs', await run('limited', '--device', LIMITED_DEVICE));
  fact('tight runs', await run('tight', ...TIGHT));
  writeFileSync(`${CGROUPS}/tight/io.max`, `1:0 wbps=${TIGHT_WRITES}`);
}

/** Bytes a second that a container writes to the device. */
async function rate(): Promise<number> {
  const written = (): number => Number(/^1:0 .*wbytes=(\d+)/m.exec(cgroupFile('limited', 'io.stat'))?.[1] ?? 0);
  const grown = (from: number, by: number) => node.eventually(`${by} bytes more are written`, () => written() >= from + by);
  await grown(written(), 1);
  const [from, begun] = [written(), performance.now()];
  await grown(from, MEASURED);
  return Math.round((written() - from) / ((performance.now() - begun) / 1000));
}

/** The policy comes while the container writes. */
async function writes(): Promise<void> {
  const once = `dd if=/dev/zero of=${LIMITED_DEVICE} bs=65536 count=32 oflag=direct 2> /dev/null || exit 1`;
  const writer = execute('limited', sh(`until [ -e /stop-writing ]; do ${once}; done; echo stopped`));
  fact('bytes a second, before', await Promise.race([rate(), writer]));
  node.writePolicies({ 'limits.yaml': LIMITS });
  await node.whenEnforced('shop/limits');
  fact('limits', limitsOf('limited'));
  fact('limits of tight', limitsOf('tight'));
  fact('bytes a second, limited', await Promise.race([rate(), writer]));
  await signal('limited', '/stop-writing');
  fact('writer', await writer);
  await whenAlone();
}

async function processes(): Promise<void> {
  const crowd = 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 3 & done; wait';
  const { err } = await node.command('ctr', 'tasks', 'exec', '--exec-id', 'crowd', 'limited', ...sh(crowd));
  fact('forks beyond the limit', err);
  await tellAlert('limited', 'pids');
  await whenAlone();
}

/** What is killed for its memory is a program executed in a container, and the container itself, which is gone then. */
async function memory(): Promise<void> {
  const greedy = (name: string) => node.command('ctr', 'tasks', 'exec', '--exec-id', 'greedy', name, ...sh(`exec ${GREEDY}`));
  fact('greedy in tight', (await greedy('tight')).status);
  fact('greedy in limited', (await greedy('limited')).status);
  fact('killed in limited', count('memory.events', 'oom_kill'));
  await tellAlert('limited', 'memory');
  const words = sh(`until [ -e /go ]; do sleep 0.2; done; exec ${GREEDY}`);
  const hog = node.command('ctr', 'run', '--rm', ...LABELS, START_IMAGE.name, 'hog', ...words);
  const isLimited = (): boolean => {
    try {
      return limitsOf('hog')[1] !== 'max';
    } catch {
      return false;
    }
  };
  await node.eventually('hog is limited', isLimited);
  await signal('hog', '/go');
  fact('hog', (await hog).status);
  await tellAlert('hog', 'memory');
}

async function processorTime(): Promise<void> {
  const before = count('cpu.stat', 'nr_throttled');
  const spinner = execute('limited', sh('until [ -e /stop-spinning ]; do :; done; echo stopped'));
  await node.eventually('it is throttled', () => count('cpu.stat', 'nr_throttled') >= before + 20);
  fact('throttled', count('cpu.stat', 'nr_throttled') - before);
  await tellAlert('limited', 'cpu');
  await signal('limited', '/stop-spinning');
  fact('spinner', await spinner);
}

/** Waits for limits that are as they were before the policy, and tells what they are. */
async function whenRestored(what: string, before: string): Promise<void> {
  const all = (): string => JSON.stringify([limitsOf('limited'), limitsOf('tight')]);
  await node.eventually('limits are as before', () => all() === before).catch(() => undefined);
  fact(what, JSON.parse(all()));
}

/** A policy that changes and goes, and one that goes while no agent is there. Gives the agent that runs in the end. */
async function restored(agent: ChildProcess, before: string): Promise<ChildProcess> {
  const file = path.join(node.POLICIES, 'limits.yaml');
  node.writePolicies({ 'limits.yaml': CHANGED_LIMITS });
  await node.whenEnforced('shop/limits');
  await node.eventually('the limits are changed', () => limitsOf('limited')[0] === 'max').catch(() => undefined);
  fact('limits, changed', limitsOf('limited'));
  rmSync(file);
  await whenRestored('limits when the policy is gone', before);

  node.writePolicies({ 'limits.yaml': LIMITS });
  await node.whenEnforced('shop/limits');
  agent.kill('SIGKILL');
  fact('agent', await node.ended(agent));
  rmSync(file);
  await sleep(1000);
  fact('limits while no agent is there', limitsOf('limited'));
  const next = node.startAgent('--default-posture', 'audit');
  await node.whenEnforced('shop/web');
  await whenRestored('limits when another agent is there', before);
  return next;
}

/** All of it; gives the agent that runs in the end. */
export async function limited(agent: ChildProcess): Promise<ChildProcess> {
  await startContainers();
  const before = [limitsOf('limited'), limitsOf('tight')];
  fact('limits before', before);
  await writes();
  await processes();
  await memory();
  await processorTime();
  const last = await restored(agent, JSON.stringify(before));
  fact('alerts of tight', [alertOf('tight', 'memory') ?? 'none', alertOf('tight', 'cpu') ?? 'none']);
  return last;
}
