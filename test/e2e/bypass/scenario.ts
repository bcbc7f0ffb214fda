/** Runs every attempt twice, in a cgroup without rules and in one with them. Prints a line of JSON for each. For the microVM, as root. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { compile } from '@parapet/policy';
import type { Table } from '@parapet/policy';
import { createBpfEnforcer } from '../../../agent/src/adapters/kernel/index.ts';
import { HOME } from './attempt.ts';
import type { Attempt, PolicyName } from './attempt.ts';
import { ATTEMPTS, SMOKE } from './attempts/index.ts';
import { makeFiles } from './files.ts';
import { POLICIES } from './policies.ts';

const CGROUPS = '/sys/fs/cgroup';
const IMAGE = '/var/tmp/bypass-image';

const [, , actor = '', which = 'all'] = process.argv;

function say(fact: object): void {
  process.stdout.write(`${JSON.stringify(fact)}\n`);
}

function makeCgroup(name: string): bigint {
  mkdirSync(path.join(CGROUPS, name), { recursive: true });
  return statSync(path.join(CGROUPS, name), { bigint: true }).ino;
}

function tableOf(name: PolicyName): Table {
  const { policies, posture } = POLICIES[name];
  const { table, problems } = compile(policies, { file: posture, network: posture, capabilities: posture });
  if (table === undefined) throw new Error(`no table for ${name}: ${JSON.stringify(problems)}`);
  return table;
}

/** Runs each attempt in each of its cgroups, in order; what came of them, in order. */
async function perform(runs: readonly { cgroup: string; attempt: Attempt }[]): Promise<string[]> {
  const stage = spawn(actor, ['--stage'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = runs.map(({ cgroup, attempt: { outside, steps } }) =>
    [path.join(CGROUPS, cgroup), ...(outside === undefined ? [] : [...outside, '--']), ...steps].join('\t'),
  );
  stage.stdin.end(lines.map((line) => `${line}\n`).join(''));
  let output = '';
  for await (const chunk of stage.stdout) output += String(chunk);
  return output
    .trim()
    .split('\n')
    .map((line, index) => (line.startsWith(`${index} `) ? line.slice(`${index} `.length) : `no result, but: ${line}`));
}

const enforcer = await createBpfEnforcer({ bpfDirectory: path.resolve('bpf/build') });
mkdirSync(HOME, { recursive: true });
mkdirSync(IMAGE, { recursive: true });
execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', IMAGE]);
makeFiles(IMAGE, actor);
makeCgroup('bypass-free');
for (const name of Object.keys(POLICIES) as PolicyName[]) await enforcer.enforce(makeCgroup(`bypass-${name}`), tableOf(name));

const chosen =
  which === 'smoke' ? SMOKE : which === 'all' ? ATTEMPTS : ATTEMPTS.filter(({ name, family }) => `${family}: ${name}`.includes(which));
const runs = chosen.flatMap((attempt) => [
  { cgroup: 'bypass-free', attempt: { ...attempt, steps: attempt.freely ?? attempt.steps } },
  { cgroup: `bypass-${attempt.policy}`, attempt },
]);
const started = performance.now();
const results = await perform(runs);
chosen.forEach(({ name }, index) => say({ name, without: results[2 * index], with: results[2 * index + 1] }));
say({ counters: enforcer.counters(), seconds: Math.round(performance.now() - started) / 1000 });
await enforcer.close({ keep: false });
