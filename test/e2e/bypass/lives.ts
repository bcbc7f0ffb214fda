/** What the rules are worth while the agent that made them is killed, replaced or upgraded. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, cpSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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

/** Somebody insists while `life` happens; what he got. */
async function insistDuring(actor: string, life: () => Promise<void>): Promise<string> {
  rmSync(OVER, { force: true });
  const attempt: Attempt = { name: '', family: '', policy: 'block', steps: [`insist ${HOME}/secret ${OVER}`] };
  const result = perform(actor, [{ cgroup: 'bypass-block', attempt }]);
  await life();
  writeFileSync(OVER, '');
  return (await result).join();
}

async function killWhileSwapping(): Promise<void> {
  for (const milliseconds of KILLED_AFTER) {
    const agent = spawn(process.execPath, [process.argv[1]!, '', SWAP], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(agent.stdout, 'data');
    await sleep(milliseconds);
    agent.kill('SIGKILL');
    await once(agent, 'exit');
  }
}

/** The same programs in another object: to the agent, another version. */
async function upgrade(): Promise<void> {
  if (!existsSync(OTHER_BUILD)) cpSync(BUILD, OTHER_BUILD, { recursive: true });
  appendFileSync(path.join(OTHER_BUILD, 'parapet.bpf.o'), ' ');
  const next = await createBpfEnforcer({ bpfDirectory: OTHER_BUILD });
  await next.enforce(makeCgroup('bypass-block'), tableOf('block'));
  await next.settle();
  await next.close({ keep: true });
}

/** For each attempt what came of it in a cgroup without rules, and with rules that an agent left. In the end nothing is in force. */
export async function performAcrossLives(actor: string): Promise<{ name: string; without: string; with: string }[]> {
  const lives = { killed: killWhileSwapping, upgraded: upgrade };
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
