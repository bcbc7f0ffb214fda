/** Stand-ins for the agent's ports: what the story's tests drive instead of containerd, a kernel and files. */
import { CLASS, compile, HOOKS, LAYOUT, parsePolicy, PATH_OPERATION, SITE, VERDICT } from '@parapet/policy';
import type { Policy, Table } from '@parapet/policy';
import type { AgentPorts } from '../../agent/src/agent-options.ts';
import type {
  Container,
  EnforcerSupport,
  Gate,
  GateSettings,
  Granted,
  HeldProcess,
  InForce,
  KernelEvent,
  ManifestFile,
  Wish,
} from '../../agent/src/ports.ts';

/** A manifest of a container policy for `app=web` in the namespace `shop`. */
export function manifest(name: string, over: { spec?: object; metadata?: object; kind?: string } = {}): object {
  const spec = { selector: { matchLabels: { app: 'web' } }, process: { matchPaths: [{ path: '/bin/sh' }] }, ...over.spec };
  return {
    apiVersion: 'security.kubearmor.com/v1',
    kind: over.kind ?? 'KubeArmorPolicy',
    metadata: { name, namespace: 'shop', ...over.metadata },
    spec,
  };
}

/** The policy of a manifest that has nothing wrong. */
export function policyOf(value: object): Policy {
  const { policy, problems } = parsePolicy(value, {});
  if (policy === undefined) throw new Error(JSON.stringify(problems));
  return policy;
}

/** A file as the directory source gives it; every document is on line 1. */
export function fileOf(file: string, ...values: unknown[]): ManifestFile {
  return { file, documents: values.map((value) => ({ value, lineOf: () => 1 })), problems: [] };
}

/** A file that cannot be read as YAML. */
export function brokenFile(file: string): ManifestFile {
  const problem = { code: 'yaml-syntax', severity: 'error', place: { file, line: 3 }, message: 'not YAML' } as const;
  return { file, documents: [], problems: [problem] };
}

/** A container `app=web` in `shop`, whose cgroup is `cgroup`. */
export function containerOf(
  cgroup: number,
  over: Partial<Container> & { labels?: Record<string, string>; namespace?: string } = {},
): Container {
  const { labels = { app: 'web' }, namespace = 'shop', ...rest } = over;
  const name = over.id ?? `c${cgroup}`;
  return {
    id: name,
    runtimeNamespace: 'default',
    image: 'local.test/web:1',
    cgroup: BigInt(cgroup),
    pid: 1000 + cgroup,
    workload: { host: false, namespace, name, labels },
    ...rest,
  };
}

/** Processes that tests hold, and what became of them. */
export class FakeGate implements Gate {
  readonly tended: (Omit<GateSettings, 'roots'> & { readonly roots: readonly string[] })[] = [];
  processes: HeldProcess[] = [];
  retired = false;
  readonly released: (readonly [pid: number, how: string])[] = [];

  tend({ roots, ...settings }: GateSettings): void {
    this.tended.push({ ...settings, roots: [...roots] });
  }

  retire(): void {
    this.retired = true;
  }

  held(): readonly HeldProcess[] {
    return this.processes;
  }

  /** Who is woken before its container is known goes on waiting. */
  release(process: HeldProcess, how: 'try' | 'pass' | 'kill'): void {
    this.released.push([process.pid, how]);
    if (how !== 'try' || process.known) this.processes = this.processes.filter(({ pid }) => pid !== process.pid);
  }
}

/** A kernel in memory: tables by cgroup, and a gate that tests can close. */
export class FakeEnforcer {
  support: EnforcerSupport = { enforcer: 'BPF-LSM', problems: [], kernel: '6.1.0', missingHooks: [] };
  readonly gate = new FakeGate();
  readonly tables = new Map<bigint, Table | undefined>();
  readonly files = new Map<bigint, Wish['files']>();
  readonly calls: { readonly cgroup: bigint; readonly policies: readonly string[] }[] = [];
  readonly released: bigint[] = [];
  settled = 0;
  givenBack = 0;
  /** Answers of `takeOver`, one each time; in the end there is nothing to take over from. */
  keeping: (readonly string[] | Error)[] = [];
  takenOver = 0;
  closed: { readonly keep: boolean } | undefined;
  /** How many wishes came at once, each time. */
  readonly batches: number[] = [];
  /** Every table that was ever asked for. */
  readonly compiled = new Set<Table>();
  /** Set to make the kernel refuse. */
  refusal: Error | undefined;
  /** The same for single cgroups. */
  readonly refusals = new Map<bigint, Error>();
  /** Set to make the kernel wait. */
  busy: Promise<void> = Promise.resolve();
  /** What the kernel counts. */
  counted: Readonly<Record<string, number>> = { events: 1 };
  deliver: (events: readonly KernelEvent[]) => void = () => undefined;
  #generation = 0;

  async enforceAll(wishes: readonly Wish[]): Promise<readonly Granted[]> {
    this.batches.push(wishes.length);
    for (const { cgroup, table } of wishes) {
      this.calls.push({ cgroup, policies: (table?.policies ?? []).map(({ name }) => name) });
      if (table !== undefined) this.compiled.add(table);
    }
    await this.busy;
    return wishes.map((wish) => this.#grant(wish));
  }

  async enforce(cgroup: bigint, table: Table | undefined): Promise<InForce> {
    const [granted] = await this.enforceAll([{ cgroup, table }]);
    if (granted === undefined || 'error' in granted) throw granted?.error;
    return granted.inForce;
  }

  #grant({ cgroup, table, files }: Wish): Granted {
    const error = this.refusal ?? this.refusals.get(cgroup);
    if (error !== undefined) return { error };
    this.tables.set(cgroup, table);
    this.files.set(cgroup, files);
    this.#generation += 1;
    const tableHash = table === undefined ? '' : `hash${table.policies.length}`;
    return { inForce: { container: Number(cgroup), generation: this.#generation, tableHash, nodeBase: 0 } };
  }

  release(...cgroups: readonly bigint[]): Promise<void> {
    for (const cgroup of cgroups) {
      this.released.push(cgroup);
      this.tables.delete(cgroup);
    }
    return Promise.resolve();
  }

  giveBack(): void {
    this.givenBack += 1;
  }

  settle(): Promise<void> {
    this.settled += 1;
    return Promise.resolve();
  }

  takeOver(): Promise<readonly string[]> {
    this.takenOver += 1;
    const kept = this.keeping.shift() ?? [];
    return kept instanceof Error ? Promise.reject(kept) : Promise.resolve(kept);
  }

  onEvents(handler: (events: readonly KernelEvent[]) => void): void {
    this.deliver = handler;
  }

  counters(): Readonly<Record<string, number>> {
    return this.counted;
  }

  close(how: { readonly keep: boolean }): Promise<void> {
    this.closed = how;
    return Promise.resolve();
  }

  /** Names of the policies in force for a cgroup. */
  held(cgroup: number): readonly string[] {
    return (this.tables.get(BigInt(cgroup))?.policies ?? []).map(({ name }) => name);
  }
}

/** All ports, and what went through them. */
export function fakePorts(enforcer = new FakeEnforcer()) {
  const lines: string[] = [];
  const log: string[] = [];
  const reports: unknown[] = [];
  const state: { refreshed: number; onFiles(files: readonly ManifestFile[]): void; onContainers(containers: readonly Container[]): void } =
    {
      refreshed: 0,
      onFiles: () => undefined,
      onContainers: () => undefined,
    };
  let onState: (state: { connected: boolean; message: string }) => void = () => undefined;
  const refresh = (): Promise<void> => {
    state.refreshed += 1;
    return Promise.resolve();
  };
  const ports: AgentPorts = {
    policies: {
      watch: (handler) => {
        state.onFiles = handler;
        return Promise.resolve();
      },
      refresh,
      close: () => Promise.resolve(),
    },
    runtime: {
      watch: (handlers) => {
        state.onContainers = (containers) => handlers.onContainers(containers);
        onState = (said) => handlers.onState(said);
        return Promise.resolve();
      },
      refresh,
      close: () => Promise.resolve(),
    },
    enforcer,
    links: undefined,
    limits: {
      apply: () => Promise.resolve([]),
      settle: () => Promise.resolve(),
      bites: () => Promise.resolve({ memory: 0, pids: 0, periods: 0, throttled: 0, inForce: new Set() }),
      watch: () => () => undefined,
    },
    alerts: { write: (line) => void lines.push(line), dropped: () => 0, close: () => Promise.resolve() },
    reports: {
      write: (report) => {
        reports.push(report);
        return Promise.resolve();
      },
    },
    log: (line) => void log.push(line),
  };
  return { ports, enforcer, lines, log, reports, state, say: (connected: boolean, message: string) => onState({ connected, message }) };
}

/** The record of an execution that the table's rule for `path` decided, as the kernel would write it. */
export function execRecord(at: { table: Table; path: string; container: number; generation: number }): KernelEvent {
  const header = new Uint8Array(LAYOUT.event.size);
  const view = new DataView(header.buffer);
  const fields = LAYOUT.event;
  const node = at.table.nodes.find(({ words }) => (words.exact & 0xf) !== 0); // a verdict on executing
  view.setUint32(fields.container, at.container, true);
  view.setUint32(fields.generation, at.generation, true);
  view.setUint32(fields.node, node?.id ?? 0, true);
  view.setUint8(fields.class, CLASS.process);
  view.setUint8(fields.op, PATH_OPERATION.exec);
  view.setUint8(fields.verdict, VERDICT.block);
  view.setUint8(fields.site, SITE.exact);
  view.setUint8(fields.hook, HOOKS.indexOf('SECURITY_BPRM_CHECK'));
  view.setBigUint64(fields.count, 1n, true);
  view.setUint32(fields.tgid, 4242, true);
  view.setUint32(fields.ppid, 4241, true);
  view.setUint32(fields.ns_tgid, 7, true);
  view.setUint32(fields.ns_ppid, 1, true);
  return {
    time: 1_700_000_000_123.456,
    firstTime: 1_700_000_000_123.456,
    count: 1,
    container: at.container,
    generation: at.generation,
    header,
    resource: at.path,
    executable: '/bin/init',
    parentExecutable: '/sbin/runc',
  };
}

/** The table of some policies under the default posture `block`. */
export function tableOf(...policies: readonly Policy[]): Table {
  const { table } = compile(policies, { file: 'block', network: 'block', capabilities: 'block' });
  if (table === undefined) throw new Error('these policies have no rules');
  return table;
}

/** Resolves when `holds` does, looking every few milliseconds; rejects after `patience` of them, saying what was awaited. */
export async function eventually(what: string, holds: () => boolean, patience = 3000): Promise<void> {
  const end = performance.now() + patience;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`${what}: not within ${patience} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
