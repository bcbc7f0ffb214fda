/** What operators ask of a running agent, and of a node that an agent has left. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseDuration } from '@parapet/policy';
import { bpfDirectory, socketIn } from '../../config.ts';
import type { Answer } from '../../ports.ts';
import { reasonOf, StageError } from '../../stage-error.ts';
import type { AgentStatus } from '../../status.ts';
import { wakeHeld } from '../kernel/watch.ts';
import { removePins } from '../pins.ts';
import { ask, NoAgent } from './client.ts';

export interface CommandOptions {
  /** The state directory that the agent was given. Default `/run/parapet`. */
  readonly state?: string;
}

/** Milliseconds for which `wait` gives an agent that is being started to open its door. */
const STARTING = 10_000;
const START_IT = 'start it with: parapet agent run --policies DIR';

/** The status of the agent that runs here. Throws a StageError when none does, or while it starts. */
export async function agentStatus({ state }: CommandOptions = {}): Promise<AgentStatus> {
  const socket = socketIn(state);
  const answer = await explainAbsence(() => ask(socket, { method: 'GET', path: '/status' }));
  if (isStatus(answer)) return answer;
  throw new StageError('the agent is still starting', { stage: 'control', retry: true });
}

/**
 * Waits until a policy is in force on every matching container here. `policy` is `NAMESPACE/NAME`, or `NAME` for cluster and host policies;
 * `timeout` as `30s`, `500ms` or `2m`, at most a day, default 30 seconds. Exit 0 when it is, 1 when it is not and why, 2 when the question is wrong,
 * 3 when no agent runs.
 */
export async function agentWait(question: CommandOptions & { readonly policy: string; readonly timeout?: string }): Promise<Answer> {
  const { policy, timeout = '30s', state } = question;
  const timeoutMs = parseDuration(timeout);
  if (timeoutMs === undefined) return { exit: 2, message: `'${timeout}' is not a time: write 30s, 500ms or 2m` };
  const deadline = performance.now() + timeoutMs;
  const patience = performance.now() + Math.min(timeoutMs, STARTING);
  for (;;) {
    try {
      const left = Math.max(0, deadline - performance.now());
      const body = { policy, timeoutMs: Math.ceil(left) };
      return asAnswer(await ask(socketIn(state), { method: 'POST', path: '/wait', body, timeout: left + 30_000 }));
    } catch (error) {
      if (!(error instanceof NoAgent)) return failure(error);
      if (performance.now() >= patience) return { exit: 3, message: `no agent runs here; ${START_IT}` };
      await sleep(100);
    }
  }
}

/**
 * Stops the agent. `keep` leaves in force what is in force; `remove` lifts it all, also where no agent runs any more but its programs are
 * still in the kernel. Exit 0 when that is so, 3 when there is no agent to stop.
 */
export async function agentStop({ how, state }: CommandOptions & { readonly how: 'keep' | 'remove' }): Promise<Answer> {
  try {
    return asAnswer(await ask(socketIn(state), { method: 'POST', path: '/stop', body: { keep: how === 'keep' }, timeout: 60_000 }));
  } catch (error) {
    if (!(error instanceof NoAgent)) return failure(error);
    if (how === 'keep') return { exit: 3, message: 'no agent runs here; what an earlier one left in the kernel stays in force' };
    const removed = await removePins(undefined, (maps) => wakeHeld({ bpfDirectory: bpfDirectory(), maps }));
    return {
      exit: 0,
      message: removed
        ? 'no agent runs here; what an earlier one left in the kernel is lifted'
        : 'no agent runs here, and nothing is enforced',
    };
  }
}

function failure(error: unknown): Answer {
  if (!(error instanceof StageError)) throw error;
  return { exit: 3, message: reasonOf(error) };
}

async function explainAbsence<T>(question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (error) {
    if (!(error instanceof NoAgent)) throw error;
    throw new StageError(`no agent runs here; ${START_IT}`, { stage: 'control', retry: true });
  }
}

function isStatus(answer: unknown): answer is AgentStatus {
  return typeof answer === 'object' && answer !== null && 'policies' in answer && 'containers' in answer;
}

function asAnswer(answer: unknown): Answer {
  if (typeof answer === 'object' && answer !== null && 'exit' in answer && 'message' in answer) return answer as Answer;
  throw new StageError('the agent answers something else', { stage: 'control', retry: false });
}
