/** Floods of denials under real hooks, told by the agent's story. Prints facts: `WHAT: RESULT`. For the microVM, as root. */
import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { NodeReport } from '@parapet/policy';
import { createBpfEnforcer } from '../../../agent/src/adapters/kernel/index.ts';
import { Agent } from '../../../agent/src/agent.ts';
import type { Alert } from '../../../agent/src/alert.ts';
import type { LossAlert } from '../../../agent/src/losses.ts';
import { containerOf, eventually, fakePorts, fileOf, manifest } from '../../support/agent-fakes.ts';
import { PATIENCE } from '../../support/patience.ts';
import { DEEP, FILES, HOME, MANY, TASKS, TIMES } from './size.ts';

type Line = Omit<Alert, 'type'> & Pick<Alert | LossAlert, 'type'>;

const CGROUP = '/sys/fs/cgroup/flooded';
const FLOOD = `${HOME}/flood`;
const OTHER = `${HOME}/other`;
const run = promisify(execFile);

function fact(what: string, result: unknown): void {
  process.stdout.write(`${what}: ${String(result)}\n`);
}

interface Flood {
  readonly tasks: number;
  readonly times: number;
  readonly files: number;
  readonly how?: 'write' | 'remove' | 'namespace';
  readonly program?: string;
}

/** The words that run it as a program of the container. */
function wordsOf(directory: string, { tasks, times, files, how = 'write', program = FLOOD }: Flood): string[] {
  const enter = `echo $$ > ${CGROUP}/cgroup.procs && exec "$0" "$@"`;
  return ['-c', enter, program, how, directory, String(tasks), String(times), ...names(files)];
}

/** Runs one; how often it was refused. */
async function flood(directory: string, what: Flood): Promise<number> {
  const { stdout } = await run('bash', wordsOf(directory, what), { maxBuffer: 1 << 20 });
  return Number(stdout);
}

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));

mkdirSync(CGROUP, { recursive: true });
for (const directory of [`${HOME}/one`, `${HOME}/dir`, DEEP]) mkdirSync(directory, { recursive: true });
await run('cc', ['-O2', '-static', '-o', FLOOD, path.resolve('test/e2e/events/flood.c')]);
copyFileSync(FLOOD, OTHER);
writeFileSync(`${HOME}/one/0`, '');

const enforcer = await createBpfEnforcer({ bpfDirectory: path.resolve('bpf/build') });
const { ports, state, lines, log, reports } = fakePorts();
const postures = { file: 'block', network: 'block', capabilities: 'block' } as const;
const agent = new Agent({ ...ports, enforcer }, { node: 'n1', cluster: 'default', postures, now: () => Date.now() });
await agent.start();
const paths = names(MANY).map((name) => ({ path: `${DEEP}/${name}`, action: 'Block' }));
const file = { matchPaths: [{ path: `${HOME}/one/0` }, ...paths], matchDirectories: [{ dir: `${HOME}/dir/`, recursive: true }] };
state.onContainers([containerOf(0, { cgroup: statSync(CGROUP, { bigint: true }).ino, id: 'flooded' })]);
state.onFiles([fileOf('a.yaml', manifest('quiet', { spec: { process: undefined, file, hardening: { userNamespaces: 'Block' } } }))]);
fact('in force', (await agent.wait({ policy: 'shop/quiet', timeoutMs: PATIENCE })).exit);

/** Alerts since the last call: once all of them have come, or what else has come when time is up, and nothing more for a while. */
async function alerts(all: (total: number) => boolean): Promise<Line[]> {
  const seen: Line[] = [];
  const read = (): number => seen.push(...lines.splice(0).map((line) => JSON.parse(line) as Line));
  const haveCome = (): boolean => {
    read();
    return all(total(seen));
  };
  await eventually('all alerts', haveCome, PATIENCE).catch(() => undefined);
  for (let before = -1; before !== seen.length; await sleep(2500)) before = read();
  return seen;
}
const total = (some: readonly Line[]): number =>
  some.filter(({ type }) => type === 'MatchedPolicy').reduce((sum, { count }) => sum + count, 0);

// many tasks at one file
let refused = await flood(`${HOME}/one`, { tasks: TASKS, times: TIMES, files: 1 });
let seen = await alerts((told) => told >= refused);
let made = refused;
fact('one file | refused', refused);
fact('one file | told', total(seen));
fact('one file | lines that told it are few', seen.length < 60);
// Who is preempted while it tells of the first leaves that to the tenth.
const first = seen[0]!;
fact('one file | the first line', `${first.count <= 10 ? 'at once' : first.count} ${first.resource} by ${first.source}`);
fact(
  'one file | every line names rule, file and program',
  seen.every(({ rule, resource, source }) => rule === 'spec.file.matchPaths[0]' && resource === `${HOME}/one/0` && source === FLOOD),
);

// the same file by another program, and another operation
refused = 0;
const others: readonly Flood[] = [
  { tasks: 1, times: TIMES, files: 1, program: OTHER },
  { tasks: 1, times: TIMES + 1, files: 1, how: 'remove' },
  { tasks: 1, times: TIMES + 2, files: 1, how: 'remove', program: OTHER },
];
for (const other of others) refused += await flood(`${HOME}/one`, other);
made += refused;
const counts = new Map<string, number>();
for (const { type, source, data, count } of await alerts((told) => told >= refused))
  if (type === 'MatchedPolicy') counts.set(`${source} ${data}`, (counts.get(`${source} ${data}`) ?? 0) + count);
fact('programs and operations', JSON.stringify(Object.fromEntries([...counts].sort())));

// each file of a directory that one rule blocks
refused = await flood(`${HOME}/dir`, { tasks: 1, times: 3, files: FILES });
seen = await alerts((told) => told >= refused);
made += refused;
fact('a directory | told', total(seen) === refused);
fact('a directory | files with a line of their own', new Set(seen.filter(({ count }) => count === 1).map(({ resource }) => resource)).size);

// more records than the ring buffer holds, while the agent's thread stands still
const busy = flood(DEEP, { tasks: 2, times: 1, files: MANY });
await sleep(500);
const until = performance.now() + PATIENCE;
let lag = 0;
const namespaces = enforcerLag();
refused = await busy;
seen = await alerts((told) => told >= refused + namespaces - (enforcer.counters()['lost'] ?? 0));
made += refused + namespaces;
const counters = enforcer.counters();
const of = (name: string): number => counters[name] ?? 0;
fact('a full ring | refused', refused);
fact('a full ring | records found no room', of('ringFullBlock') > 0);
fact('a full ring | namespaces refused', namespaces);
fact('a full ring | told', total(seen) === refused + namespaces - of('lost') ? 'all but those that are known to be lost' : total(seen));
fact(
  'a full ring | a loud alert',
  seen.filter(({ type }) => type === 'SystemEvent').reduce((sum, { count }) => sum + count, 0) ===
    of('ringFullBlock') + of('unrecordedBlock'),
);
fact(
  'a full ring | the log',
  log.some((line) => line.startsWith('LOST: ')),
);
fact('in all | told, counted or known to be lost', of('events') + of('aggregated') + of('lost') === made);
fact('in all | denials in status', agent.status().drops.denials === of('ringFullBlock') + of('unrecordedBlock'));
await eventually('the last report', () => violations() === made - of('lost'), PATIENCE).catch(() => undefined);
fact('in all | violations in the report', violations() === made - of('lost'));
fact('lag of the agent’s thread in ms', lag);
await agent.stop({ keep: false });

/** Nothing of this thread runs until the ring is full and a container was refused namespaces under it; how many. */
function enforcerLag(): number {
  const begun = performance.now();
  while (performance.now() < until && (enforcer.counters()['ringFullBlock'] ?? 0) === 0)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  const under = Number(execFileSync('bash', wordsOf(HOME, { tasks: 1, times: 1, files: 3, how: 'namespace' }), { encoding: 'utf8' }));
  lag = Math.round(performance.now() - begun);
  return under;
}

/** Those in the last report, those for which it has no room, and those for which the agent had none. */
function violations(): number {
  const { violations = [], counters = {} } = (reports.at(-1) as NodeReport | undefined)?.status ?? {};
  return violations.reduce((sum, { count }) => sum + count, (counters['violationsDropped'] ?? 0) + (counters['violationsCut'] ?? 0));
}
