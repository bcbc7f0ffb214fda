/** What the agent's story needs from the world. Adapters implement these; `main.ts` wires them. */
import type { Links, NodeReport, Problem, Resources, Table, Workload } from '@parapet/policy';

import type { Mode } from './annotations.ts';

/** A container of this node. */
export interface Container {
  readonly id: string;
  /** containerd namespace, `k8s.io` or `default`. */
  readonly runtimeNamespace: string;
  readonly image: string;
  /** inode of the cgroup v2 directory; the kernel's cgroup id. */
  readonly cgroup: bigint;
  /** The cgroup's directory. */
  readonly cgroupPath?: string;
  /** Name of the cgroup right below the root that it lies in; undefined where it is itself right below the root. */
  readonly cgroupRoot?: string;
  /** First process, as the host sees it. */
  readonly pid: number;
  readonly workload: Workload;
  /** How its pod wants it to be treated; absent: `enabled`. */
  readonly mode?: Mode;
  /** What is wrong with how its pod says so. */
  readonly warning?: string;
  /** Why the kernel cannot tell it from the node itself (then `cgroup` means nothing); undefined where all is well. */
  readonly unconfinable?: string;
  /** Why rules may not hold for all of it, though it is confined. */
  readonly gap?: string;
}

/** The container runtime: a list now, and the list again whenever it changes. */
export interface Runtime {
  /** Starts watching; reconnects by itself. `onState` gets a sentence for people when the connection is lost or back. */
  watch(handlers: {
    onContainers(containers: readonly Container[]): void;
    onState(state: { readonly connected: boolean; readonly message: string }): void;
  }): Promise<void>;
  /** Lists again now; resolves when the handlers have been told, also when the runtime does not answer. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

/** Follows symbolic links in the roots of containers, however hostile these are. */
export interface LinkResolver {
  /**
   * Where paths lead in the root of a process, as far as they lead elsewhere. Undefined when the process is gone; rejects when its root
   * cannot be looked at.
   */
  resolve(pid: number, paths: readonly string[]): Promise<Links | undefined>;
}

/** A file as the kernel half meets it: its file system's device and its number there. */
export interface FileId {
  readonly device: number;
  readonly inode: bigint;
  /** How many names it has. */
  readonly links: number;
}

export interface FileFinder {
  /**
   * The files at these paths in the root of a process, as far as there are any; directories and symbolic links are not among them. Undefined
   * when the process is gone; rejects when its root cannot be looked at.
   */
  find(pid: number, paths: readonly string[]): Promise<ReadonlyMap<string, FileId> | undefined>;
}

/** One policies file as read; `problems` when it can't be read or parsed as YAML. */
export interface ManifestFile {
  /** Relative to the policies directory. */
  readonly file: string;
  readonly documents: readonly {
    readonly value: unknown;
    /** `metadata.generation` of an object of the API server; absent for files, where nobody counts. */
    readonly generation?: number;
    lineOf(path: readonly (string | number)[]): number | undefined;
  }[];
  readonly problems: readonly Problem[];
}

/** Where policies come from: here a directory, later the API server. */
export interface PolicySource {
  /** `onChange` gets every file, the very same objects for those that did not change. */
  watch(onChange: (files: readonly ManifestFile[]) => void): Promise<void>;
  /** Looks again now; resolves when `onChange` has been called if there was a change. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

/** A record from the kernel, not yet given names: an event, or several that were counted. */
export interface KernelEvent {
  /** The last of them, in milliseconds since the epoch. */
  readonly time: number;
  /** The first of them. */
  readonly firstTime: number;
  /** How many they are. */
  readonly count: number;
  readonly container: number;
  readonly generation: number;
  readonly header: Uint8Array;
  readonly resource: string;
  readonly executable: string;
  readonly parentExecutable: string;
}

export interface EnforcerSupport {
  readonly enforcer: 'BPF-LSM' | 'none';
  /** Why there is none, and what to do: one sentence each. */
  readonly problems: readonly Problem[];
  readonly kernel: string;
  /** Hooks this kernel lacks; rules that need them are named in the policies' status. */
  readonly missingHooks: readonly string[];
}

/** What the kernel calls a container's table; events carry `container` and `generation`. */
export interface InForce {
  readonly container: number;
  readonly generation: number;
  /** Hex digest of the table's content; replicas of one policy set have the same. Empty when nothing is enforced. */
  readonly tableHash: string;
  /** Node ids in events minus this are the table's own. */
  readonly nodeBase: number;
}

/** What should be in force for a cgroup (0n: the host); no table lifts enforcement. */
export interface Wish {
  readonly cgroup: bigint;
  readonly table: Table | undefined;
  /** The files at paths that the rules name: refused under other names too. */
  readonly files?: ReadonlyMap<string, FileId>;
}

/** What came of a wish; with an error the cgroup's old table is in force as before. */
export type Granted = { readonly inForce: InForce } | { readonly error: unknown };

/** A process that waits to execute a program in a container that is not known yet. */
export interface HeldProcess {
  readonly pid: number;
  readonly cgroup: bigint;
  /** Milliseconds. */
  readonly waited: number;
  /** Its container's rules are in force by now. */
  readonly known: boolean;
}

export interface GateSettings {
  /** What happens to programs of containers that are not known yet. */
  readonly unknown: 'hold' | 'deny' | 'allow';
  /** The same when the agent has been silent for five seconds. */
  readonly whenGone: 'open' | 'deny';
  /** Names of cgroups right below the root in which containers are; those that were given before stay. */
  readonly roots: Iterable<string>;
}

/** Between containers and their first instruction. */
export interface Gate {
  /** Says how the kernel meets programs of containers that are not known yet; each call is a sign of life. */
  tend(settings: GateSettings): void;
  /** From now on there is no agent: nobody waits for one any more. */
  retire(): void;
  held(): readonly HeldProcess[];
  /**
   * `try`: it tries once more, and waits again where the kernel half does not know its container yet. `pass`: it runs, and whatever else its
   * cgroup does. `kill`: it ends. It stays among those that are held until it has.
   */
  release(process: HeldProcess, how: 'try' | 'pass' | 'kill'): void;
}

/** The kernel half. Swaps are atomic: a task sees the old table or the new one, never a mixture. */
export interface Enforcer {
  readonly support: EnforcerSupport;
  readonly gate: Gate;
  /**
   * Grants many wishes, each cgroup's at most once: all tables are stored first, then every container is turned to its own in one system
   * call. Equal tables are shared. Answers in the order of the wishes, once no running kernel program can still use an old table; one that
   * finds no room is refused by itself. Rejects when it cannot be told what the kernel did: the same wishes may then be tried again.
   */
  enforceAll(wishes: readonly Wish[]): Promise<readonly Granted[]>;
  /** The same for one; rejects, with the old table in force, when the kernel refuses. */
  enforce(cgroup: bigint, table: Table | undefined): Promise<InForce>;
  /** The containers are gone: forget their cgroups. */
  release(...cgroups: readonly bigint[]): Promise<void>;
  /** Every container that exists has been enforced once: what an earlier agent left in force for others may go. */
  settle(): Promise<void>;
  /**
   * Everything that should be in force is: programs of another version of Parapet, which an earlier agent left and which have been in force
   * beside these until now, may go. What keeps some of them nevertheless, a sentence each; it may be tried again.
   */
  takeOver(): Promise<readonly string[]>;
  onEvents(handler: (events: readonly KernelEvent[]) => void): void;
  counters(): Readonly<Record<string, number>>;
  /** Work is done for now: gives back the memory that it needed, the story's included. */
  giveBack(): void;
  /** `keep` leaves programs, rules and identities in force (pinned); otherwise everything is lifted. */
  close(how: { readonly keep: boolean }): Promise<void>;
}

/** How often limits of a cgroup have held something back, so far. */
export interface Bites {
  readonly memory: number;
  readonly pids: number;
  /** Periods of processor time in which it ran, and those of them in which it was held back. */
  readonly periods: number;
  readonly throttled: number;
  /** Those that hold because they were wished here: where somebody else's is tighter, that is what held back. */
  readonly inForce: ReadonlySet<LimitName>;
}

/** The limits of which it is counted how often they have held something back. */
export type LimitName = 'memory' | 'pids' | 'cpu';

/** A cgroup by its number, and where it is. */
export interface Cgroup {
  readonly id: bigint;
  readonly path: string;
}

/** Limits of cgroups. */
export interface LimitStore {
  /** Tightens a cgroup's limits to these, and restores the others; none: all are as they were. What cannot be held, one sentence each. */
  apply(cgroup: Cgroup, limits: Resources | undefined): Promise<readonly string[]>;
  /** Restores the limits of all cgroups but these. */
  settle(keep: ReadonlySet<bigint>): Promise<void>;
  /** Undefined when the cgroup is gone. */
  bites(cgroup: Cgroup): Promise<Bites | undefined>;
  /** Calls as soon as memory or processes of the cgroup at this path are held back. Gives what ends it. */
  watch(path: string, onBite: (name: LimitName) => void): () => void;
}

/** A line of JSON for the operators' log systems. */
export interface AlertSink {
  /** Never blocks: a line that finds the queue full is dropped and counted. */
  write(line: string): void;
  /** Lines lost so far. */
  dropped(): number;
  close(): Promise<void>;
}

/** Where the NodeReport goes: a file here, a custom resource in a cluster. */
export interface ReportSink {
  write(report: NodeReport): Promise<void>;
}

/** An answer for a command: its exit code and a sentence. */
export interface Answer {
  readonly exit: 0 | 1 | 2 | 3;
  readonly message: string;
}
