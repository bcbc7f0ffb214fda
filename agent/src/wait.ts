/** Waiting until a policy is in force. */
import { aborted } from './changes.ts';
import type { Changes } from './changes.ts';
import type { Answer } from './ports.ts';
import type { AgentStatus } from './status.ts';
import { parsePolicyName } from './status.ts';

export interface WaitRequest {
  readonly policy: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

interface Surroundings {
  readonly status: () => AgentStatus;
  readonly lookAfresh: () => Promise<void>;
  readonly changes: Changes;
  /** Aborts when the agent is being stopped. */
  readonly stopping: AbortSignal;
}

/**
 * Waits until a policy is in force on every matching container, looking afresh at policies and containers first: what was there before
 * the call counts. Answers at once when it is refused or cannot be held; a policy that is not there yet may still come.
 */
export async function waitForPolicy(request: WaitRequest, { status, lookAfresh, changes, stopping }: Surroundings): Promise<Answer> {
  const isMeant = parsePolicyName(request.policy);
  if (isMeant === undefined)
    return { exit: 2, message: `'${request.policy}' names no policy: write NAMESPACE/NAME, or NAME for cluster and host policies` };
  const { signal = stopping } = request;
  const deadline = AbortSignal.any([AbortSignal.timeout(Math.ceil(request.timeoutMs)), signal, stopping]);
  await Promise.race([lookAfresh(), aborted(deadline)]);
  for (;;) {
    const meant = status().policies.filter(isMeant);
    const wrong = meant.find(({ state }) => state === 'Rejected' || state === 'Degraded');
    if (wrong !== undefined) return { exit: 1, message: `${request.policy} is ${wrong.state.toLowerCase()}: ${wrong.message}` };
    if (meant.length > 0 && meant.every(({ state }) => state === 'Enforced')) {
      return { exit: 0, message: `${request.policy} is enforced: ${meant.map(({ message }) => message).join('; ')}` };
    }
    if (stopping.aborted) return { exit: 3, message: 'the agent is being stopped' };
    if (deadline.aborted) {
      const why = meant[0]?.message ?? absence(status());
      return { exit: 1, message: `${request.policy} is not in force after ${Math.ceil(request.timeoutMs) / 1000} s: ${why}` };
    }
    await changes.next(deadline);
  }
}

function absence({ problems }: AgentStatus): string {
  const problem = problems.find((line) => !line.includes('warning: '));
  return `there is no such policy here${problem === undefined ? '' : `, but a problem: ${problem}`}`;
}
