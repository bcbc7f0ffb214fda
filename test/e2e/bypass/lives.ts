/** What the rules are worth while the agent that made them is killed, replaced or upgraded. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, cpSync, existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ABI } from '@parapet/policy';
import { createBpfEnforcer } from '../../../agent/src/adapters/kernel/index.ts';
import { fileRule, policyOf } from '../../unit/policy/builders.ts';
import { HOME } from './attempt.ts';
import type { Attempt } from './attempt.ts';
import { LIFE_ATTEMPTS } from './attempts/lives.ts';
import { makeCgroup, perform, tableOf } from './trying.ts';

/** The scenario's word for being the agent that is killed. */
export const SWAP = 'swap-forever';
const BUILD = path.resolve('bpf/build');
const OTHER_BUILD = '/var/tmp/bypass-other-build';
/** When it is there, those who insist stop. */
const OVER = '/var/tmp/bypass-over';
/** Those who insist say so, with their number, that they have begun. */
const BEGUN = '/var/tmp/bypass-begun-';
/** In the cgroup, out of it, and out of it by one process after the other. */
const INSISTENT = [['insist'], ['move /sys/fs/cgroup', 'insist'], ['move /sys/fs/cgroup', 'insist-forking']];
const PINS = '/sys/fs/bpf/parapet';
const HOME_OF_ABI = `v${ABI}`;
/** Milliseconds in which those who insist try a few times. */
const A_WHILE = 300;
const KILLED_AFTER = [40, 190];

/** Two tables that both block the same alternate, until the process is killed. */
export async function swapForever(): Promise<never> {
  const enforcer = await createBpfEnforcer({ bpfDirectory: BUILD });
  const cgroup = makeCgroup('bypass-block');
  const tables = [tableOf('block'), tableOf('block', policyOf(fileRule(`${HOME}/nothing`)))];
  for (let turn = 0; ; turn += 1) {
    await enforcer.enforce(cgroup, tables[turn % 2]);
    if (turn === 2) process.stdout.write('swapping\n');
  }
}

/** Some insist while `life` happens; what they got, or what was wrong with that life. */
async function insistDuring(actor: string, life: () => Promise<string | undefined>): Promise<string> {
  for (const [number] of INSISTENT.entries()) rmSync(`${BEGUN}${number}`, { force: true });
  rmSync(OVER, { force: true });
  let ended = false;
  const results = Promise.all(
    INSISTENT.map(([...steps], number) => {
      const last = `${steps.pop()} ${HOME}/secret ${OVER} ${BEGUN}${number}`;
      const attempt: Attempt = { name: '', family: '', policy: 'block', steps: [...steps, last] };
      return perform(actor, [{ cgroup: 'bypass-block', attempt }]);
    }),
  ).finally(() => (ended = true));
  while (!ended && !INSISTENT.every((_, number) => existsSync(`${BEGUN}${number}`))) await sleep(20);
  const problem = await life();
  await sleep(A_WHILE);
  writeFileSync(OVER, '');
  return problem ?? [...new Set((await results).flat())].join();
}

async function killWhileSwapping(): Promise<undefined> {
  for (const milliseconds of KILLED_AFTER) {
    const agent = spawn(process.execPath, [process.argv[1]!, '', SWAP], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(agent.stdout, 'data');
    await sleep(milliseconds);
    agent.kill('SIGKILL');
    await once(agent, 'exit');
  }
}

/** The same programs in another object: to the agent, another version. */
async function upgrade(): Promise<undefined> {
  if (!existsSync(OTHER_BUILD)) cpSync(BUILD, OTHER_BUILD, { recursive: true });
  appendFileSync(path.join(OTHER_BUILD, 'parapet.bpf.o'), ' ');
  const next = await createBpfEnforcer({ bpfDirectory: OTHER_BUILD });
  await next.enforce(makeCgroup('bypass-block'), tableOf('block'));
  await next.settle();
  await next.close({ keep: true });
}

/**
 * As if the agent before had been one with another ABI: to the next one its maps are out of reach but for what ABIs promise each other. First it
 * does not know the container, as if that were gone.
 */
async function upgradeAbi(): Promise<string | undefined> {
  renameSync(path.join(PINS, HOME_OF_ABI), path.join(PINS, 'v0'));
  const next = await createBpfEnforcer({ bpfDirectory: BUILD });
  await sleep(A_WHILE);
  const keeping = await next.takeOver();
  await sleep(A_WHILE);
  await next.enforce(makeCgroup('bypass-block'), tableOf('block'));
  await next.settle();
  const kept = await next.takeOver();
  await next.close({ keep: true });
  const homes = readdirSync(PINS).join();
  if (keeping.length !== 1 || !keeping[0]?.includes('processes of containers that are gone')) return `not kept: ${keeping.join()}`;
  return kept.length > 0 || homes !== HOME_OF_ABI ? `left: ${homes} ${kept.join()}` : undefined;
}

/** For each attempt what came of it in a cgroup without rules, and with rules that an agent left. In the end nothing is in force. */
export async function performAcrossLives(actor: string): Promise<{ name: string; without: string; with: string }[]> {
  const lives = { killed: killWhileSwapping, upgraded: upgrade, 'with another ABI': upgradeAbi };
  const results: { name: string; without: string; with: string }[] = [];
  for (const attempt of LIFE_ATTEMPTS) {
    const insisted = attempt.during === undefined ? undefined : await insistDuring(actor, lives[attempt.during]);
    const [without, refused] = await perform(actor, [
      { cgroup: 'bypass-free', attempt },
      { cgroup: 'bypass-block', attempt },
    ]);
    results.push({ name: attempt.name, without: without!, with: insisted === undefined || insisted === refused ? refused! : insisted });
  }
  await (await createBpfEnforcer({ bpfDirectory: BUILD })).close({ keep: false });
  return results;
}
