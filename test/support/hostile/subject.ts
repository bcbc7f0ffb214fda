/**
 * The reconciler that is attacked, as a process: the real Git source, sandbox, gate, judge and plan, with a delivery that keeps everything to
 * itself. Takes one job after another, and goes on living whatever a repository does.
 */
import type { Dirent } from 'node:fs';
import { lstatSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve, sep } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { formatProblem, refKey } from '@parapet/policy';
import { GitSource } from '../../../reconciler/src/adapters/git.ts';
import { createLog } from '../../../reconciler/src/adapters/log.ts';
import { createSynthesizer } from '../../../reconciler/src/adapters/synth/index.ts';
import type { Delivery } from '../../../reconciler/src/delivery.ts';
import { Judge } from '../../../reconciler/src/judge.ts';
import { NO_METRICS } from '../../../reconciler/src/no-metrics.ts';
import { claim } from '../../../reconciler/src/ownership.ts';
import type { SynthResult, Synthesizer } from '../../../reconciler/src/ports.ts';
import { readSourceObject } from '../../../reconciler/src/source-object.ts';
import { runSource } from '../../../reconciler/src/source-run.ts';
import type { SourceSpec } from '../../../reconciler/src/source-spec.ts';
import { StageError } from '../../../reconciler/src/stage-error.ts';
import type { Account, Job } from './account.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const { resolve: find } = createRequire(import.meta.url);
const library = {
  modules: {
    cdk8s: dirname(find('cdk8s/package.json')),
    constructs: dirname(find('constructs/package.json')),
    '@parapet/sdk': join(ROOT, 'sdk'),
    '@parapet/policy': join(ROOT, 'policy'),
  },
};
const SOURCE = { namespace: 'parapet-system', name: 'hostile', uid: 'u-1' };
const TOKEN = process.env['PARAPET_GIT_TOKEN'] ?? '';

const { log, redact } = createLog({ format: 'text' });
redact([TOKEN]);

/** The cluster: nothing is there, everything is taken. */
const nowhere: Delivery = {
  survey: () => Promise.resolve([]),
  tryOut: () => Promise.resolve(new Map()),
  carryOut: () => Promise.resolve(new Map()),
};

/** One synthesizer for each set of limits, for as long as the process lives. */
const synthesizers = new Map<string, Synthesizer>();

function synthesizerFor(limits: Job['limits']): Synthesizer {
  const key = JSON.stringify(limits);
  const known = synthesizers.get(key) ?? createSynthesizer({ library, packages: process.env['PARAPET_PACKAGES'], limits, forMany: true });
  synthesizers.set(key, known);
  return known;
}

type Outcome = Pick<Account, 'ending' | 'problems' | 'manifests' | 'delivered' | 'digest' | 'harm'>;
const NOTHING = { problems: [], manifests: [], delivered: [], digest: '', harm: [] };

async function outcomeOf(job: Job): Promise<Outcome> {
  const metadata = { ...SOURCE, generation: 1 };
  const read = readSourceObject({ apiVersion: 'parapet.dev/v1alpha1', kind: 'PolicySource', metadata, spec: job.spec });
  if (read.spec === undefined) return { ...NOTHING, ending: { kind: 'refused' }, problems: read.problems };
  const source = gitSource(read.spec, job);
  try {
    return await followed(read.spec, source, job);
  } finally {
    await source.close();
  }
}

function gitSource(spec: SourceSpec, { directory, bounds }: Job): GitSource {
  const patience = bounds.patience ?? 30_000;
  return new GitSource({
    url: spec.url,
    ref: spec.ref,
    path: spec.path,
    directory,
    environment: { PATH: process.env['PATH'] ?? '' },
    credentials: () => ({ kind: 'basic', username: 'parapet', password: TOKEN }),
    patience: { resolve: patience, fetch: patience },
    treeLimits: { files: bounds.files ?? 20_000, bytes: bounds.bytes ?? 128 * 1024 * 1024 },
    ...(spec.ignore === undefined ? {} : { ignore: spec.ignore }),
    ...(bounds.mirror === undefined ? {} : { mirrorLimit: bounds.mirror }),
  });
}

/** What a run of the newest commit comes to. */
async function followed(spec: SourceSpec, source: GitSource, job: Job): Promise<Outcome> {
  const signal = AbortSignal.timeout(job.bounds.timeout ?? 120_000);
  const resolved = await source.resolve(signal);
  if (!('commit' in resolved)) return { ...NOTHING, ending: { kind: 'refused' }, problems: resolved.problems };
  const harm: string[] = [];
  let made: SynthResult | undefined;
  const synthesizer = synthesizerFor(job.limits);
  const { targetNamespace, allow } = spec;
  const ran = await runSource(
    {
      source: {
        url: source.url,
        resolve: (...args) => source.resolve(...args),
        pullRequests: (...args) => source.pullRequests(...args),
        close: () => source.close(),
        export: async (...args) => {
          const tree = await source.export(...args);
          if (!('moved' in tree)) harm.push(...faultsOf(tree.directory));
          return tree;
        },
      },
      synthesizer: { synth: async (input) => (made = await synthesizer.synth(input)) },
      judge: new Judge(),
      delivery: nowhere,
      metrics: NO_METRICS,
      claim: (manifest, ref) => claim(manifest, ref, { source: SOURCE, repository: source.url, commit: resolved.commit }),
      gate: { ...allow, ...(targetNamespace === undefined ? {} : { targetNamespace }) },
      rules: { prune: true, pruneLimit: 100, pruneConfirmed: true, allowEmpty: true, force: true, drift: 'Correct' },
      breathe: async () => void (await turn()),
      now: () => performance.now(),
    },
    resolved.commit,
    signal,
  );
  const manifests = made?.manifests.map(({ value }) => value) ?? [];
  const digest = made?.digest ?? '';
  if (ran.kind === 'moved') return { ...NOTHING, harm, ending: { kind: 'crashed', message: 'the reference moved' } };
  if (ran.kind === 'refused') return { ending: { kind: 'refused' }, problems: ran.problems, manifests, delivered: [], digest, harm };
  const delivered = ran.revision.policies.filter(({ change }) => change === 'added').map(refKey);
  return { ending: { kind: 'delivered' }, problems: ran.problems, manifests, delivered, digest, harm };
}

/** What must not be in a checkout. */
function faultsOf(directory: string): string[] {
  const inside = (path: string): boolean => {
    try {
      return realpathSync(path).startsWith(`${realpathSync(directory)}${sep}`);
    } catch {
      return true;
    }
  };
  const entries = entriesOf(directory);
  const executable = entries.filter((entry) => entry.isFile() && (lstatSync(join(entry.parentPath, entry.name)).mode & 0o111) !== 0);
  const leading = entries.filter((entry) => entry.isSymbolicLink() && !inside(join(entry.parentPath, entry.name)));
  const special = entries.filter((entry) => !entry.isFile() && !entry.isDirectory() && !entry.isSymbolicLink());
  return [
    ...executable.map(({ name }) => `${name} is executable`),
    ...leading.map(({ name }) => `the link ${name} leads out of the checkout`),
    ...special.map(({ name }) => `${name} is no file`),
  ];
}

function entriesOf(directory: string): readonly Dirent[] {
  try {
    return readdirSync(directory, { recursive: true, withFileTypes: true });
  } catch {
    return [];
  }
}

/** Names and values of what everything here inherits from. */
function inherited(): readonly unknown[] {
  const makers = [Object, Array, Function, String, Number, Promise, Map, RegExp, Error, Buffer];
  const objects: object[] = [JSON, Reflect, ...makers, ...makers.map(({ prototype }) => prototype as object)];
  return objects.flatMap((one) =>
    Reflect.ownKeys(one).flatMap((key) => [key, Reflect.getOwnPropertyDescriptor(one, key)?.value as unknown]),
  );
}

function isSame(before: readonly unknown[], after: readonly unknown[]): boolean {
  return before.length === after.length && before.every((one, index) => Object.is(one, after[index]));
}

async function accountOf(job: Job): Promise<Account> {
  const before = inherited();
  const loop = monitorEventLoopDelay({ resolution: 10 });
  // The kernel's own mark of the most memory, set back to what there is now.
  writeFileSync('/proc/self/clear_refs', '5');
  const started = process.cpuUsage();
  loop.enable();
  const outcome = await outcomeOf(job).catch(failure);
  await turn();
  loop.disable();
  const { user, system } = process.cpuUsage(started);
  const [, peak = '0'] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  tell(outcome);
  const polluted = isSame(before, inherited()) ? [] : ['what every object inherits was changed'];
  return {
    ...outcome,
    harm: [...outcome.harm, ...polluted],
    cpu: (user + system) / 1e6,
    pause: loop.max / 1e9,
    memory: Number(peak) * 1024,
  };
}

function failure(error: unknown): Outcome {
  if (error instanceof StageError) {
    return { ...NOTHING, ending: { kind: 'failed', stage: error.stage, message: error.message } };
  }
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return { ...NOTHING, ending: { kind: 'failed', stage: 'time', message: 'it took too long' } };
  return { ...NOTHING, ending: { kind: 'crashed', message: error instanceof Error ? String(error.stack) : String(error) } };
}

/** As the reconciler logs it. */
function tell({ ending, problems }: Outcome): void {
  if (ending.kind === 'failed') log({ level: 'error', stage: ending.stage, message: ending.message });
  for (const problem of problems) log({ level: 'warn', stage: 'synth', message: formatProblem(problem), problems: [problem.code] });
}

process.on('message', (job: Job) => {
  void accountOf(job).then((account) => process.send?.(account));
});
