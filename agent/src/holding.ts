/**
 * The first programs of new containers. The kernel stops them before their first instruction; here they are let go as soon as their rules
 * are in force, or, when those do not come, as the operator chose.
 */
import type { Gate, GateSettings, HeldProcess } from './ports.ts';

/** What happens to programs of containers that the agent does not know yet. */
export const UNKNOWN_MODES = ['hold', 'deny', 'allow'] as const;
/** What happens to them when there is no agent, or no rules come. */
export const GONE_MODES = ['open', 'deny'] as const;

export interface HoldingOptions {
  readonly gate: Gate;
  readonly unknown: GateSettings['unknown'];
  readonly whenGone: GateSettings['whenGone'];
  /** Names of the cgroups right below the root in which containers are. */
  readonly roots: () => Iterable<string>;
  /** Why a held process must not run what it is about to; undefined where it may. */
  readonly refusal: (process: HeldProcess) => string | undefined;
  readonly log: (line: string) => void;
  /** Milliseconds that a process is held at most. Default 10,000. */
  readonly patience?: number;
}

/** Where runtimes put containers unless they are told otherwise. */
export const USUAL_ROOTS: readonly string[] = ['kubepods', 'kubepods.slice', 'default', 'k8s.io', 'moby', 'docker'];

/** Milliseconds between two signs of life: the kernel takes five seconds of silence for the agent's end. */
const BEAT = 1_000;
/** Milliseconds between two looks at what is held. */
const LOOK = 20;

export class Holding {
  readonly #options: HoldingOptions;
  #timers: readonly NodeJS.Timeout[] = [];
  #failure = '';

  constructor(options: HoldingOptions) {
    this.#options = options;
  }

  start(): void {
    this.#try(() => this.#beat());
    this.#timers = [setInterval(() => this.#try(() => this.#beat()), BEAT), setInterval(() => this.#try(() => this.look()), LOOK)];
  }

  /** Lets everything go that was held, and holds nothing any more. */
  stop({ keep }: { readonly keep: boolean }): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#try(() => {
      if (!keep) this.#options.gate.tend({ unknown: 'allow', whenGone: 'open', roots: [] });
      for (const process of this.#options.gate.held()) if (!keep || process.confined) this.#letGo(process);
    });
  }

  /** Decides on every process that is held. */
  look(): void {
    const { gate, whenGone, patience = 10_000, log } = this.#options;
    for (const process of gate.held()) {
      if (process.confined) {
        this.#letGo(process);
      } else if (process.waited > patience) {
        const end = whenGone === 'deny' ? 'it is ended' : 'it runs without rules';
        log(`${nameOf(process)} waited ${process.waited} ms for rules of a container that the runtime does not tell of: ${end}`);
        gate.release(process, whenGone === 'deny' ? 'kill' : 'pass');
      }
    }
  }

  #letGo(process: HeldProcess): void {
    const { gate, refusal, log } = this.#options;
    const why = refusal(process);
    if (why !== undefined) log(`${nameOf(process)} is ended before its first instruction: ${why}`);
    gate.release(process, why === undefined ? 'run' : 'kill');
  }

  #beat(): void {
    const { gate, unknown, whenGone, roots } = this.#options;
    gate.tend({ unknown, whenGone, roots: [...USUAL_ROOTS, ...roots()] });
  }

  /** What fails now is tried again with the next beat; it is told once. */
  #try(work: () => void): void {
    try {
      work();
      this.#failure = '';
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      if (failure !== this.#failure) this.#options.log(`new containers cannot be held: ${failure}`);
      this.#failure = failure;
    }
  }
}

function nameOf({ pid, program }: HeldProcess): string {
  return `process ${pid} (${program === '' ? 'unknown program' : program})`;
}
