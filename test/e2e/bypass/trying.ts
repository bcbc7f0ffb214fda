/** Puts attempts to the test. */
import { spawn } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { compile } from '@parapet/policy';
import type { Policy, Table } from '@parapet/policy';
import type { Attempt, PolicyName } from './attempt.ts';
import { POLICIES } from './policies.ts';

const CGROUPS = '/sys/fs/cgroup';

/** Makes a cgroup; its id. */
export function makeCgroup(name: string): bigint {
  mkdirSync(path.join(CGROUPS, name), { recursive: true });
  return statSync(path.join(CGROUPS, name), { bigint: true }).ino;
}

/** What the kernel is given for one of the policies. */
export function tableOf(name: PolicyName, ...more: readonly Policy[]): Table {
  const { policies, posture } = POLICIES[name];
  const { table, problems } = compile([...policies, ...more], { file: posture, network: posture, capabilities: posture });
  if (table === undefined) throw new Error(`no table for ${name}: ${JSON.stringify(problems)}`);
  return table;
}

/** Runs each attempt in each of its cgroups, in order; what came of them, in order. */
export async function perform(actor: string, runs: readonly { cgroup: string; attempt: Attempt }[]): Promise<string[]> {
  const placeOf = (cgroup: string, below = 0): string => path.join(CGROUPS, cgroup, ...Array.from({ length: below }, () => 'below'));
  for (const { cgroup, attempt } of runs) mkdirSync(placeOf(cgroup, attempt.below), { recursive: true });
  const stage = spawn(actor, ['--stage'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = runs.map(({ cgroup, attempt: { below, outside, steps } }) =>
    [placeOf(cgroup, below), ...(outside === undefined ? [] : [...outside, '--']), ...steps].join('\t'),
  );
  stage.stdin.end(lines.map((line) => `${line}\n`).join(''));
  let output = '';
  for await (const chunk of stage.stdout) output += String(chunk);
  return output
    .trim()
    .split('\n')
    .map((line, index) => (line.startsWith(`${index} `) ? line.slice(`${index} `.length) : `no result, but: ${line}`));
}
