/** What an agent is given: its ports, and what its operator chose. */
import type { Postures } from '@parapet/policy';
import type { LullTimes } from './lull.ts';
import type {
  AlertSink,
  Enforcer,
  GateSettings,
  LimitStore,
  FileFinder,
  LinkResolver,
  PolicySource,
  ReportSink,
  Runtime,
} from './ports.ts';

export interface AgentPorts {
  readonly policies: PolicySource;
  readonly runtime: Runtime;
  readonly enforcer: Enforcer;
  /** Without one, rules hold for paths as they are written. */
  readonly links: LinkResolver | undefined;
  readonly files?: FileFinder;
  readonly limits: LimitStore;
  readonly alerts: AlertSink;
  /** Without one nobody reads reports. */
  readonly reports: ReportSink | undefined;
  /** Sentences for the agent's own log. */
  readonly log: (line: string) => void;
}

export interface AgentOptions {
  readonly node: string;
  readonly cluster: string;
  readonly postures: Postures;
  /** Those of the node itself. Default: the same. */
  readonly hostPostures?: Postures;
  /** How programs of containers that are not known yet are met, and how while there is no agent. Default: they run. */
  readonly unknown?: GateSettings['unknown'];
  readonly whenGone?: GateSettings['whenGone'];
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds between a change and its report at least (default 100), and between two reports at most (default 10,000). */
  readonly reportPause?: number;
  readonly reportEvery?: number;
  /** When memory is given back after work. Default: after five seconds without any, at most every fifteen seconds. */
  readonly giveBack?: LullTimes;
}
