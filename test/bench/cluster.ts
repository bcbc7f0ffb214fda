/**
 * The reconciler of a cluster, a process of its own as it is installed, with a real API server and a real Git server on loopback: from a host's
 * webhook to the policies that the API server stores. Times depend on whatever else the machine does: the load is said, and so is what a run of
 * Node, `git ls-remote` and one server-side apply take on the same machine at the same time.
 */
import { serverSideApply } from '../../reconciler/src/adapters/kubernetes/apply.ts';
import { BenchWorld } from './cluster/bench-world.ts';
import { load, median, quantile, repeat, timed, timeOf } from './cluster/figures.ts';
import { timeOfPlanning } from './cluster/planning.ts';
import { row } from './row.ts';
import type { Row } from './row.ts';

const RUNS = 20;
/** Runs before those that count: code is compiled, connections are open. */
const WARM = 3;
const FEW = 50;
const MANY = 1000;
const MOST = 10_000;

type Say = (sentence: string) => void;

/** From a push to the API server, with few policies. */
export async function measurePushes(say: Say): Promise<Row[]> {
  const bench = await BenchWorld.begin();
  try {
    say(`the machine by itself, with a load of ${load()}`);
    const machine = await measureMachine(bench);
    return [...machine.rows, ...(await rowsOfPushes(bench, machine, say)), loadAtTheEnd('push')];
  } finally {
    await bench.end();
  }
}

/** First, again, and what the controller needs, with many policies. */
export async function measureMany(say: Say): Promise<Row[]> {
  const bench = await BenchWorld.begin();
  try {
    return [...(await rowsOfMany(bench, say)), loadAtTheEnd('many')];
  } finally {
    await bench.end();
  }
}

/** Planning alone, with more policies than anybody has. */
export async function measurePlanning(say: Say): Promise<Row[]> {
  say(`planning, with a load of ${load()}`);
  return [...(await rowsOfPlanning()), loadAtTheEnd('plan')];
}

const loadAtTheEnd = (suite: string): Row => row(`${suite}: load at the end`, [Number(load()), '']);

interface Machine {
  /** Milliseconds of starting Node, asking a repository and applying one object, together. */
  readonly unit: number;
  readonly rows: readonly Row[];
}

async function measureMachine({ world, connection }: BenchWorld): Promise<Machine> {
  world.repository.commit({ 'main.ts': 'export {};\n' });
  const repository = `${world.server.url}/policies.git`;
  const path = '/api/v1/namespaces/default/configmaps/bench';
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'bench', namespace: 'default' }, data: {} };
  const { signal } = new AbortController();
  const apply = (at: number): Promise<unknown> =>
    serverSideApply(connection, { path, object: { ...object, data: { at: `${at}` } }, force: true, signal });
  const node = median(await repeat(RUNS, () => timeOf(process.execPath, ['-e', '0'])));
  const git = median(await repeat(RUNS, () => timeOf('git', ['ls-remote', repository])));
  const applied = median(await repeat(RUNS, (at) => timed(() => apply(at))));
  return {
    unit: node + git + applied,
    rows: [
      row('push: node -e 0, p50', [node, 'ms']),
      row('push: git ls-remote, p50', [git, 'ms']),
      row('push: one server-side apply, p50', [applied, 'ms']),
    ],
  };
}

type Stages = Awaited<ReturnType<BenchWorld['stages']>>;

/** Mean milliseconds of each stage that has run: `resolve 42, fetch 94`. */
function stagesSince(before: Stages, now: Stages): string {
  const means = [...now].flatMap(([stage, { milliseconds, runs }]) => {
    const from = before.get(stage) ?? { milliseconds: 0, runs: 0 };
    return runs === from.runs ? [] : [`${stage} ${Math.round((milliseconds - from.milliseconds) / (runs - from.runs))}`];
  });
  return means.join(', ');
}

/** Policies of few, one of them changed or all of them, from the webhook to the API server. */
async function rowsOfPushes(bench: BenchWorld, { unit }: Machine, say: Say): Promise<Row[]> {
  const paths = Array.from({ length: FEW }, (_, index) => `/opt/p${index}/first`);
  const first = bench.push(paths);
  await bench.follow();
  await bench.settled(first);
  const measure = async (changed: number): Promise<readonly number[]> => {
    const name = `${changed} of ${FEW}`;
    const push = async (at: number): Promise<number> => {
      for (let index = 0; index < changed; index += 1) paths[index] = `/opt/p${index}/${changed}-${at}`;
      const commit = bench.push(paths);
      const milliseconds = await bench.deliver(commit, changed);
      await bench.settled(commit);
      return milliseconds;
    };
    await repeat(WARM, push);
    const before = await bench.stages();
    const times = await repeat(RUNS, (at) => push(WARM + at));
    const stages = stagesSince(before, await bench.stages());
    say(`${name} changed, with a load of ${load()}; milliseconds of the stages: ${stages}`);
    return times;
  };
  const one = await measure(1);
  const all = await measure(FEW);
  const from = 'push: push to API server';
  return [
    row(`${from}, 1 of ${FEW} changed, p50`, [median(one), 'ms'], { atMost: 1000 }),
    row(`${from}, 1 of ${FEW} changed, p95`, [quantile(one, 0.95), 'ms'], { atMost: 1500 }),
    row(`${from}, 1 of ${FEW} changed, by what node, git and apply take together`, [median(one) / unit, 'times']),
    row(`${from}, ${FEW} of ${FEW} changed, p50`, [median(all), 'ms'], { atMost: 1500 }),
    row(`${from}, ${FEW} of ${FEW} changed, by what node, git and apply take together`, [median(all) / unit, 'times']),
  ];
}

/** Many policies: applied for the first time, looked at again, and what the controller needs for them. */
async function rowsOfMany(bench: BenchWorld, say: Say): Promise<Row[]> {
  const paths = Array.from({ length: MANY }, (_, index) => `/opt/p${index}/many`);
  const first: number[] = [];
  for (let at = 0; at < RUNS; at += 1) {
    if (at > 0) await bench.leave();
    const before = await bench.stages();
    const commit = bench.push([...paths.slice(1), `/opt/p/${at}`]);
    first.push(await bench.arrive(commit, MANY, () => bench.follow()));
    await bench.settled(commit);
    const stages = stagesSince(before, await bench.stages());
    say(`${MANY} policies applied, with a load of ${load()}; milliseconds of the stages: ${stages}`);
  }
  await repeat(WARM, () => bench.lookAgain());
  const before = bench.processorSeconds();
  const again = await repeat(RUNS, () => bench.lookAgain());
  const after = bench.processorSeconds();
  const seconds = (after.controller - before.controller + after.api - before.api) / RUNS;
  say(`looked at again, with a load of ${load()}`);
  const empty = await repeat(RUNS, () => bench.conclude(bench.pushNothing()));
  const { VmRSS = 0, VmHWM = 0, Pss = 0 } = bench.memory();
  const memory = `many: memory of the controller with ${MANY} policies`;
  return [
    row(`many: first apply of ${MANY} policies, p50`, [median(first), 'ms'], { atMost: 10_000 }),
    row(`many: ${MANY} policies looked at again, p50`, [median(again), 'ms'], { atMost: 1000 }),
    row('many: the same, processor time of reconciler and API server', [seconds, 's'], { atMost: 1 }),
    row(`many: a commit that changes nothing of ${MANY} policies, p50`, [median(empty), 'ms']),
    row(`${memory}: resident`, [VmRSS / 1024, 'MiB'], { atMost: 200 }),
    row(`${memory}: its share (PSS)`, [Pss / 1024, 'MiB']),
    row(`${memory}: most that it ever had`, [VmHWM / 1024, 'MiB'], { atMost: 200 }),
  ];
}

async function rowsOfPlanning(): Promise<Row[]> {
  const times = await repeat(RUNS, () => timeOfPlanning(MOST));
  return [
    row(`plan: ${MOST} policies planned, all new, p50`, [median(times.map(({ added }) => added)), 'ms'], { atMost: 5000 }),
    row(`plan: ${MOST} policies planned, all as they are, p50`, [median(times.map(({ unchanged }) => unchanged)), 'ms'], {
      atMost: 5000,
    }),
  ];
}
