/** What the agent needs to know to run: from the command line's flags and, for where things are installed, the environment. */
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Postures, Problem } from '@parapet/policy';
import { GONE_MODES, UNKNOWN_MODES } from './holding.ts';
import type { GateSettings } from './ports.ts';
import { parsePostures } from './postures.ts';

/** Flags of `parapet agent run`, as written. */
export interface AgentFlags {
  /** Directory of manifests. */
  readonly policies: string;
  /** File to append to, or `-` for standard output. Default `-`. */
  readonly alerts?: string;
  /** Address of containerd. Default `unix:///run/containerd/containerd.sock`. */
  readonly runtime?: string;
  /** The node's name. Default: the host's name. */
  readonly node?: string;
  /** `audit`, `block`, or `file=block,network=audit,capabilities=audit`. Default `audit`. */
  readonly defaultPosture?: string;
  /** The same for host policies. Default: what `defaultPosture` says. */
  readonly hostDefaultPosture?: string;
  /** `hold`, `deny` or `allow`: programs of containers that are not known yet. Default `hold`. */
  readonly unknownContainers?: string;
  /** `open` or `deny`: the same while there is no agent. Default `open`. */
  readonly whenAgentIsGone?: string;
  /** Directory for NodeReports. Default: none are written. */
  readonly reports?: string;
  /** Directory of the agent's socket. Default `/run/parapet`. */
  readonly state?: string;
  /** Name of the cluster in alerts. Default `default`. */
  readonly cluster?: string;
}

export interface AgentConfig {
  readonly policies: string;
  readonly alerts: string;
  readonly runtime: string;
  readonly node: string;
  readonly postures: Postures;
  readonly hostPostures: Postures;
  readonly unknown: GateSettings['unknown'];
  readonly whenGone: GateSettings['whenGone'];
  readonly reports: string | undefined;
  readonly socket: string;
  /** Remembers what resource limits were before. */
  readonly limits: string;
  readonly cluster: string;
  /** Where the kernel half lies: `parapet.bpf.o` and its bridge. */
  readonly bpfDirectory: string;
}

export const DEFAULT_STATE = '/run/parapet';
const DEFAULT_RUNTIME = 'unix:///run/containerd/containerd.sock';

/** Checks the flags, all of them. `hostname` is the node's name where no flag gives one. */
export function readConfig(flags: AgentFlags, hostname: string): { readonly config?: AgentConfig; readonly problems: readonly Problem[] } {
  const { postures, hostPostures, problems: wrong } = readPostures(flags);
  const problems = [...wrong];
  const node = flags.node ?? hostname;
  if (!/^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/.test(node)) {
    problems.push(invalid('--node', `'${node}' is not a node's name`, 'use letters, digits, dots and dashes, at most 253 of them'));
  }
  if (flags.policies === '') problems.push(invalid('--policies', 'no directory is given', 'write --policies DIR'));
  const runtime = flags.runtime ?? DEFAULT_RUNTIME;
  if (!isAbsolute(runtime) && !/^unix:\/\/\/./.test(runtime)) {
    problems.push(invalid('--runtime', `'${runtime}' is not the address of a Unix socket`, `write it as ${DEFAULT_RUNTIME}`));
  }
  if (flags.alerts === '') problems.push(invalid('--alerts', 'no file is given', 'write a file, or - for standard output'));
  const modes = readModes(flags);
  problems.push(...modes.problems);
  if (problems.length > 0) return { problems };
  const config: AgentConfig = {
    policies: resolve(flags.policies),
    alerts: flags.alerts === undefined || flags.alerts === '-' ? '-' : resolve(flags.alerts),
    runtime,
    node,
    postures,
    hostPostures,
    unknown: modes.unknown,
    whenGone: modes.whenGone,
    reports: flags.reports === undefined ? undefined : resolve(flags.reports),
    socket: socketIn(flags.state),
    limits: resolve(flags.state ?? DEFAULT_STATE, 'limits.json'),
    cluster: flags.cluster ?? 'default',
    bpfDirectory: bpfDirectory(),
  };
  return { config, problems };
}

/** The agent's socket in a state directory. */
export function socketIn(state = DEFAULT_STATE): string {
  return resolve(state, 'agent.sock');
}

/** Where the kernel half's compiled parts are. */
export function bpfDirectory(): string {
  return process.env['PARAPET_BPF'] ?? fileURLToPath(new URL('../../bpf/build', import.meta.url));
}

/** The postures of containers and of the node itself. */
function readPostures({ defaultPosture, hostDefaultPosture }: AgentFlags): {
  readonly postures: Postures;
  readonly hostPostures: Postures;
  readonly problems: readonly Problem[];
} {
  const { postures, problems } = parsePostures(defaultPosture);
  if (hostDefaultPosture === undefined) return { postures, hostPostures: postures, problems };
  const host = parsePostures(hostDefaultPosture, '--host-default-posture');
  return { postures, hostPostures: host.postures, problems: [...problems, ...host.problems] };
}

/** How programs of unknown containers are met. */
function readModes(flags: AgentFlags): Pick<AgentConfig, 'unknown' | 'whenGone'> & { readonly problems: readonly Problem[] } {
  const unknown = choice('--unknown-containers', flags.unknownContainers ?? 'hold', UNKNOWN_MODES);
  const whenGone = choice('--when-agent-is-gone', flags.whenAgentIsGone ?? 'open', GONE_MODES);
  return { unknown: unknown.value, whenGone: whenGone.value, problems: [...unknown.problems, ...whenGone.problems] };
}

/** One of a few words. */
function choice<Word extends string>(field: string, text: string, words: readonly [Word, ...Word[]]): { value: Word; problems: Problem[] } {
  const value = words.find((word) => word === text);
  if (value !== undefined) return { value, problems: [] };
  return { value: words[0], problems: [invalid(field, `'${text}' is not a way to meet them`, `write ${words.join(' or ')}`)] };
}

function invalid(field: string, message: string, hint: string): Problem {
  return { code: 'config-invalid', severity: 'error', place: { field }, message, hint };
}
