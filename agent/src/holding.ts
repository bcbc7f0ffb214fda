/**
 * Programs of new containers. The kernel lets none run whose container is not known: whoever executes one waits, and is woken here as soon as
 * the rules are in force, to be judged by them. Where those do not come, it happens as the operator chose.
 */
import { givenUpText } from './hold-alert.ts';
import type { GivenUp } from './hold-alert.ts';
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
  readonly log: (line: string) => void;
  /** Nobody waits any longer for a process's rules. */
  readonly onGivenUp: (given: GivenUp) => void;
  /** Milliseconds that a process is held at most by an agent that has the time to look. Default 10,000. */
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
  /** How often each process was looked at. An agent that has just begun, or that gets no processor, has not been waited for. */
  #looks: ReadonlyMap<number, number> = new Map();

  constructor(options: HoldingOptions) {
    this.#options = options;
  }

  start(): void {
    this.#try(() => this.#beat());
    this.#timers = [setInterval(() => this.#try(() => this.#beat()), BEAT), setInterval(() => this.#try(() => this.look()), LOOK)];
  }

  /** Nobody waits for this agent any more. With `keep` it is as if it were gone, otherwise whatever waits runs. */
  stop({ keep }: { readonly keep: boolean }): void {
    for (const timer of this.#timers) clearInterval(timer);
    const { gate } = this.#options;
    this.#try(() => {
      if (keep) gate.retire();
      else gate.tend({ unknown: 'allow', whenGone: 'open', roots: [] });
      for (const process of gate.held()) gate.release(process, 'try');
    });
  }

  /** Decides on every process that is held. */
  look(): void {
    const { gate, patience = 10_000 } = this.#options;
    const enough = Math.ceil(patience / LOOK);
    const held = gate.held().map((process) => ({ process, looks: (this.#looks.get(process.pid) ?? 0) + 1 }));
    this.#looks = new Map(held.map(({ process, looks }) => [process.pid, looks]));
    for (const { process, looks } of held) {
      if (process.known) gate.release(process, 'try');
      else if (looks >= enough) this.#giveUp(process, { tell: looks === enough });
    }
  }

  /** No rules came. */
  #giveUp(process: HeldProcess, { tell }: { readonly tell: boolean }): void {
    const { gate, whenGone, log, onGivenUp } = this.#options;
    const given = { process, ended: whenGone === 'deny' };
    if (tell) {
      log(givenUpText(given));
      onGivenUp(given);
    }
    gate.release(process, whenGone === 'deny' ? 'kill' : 'pass');
  }

  /** A sign of life. Who waits tries again: the kernel may know by now what nobody told here. */
  #beat(): void {
    const { gate, unknown, whenGone, roots } = this.#options;
    gate.tend({ unknown, whenGone, roots: [...USUAL_ROOTS, ...roots()] });
    for (const process of gate.held()) gate.release(process, 'try');
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
