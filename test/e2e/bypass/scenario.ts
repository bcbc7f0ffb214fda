/**
 * Runs every attempt twice, in a cgroup without rules and in one with them. Prints a line of JSON for each. For the microVM, as root. The second
 * word chooses some: `smoke`, `lives` (those of agents that come and go), or a part of names.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { createBpfEnforcer } from '../../../agent/src/adapters/kernel/index.ts';
import { HOME } from './attempt.ts';
import type { PolicyName } from './attempt.ts';
import { ATTEMPTS, SMOKE } from './attempts/index.ts';
import { makeFiles } from './files.ts';
import { listenAsAgent, makeDecoys } from './decoys.ts';
import { performInContainers } from './containers.ts';
import { performAcrossLives, SWAP, swapForever } from './lives.ts';
import { POLICIES } from './policies.ts';
import { makeCgroup, perform, tableOf } from './trying.ts';

const IMAGE = '/var/tmp/bypass-image';

const [, , actor = '', which = 'all', image] = process.argv;

function say(fact: object): void {
  process.stdout.write(`${JSON.stringify(fact)}\n`);
}

if (which === SWAP) await swapForever();
const enforcer = await createBpfEnforcer({ bpfDirectory: path.resolve('bpf/build') });
mkdirSync(HOME, { recursive: true });
mkdirSync(IMAGE, { recursive: true });
execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', IMAGE]);
makeFiles(IMAGE, actor);
makeDecoys();
const listening = await listenAsAgent();
makeCgroup('bypass-free');
for (const name of Object.keys(POLICIES) as PolicyName[]) await enforcer.enforce(makeCgroup(`bypass-${name}`), tableOf(name));

const chosen =
  which === 'smoke' ? SMOKE : which === 'all' ? ATTEMPTS : ATTEMPTS.filter(({ name, family }) => `${family}: ${name}`.includes(which));
const runs = chosen.flatMap((attempt) => [
  { cgroup: 'bypass-free', attempt: { ...attempt, steps: attempt.freely ?? attempt.steps } },
  { cgroup: `bypass-${attempt.policy}`, attempt },
]);
const started = performance.now();
const results = await perform(actor, runs);
listening.close();
chosen.forEach(({ name }, index) => say({ name, without: results[2 * index], with: results[2 * index + 1] }));
say({ counters: enforcer.counters(), seconds: Math.round(performance.now() - started) / 1000 });
const withLives = which === 'all' || which === 'lives';
await enforcer.close({ keep: withLives });
if (withLives) for (const result of await performAcrossLives(actor)) say(result);
if (image !== undefined) for (const result of await performInContainers(actor, image)) say(result);
