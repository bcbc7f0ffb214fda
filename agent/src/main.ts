/** Wires the agent: the only place where its adapters are built. */
import { hostname } from 'node:os';
import { formatProblem } from '@parapet/policy';
import type { Problem } from '@parapet/policy';
import { openAlerts } from './adapters/alerts.ts';
import { openCgroups } from './adapters/containerd/cgroup.ts';
import { openContainerd } from './adapters/containerd/index.ts';
import { openControl } from './adapters/control/server.ts';
import type { ControlHandlers } from './adapters/control/server.ts';
import { openDirectory } from './adapters/directory/index.ts';
import { createBpfEnforcer, openFiles, openLinks, probeKernel } from './adapters/kernel/index.ts';
import { openReports } from './adapters/reports.ts';
import { openLimits } from './adapters/resources.ts';
import { Agent } from './agent.ts';
import type { Answer } from './ports.ts';
import type { AgentConfig, AgentFlags } from './config.ts';
import { readConfig } from './config.ts';
import { reasonOf, StageError } from './stage-error.ts';

export interface RunOptions {
  /** Gets sentences without an end of line; default: standard error. */
  readonly log?: (line: string) => void;
  /** Ends the agent, keeping enforcement, when it aborts. */
  readonly signal?: AbortSignal;
}

/**
 * Runs the agent until SIGTERM, SIGINT or `parapet agent stop`; enforcement stays unless the latter lifts it. Returns the exit code: 0 when
 * it was stopped, 2 when a flag is wrong, 3 when this node cannot enforce or the agent cannot start; why is told to `log`.
 */
export async function runAgent(flags: AgentFlags, options: RunOptions = {}): Promise<0 | 2 | 3> {
  const log = options.log ?? ((line: string) => void process.stderr.write(`${line}\n`));
  // Whoever reads the log may go away: the agent stays.
  process.stderr.on('error', () => undefined);
  const { config, problems } = readConfig(flags, hostname());
  if (config === undefined) {
    for (const problem of problems) log(formatProblem(problem));
    return 2;
  }
  try {
    if (process.getuid?.() !== 0)
      throw new StageError('the agent must run as root: it loads programs into the kernel', { stage: 'start', retry: false });
    await run(config, { log, signal: options.signal });
    return 0;
  } catch (error) {
    if (!isOfTheWorld(error)) throw error;
    log(reasonOf(error));
    return 3;
  }
}

/** Adapters throw a StageError; the system's calls throw errors that name the call. Anything else is a bug. */
function isOfTheWorld(error: unknown): boolean {
  return error instanceof StageError || (error instanceof Error && 'syscall' in error);
}

interface Stop {
  readonly keep: boolean;
  /** Told when the agent has stopped, or why it could not. */
  readonly done: (answer: Answer) => void;
}

async function run(config: AgentConfig, { log, signal }: { log: (line: string) => void; signal: AbortSignal | undefined }): Promise<void> {
  const stops = stopRequests(signal);
  let agent: Agent | undefined;
  // The door opens first, so that there is never a second agent in the kernel, and whoever waits need not guess whether this one starts.
  const control = await openControl(
    config.socket,
    handlersFor(() => agent, stops),
  );
  try {
    agent = await startAgent(config, log);
    const { keep, done } = await stops.asked;
    try {
      await agent.stop({ keep });
      log(keep ? 'stopped; what is in force stays in force' : 'stopped; nothing is enforced any more');
      done({
        exit: 0,
        message: keep ? 'the agent has stopped; the kernel goes on enforcing' : 'the agent has stopped; nothing is enforced any more',
      });
    } catch (error) {
      done({ exit: 3, message: `the agent has stopped, but not in order: ${reasonOf(error)}` });
      throw error;
    }
  } finally {
    stops.close();
    await control.close();
  }
}

async function startAgent(config: AgentConfig, log: (line: string) => void): Promise<Agent> {
  const { bpfDirectory, node, cluster, postures, hostPostures, unknown, whenGone } = config;
  const support = await probeKernel({ bpfDirectory });
  if (support.enforcer === 'none') throw new StageError(cannotEnforce(support.problems), { stage: 'kernel', retry: false });
  const alerts = await openAlerts({ to: config.alerts, log });
  process.on('SIGHUP', () => alerts.reopen());
  const cgroups = await openCgroups();
  const enforcer = await createBpfEnforcer({ bpfDirectory, support });
  const agent = new Agent(
    {
      policies: openDirectory({ directory: config.policies }),
      runtime: openContainerd({ address: config.runtime, cgroups }),
      enforcer,
      links: openLinks({ bpfDirectory }),
      files: openFiles({ bpfDirectory }),
      limits: await openLimits(config.limits),
      alerts,
      reports: config.reports === undefined ? undefined : openReports(config.reports),
      log,
    },
    { node, cluster, postures, hostPostures, unknown, whenGone, now: () => Date.now() },
  );
  await agent.start();
  log(`the agent of ${node} enforces with ${support.enforcer} on Linux ${support.kernel}; policies from ${config.policies}`);
  return agent;
}

function cannotEnforce(problems: readonly Problem[]): string {
  return ['this node cannot enforce', ...problems.map(formatProblem)].join('\n');
}

function handlersFor(running: () => Agent | undefined, stops: ReturnType<typeof stopRequests>): ControlHandlers {
  return {
    status: () => running()?.status() ?? { starting: true },
    wait: async ({ policy, timeoutMs, signal }): Promise<Answer> => {
      const deadline = performance.now() + timeoutMs;
      for (let agent = running(); ; agent = running()) {
        const left = deadline - performance.now();
        if (agent !== undefined) return agent.wait({ policy, timeoutMs: Math.ceil(Math.max(0, left)), signal });
        if (left <= 0 || signal.aborted) return { exit: 1, message: `${policy} is not in force: the agent is still starting` };
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    stop: ({ keep }) => new Promise<Answer>((done) => stops.ask({ keep, done })),
  };
}

/** Who asks the agent to stop: signals, which keep enforcement, and the control socket. The first one is heeded. */
function stopRequests(signal: AbortSignal | undefined): { asked: Promise<Stop>; ask(stop: Stop): void; close(): void } {
  let ask: (stop: Stop) => void = () => undefined;
  const asked = new Promise<Stop>((resolve) => (ask = resolve));
  const keep = (): void => ask({ keep: true, done: () => undefined });
  process.on('SIGTERM', keep).on('SIGINT', keep);
  signal?.addEventListener('abort', keep);
  return {
    asked,
    ask,
    close: () => {
      process.off('SIGTERM', keep).off('SIGINT', keep);
      signal?.removeEventListener('abort', keep);
    },
  };
}
