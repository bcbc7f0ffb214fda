/** The story of a node: policies and containers come, tables go into the kernel, events come back as alerts, and it is all reported. */
import type { Policy, Problem } from '@parapet/policy';
import { compile, formatProblem } from '@parapet/policy';
import type { AgentOptions, AgentPorts } from './agent-options.ts';
import { alertLine, toAlert } from './alert.ts';
import type { Place } from './alert.ts';
import { EMPTY_BOOK, readBook } from './book.ts';
import { Changes } from './changes.ts';
import { Enforcement } from './enforcement.ts';
import { explain } from './explain.ts';
import { toHoldAlert } from './hold-alert.ts';
import { Holding } from './holding.ts';
import { hostWorkload } from './labels.ts';
import { toLimitAlert } from './limit-alert.ts';
import { Limits } from './limits.ts';
import { Losses } from './losses.ts';
import { inLull } from './lull.ts';
import type { Lull } from './lull.ts';
import { Origins } from './origins.ts';
import type { Answer, Container, KernelEvent, ManifestFile } from './ports.ts';
import { buildReport } from './report.ts';
import { missingHookProblem } from './select.ts';
import { reasonOf } from './stage-error.ts';
import type { AgentStatus } from './status.ts';
import { buildStatus } from './status.ts';
import { TakeOver } from './take-over.ts';
import { throttle } from './throttle.ts';
import { Violations } from './violations.ts';
import { waitForPolicy } from './wait.ts';
import type { WaitRequest } from './wait.ts';

/** Milliseconds between two tries to tell records whose table is not known yet. */
const HELD_PAUSE = 20;
/** Milliseconds between two reports that differ in counts only, and two looks at what was lost: an attack must not keep the node busy. */
const COUNT_PAUSE = 1000;

export class Agent {
  readonly #ports: AgentPorts;
  readonly #options: AgentOptions;
  readonly #enforcement: Enforcement;
  readonly #holding: Holding;
  readonly #limits: Limits;
  readonly #takeOver: TakeOver;
  readonly #origins = new Origins();
  readonly #violations = new Violations();
  readonly #losses: Losses;
  readonly #stopping = new AbortController();
  readonly #changes = new Changes();
  readonly #report: ReturnType<typeof throttle>;
  readonly #lull: Lull;
  #book = EMPTY_BOOK;
  #told = new Set<string>();
  #policiesKnown = false;
  #containers: readonly Container[] | undefined;
  #runtime = { connected: false, message: 'the container runtime has not answered yet' };
  #unreadable = 0;
  #settled = false;
  #lifted = false;
  #heldTimer: NodeJS.Timeout | undefined;
  #lossTimer: NodeJS.Timeout | undefined;
  #reportFailure = '';

  constructor(ports: AgentPorts, options: AgentOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#losses = new Losses(options);
    this.#enforcement = new Enforcement({
      enforcer: ports.enforcer,
      host: hostWorkload(options.node),
      postures: options.postures,
      ...(options.hostPostures === undefined ? {} : { hostPostures: options.hostPostures }),
      ...(ports.links === undefined ? {} : { links: ports.links }),
      ...(ports.files === undefined ? {} : { files: ports.files }),
      onChange: () => {
        this.#limits.update(this.#enforcement.units);
        this.#changed();
      },
      onInForce: (inForce, origin) => {
        this.#origins.set(inForce, origin);
        this.#onEvents([]);
      },
    });
    this.#holding = new Holding({
      gate: ports.enforcer.gate,
      unknown: options.unknown ?? 'allow',
      whenGone: options.whenGone ?? 'open',
      roots: () => (this.#containers ?? []).flatMap(({ cgroupRoot }) => cgroupRoot ?? []),
      log: ports.log,
      onGivenUp: (given) => this.#tell(toHoldAlert(given, this.#now())),
    });
    this.#limits = new Limits({
      store: ports.limits,
      onBite: (bite) => this.#tell(toLimitAlert(bite, this.#now())),
      onChange: () => this.#changed(),
      now: options.now,
    });
    this.#lull = inLull(() => ports.enforcer.giveBack(), options.giveBack ?? { quiet: 5000, apart: 15_000 });
    this.#takeOver = new TakeOver({
      enforcer: ports.enforcer,
      isComplete: () => this.#enforcement.units.every(({ inForce }) => inForce !== undefined),
      log: ports.log,
    });
    this.#report = throttle(() => this.#writeReport(), { pause: options.reportPause ?? 100, every: options.reportEvery ?? 10_000 });
  }

  /** Resolves when the policies were read once and the runtime is being watched. */
  async start(): Promise<void> {
    const { enforcer, policies, runtime } = this.#ports;
    this.#holding.start();
    this.#limits.start();
    enforcer.onEvents((records) => this.#onEvents(records));
    await Promise.all([
      policies.watch((files) => this.#onFiles(files)),
      runtime.watch({ onContainers: (containers) => this.#onContainers(containers), onState: (state) => this.#onRuntime(state) }),
    ]);
    this.#report.start();
    this.#lossTimer = setInterval(() => this.#tellLosses(), COUNT_PAUSE).unref();
  }

  status(): AgentStatus {
    const { enforcer, alerts } = this.#ports;
    const { node, cluster } = this.#options;
    return buildStatus({
      node,
      cluster,
      support: enforcer.support,
      runtime: this.#runtime,
      containers: this.#containers,
      units: this.#enforcement.units,
      limitProblems: this.#limits.problems,
      book: this.#book,
      counters: { ...enforcer.counters(), eventsUnreadable: this.#unreadable },
      lost: { alerts: alerts.dropped(), violations: this.#violations.overflow },
    });
  }

  /** Waits until a policy is in force on every matching container. */
  wait(request: WaitRequest): Promise<Answer> {
    return waitForPolicy(request, {
      status: () => this.status(),
      lookAfresh: () => this.#lookAfresh(),
      changes: this.#changes,
      stopping: this.#stopping.signal,
    });
  }

  /** Ends the agent's work. With `keep` the kernel goes on enforcing what is in force; otherwise nothing is enforced any more. */
  async stop({ keep }: { readonly keep: boolean }): Promise<void> {
    const { policies, runtime, enforcer, alerts } = this.#ports;
    this.#stopping.abort();
    this.#takeOver.stop();
    await Promise.all([policies.close(), runtime.close()]);
    await this.#enforcement.close();
    this.#holding.stop({ keep });
    clearInterval(this.#lossTimer);
    this.#lull.stop();
    await this.#limits.stop({ keep });
    await enforcer.close({ keep });
    this.#tellLosses();
    this.#lifted = !keep;
    await this.#report.stop();
    await alerts.close();
  }

  #onFiles(files: readonly ManifestFile[]): void {
    this.#book = readBook(this.#book, files, (policy) => this.#judge(policy));
    this.#logProblems();
    // Nothing could be read at all: what an earlier agent left in force is not lifted for that.
    const blind = files.length > 0 && files.every(({ documents, problems }) => documents.length === 0 && problems.length > 0);
    this.#policiesKnown ||= !blind;
    if (this.#policiesKnown) {
      this.#violations.setPolicies(this.#book.policies);
      this.#enforcement.setPolicies(this.#book.policies, this.#book.namespaces);
    }
    this.#changed();
  }

  /** What a policy that parses still has wrong here. */
  #judge(policy: Policy): readonly Problem[] {
    const lacking = missingHookProblem(policy, this.#ports.enforcer.support.missingHooks);
    return [...compile([policy], this.#options.postures).problems, ...(lacking === undefined ? [] : [lacking])];
  }

  #onContainers(containers: readonly Container[]): void {
    this.#containers = containers;
    this.#logProblems();
    this.#enforcement.setContainers(containers);
    this.#changed();
  }

  #onRuntime(state: { readonly connected: boolean; readonly message: string }): void {
    if (state.connected !== this.#runtime.connected || state.message !== this.#runtime.message) this.#ports.log(state.message);
    this.#runtime = state;
    this.#changed();
  }

  #onEvents(records: readonly KernelEvent[]): void {
    if (records.length > 0) this.#lull.worked();
    const place = this.#now();
    let counted = false;
    for (const { record, origin } of this.#origins.take(records, place.now)) {
      try {
        const explained = explain(record, origin);
        if (explained === undefined) continue;
        this.#tell(toAlert(explained, place));
        counted = this.#violations.add(explained) || counted;
      } catch (error) {
        this.#unreadable += 1;
        if (this.#unreadable === 1)
          this.#ports.log(`a record of the kernel cannot be read, and is only counted from now on: ${reasonOf(error)}`);
      }
    }
    if (counted) this.#report.soon(COUNT_PAUSE);
    // Records that wait for their table are looked at again until none does.
    if (this.#origins.waiting)
      this.#heldTimer ??= setTimeout(() => {
        this.#heldTimer = undefined;
        this.#onEvents([]);
      }, HELD_PAUSE);
  }

  /** This node, at this moment. */
  #now(): Place & { readonly now: number } {
    const { node, cluster, now } = this.#options;
    return { node, cluster, now: now(), containerIn: (cgroup) => this.#containers?.find((one) => one.cgroup === cgroup) };
  }

  #tell(alert: object): void {
    this.#ports.alerts.write(alertLine(alert));
  }

  /** At most once in a while, whatever the number. */
  #tellLosses(): void {
    const losses = this.#losses.look(this.#ports.enforcer.counters(), this.#options.now());
    for (const loss of losses) {
      this.#tell(loss);
      this.#ports.log(`LOST: ${loss.message}`);
    }
    if (losses.length > 0) this.#report.soon(COUNT_PAUSE);
  }

  /** Once policies and containers are known and tried, what an earlier agent left for containers that are gone can go. */
  async #settle(): Promise<void> {
    if (this.#settled || !this.#policiesKnown || this.#containers === undefined) return;
    this.#settled = true;
    await this.#enforcement.idle();
    try {
      await this.#limits.settle();
      await this.#ports.enforcer.settle();
    } catch (error) {
      this.#ports.log(`what an earlier agent left in the kernel stays there: ${reasonOf(error)}`);
    }
    await this.#takeOver.begin();
  }

  #changed(): void {
    this.#report.soon();
    this.#lull.worked();
    void this.#settle();
    this.#changes.tell();
  }

  async #lookAfresh(): Promise<void> {
    await Promise.all([this.#ports.policies.refresh(), this.#ports.runtime.refresh()]);
    await this.#enforcement.idle();
    await this.#limits.idle();
  }

  /** Each problem once, when it appears. */
  #logProblems(): void {
    const warned = (this.#containers ?? []).filter(({ warning }) => warning !== undefined);
    const lines = [
      ...this.#book.problems.map(formatProblem),
      ...warned.map(({ id, warning }) => `container ${id}: warning: ${warning ?? ''}`),
    ];
    for (const line of lines) if (!this.#told.has(line)) this.#ports.log(line);
    this.#told = new Set(lines);
  }

  async #writeReport(): Promise<void> {
    const status = this.status();
    const lifted = { state: 'Degraded', message: 'enforcement was lifted on this node' } as const;
    const policies = this.#lifted ? status.policies.map((policy) => ({ ...policy, ...lifted })) : status.policies;
    const seen = { violations: this.#violations.list(), now: new Date(this.#options.now()) };
    try {
      await this.#ports.reports?.write(buildReport({ ...status, policies }, seen));
      this.#reportFailure = '';
    } catch (error) {
      const failure = reasonOf(error);
      if (failure !== this.#reportFailure) this.#ports.log(`${failure}; trying again with the next report`);
      this.#reportFailure = failure;
    }
  }
}
