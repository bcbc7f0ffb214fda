/** Kills a process at the moment that was chosen for it, and counts where processes were killed. */
import type { ControllerProcess } from '../cluster/controller-process.ts';
import type { Random } from './random.ts';
import type { Death, Door } from './stages.ts';
import type { Tap } from './tapped-proxy.ts';

const AT_RANDOM = 'at a random moment';
/** Where a process was killed whose stage did not come. */
const ELSEWHERE = 'where its stage did not come';

interface Armed {
  readonly controller: ControllerProcess;
  readonly death: Death;
  readonly struck: () => void;
  readonly timer?: NodeJS.Timeout;
  hits: number;
}

export class Reaper {
  /** Kills by where they were. */
  readonly kills = new Map<string, number>();
  /** Processes that had ended by themselves. */
  readonly faults: string[] = [];
  readonly #random: Random;
  #armed: Armed | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  get count(): number {
    return [...this.kills.values()].reduce((sum, one) => sum + one, 0);
  }

  get isArmed(): boolean {
    return this.#armed !== undefined;
  }

  /** From now on the process dies as told; one that dies at random does so within `span` milliseconds. Resolves when it is killed. */
  arm(controller: ControllerProcess, death: Death, span: number): Promise<void> {
    return new Promise((struck) => {
      const timer = death.stage === undefined ? setTimeout(() => this.#strike(AT_RANDOM), this.#random.whole(0, span)) : undefined;
      this.#armed = { controller, death, struck, hits: 0, ...(timer === undefined ? {} : { timer }) };
    });
  }

  /** Kills the process wherever it is. */
  giveUp(): void {
    this.#strike(ELSEWHERE);
  }

  /** What a proxy asks before a request goes on. */
  tap(door: Door): Tap {
    return (seen) => {
      const armed = this.#armed;
      const { stage, phase, nth, arrives } = armed?.death ?? { arrives: true };
      if (armed === undefined || stage?.door !== door || seen.phase !== phase || !stage.is(seen)) return 'pass';
      armed.hits += 1;
      if (armed.hits !== nth) return 'pass';
      if (stage.later !== undefined) {
        setTimeout(() => this.#armed === armed && this.#strike(stage.name), this.#random.whole(0, stage.later));
        return 'pass';
      }
      this.#strike(`${stage.name}, ${phase} it is done`);
      return arrives ? 'pass' : 'drop';
    };
  }

  #strike(where: string): void {
    const armed = this.#armed;
    if (armed === undefined) return;
    this.#armed = undefined;
    clearTimeout(armed.timer);
    if (!armed.controller.isRunning) this.faults.push(`a process ended by itself:\n${armed.controller.log}`);
    // At once, in the very step in which the request is seen: whoever waits for it to have ended does so elsewhere.
    void armed.controller.kill();
    this.kills.set(where, (this.kills.get(where) ?? 0) + 1);
    armed.struck();
  }
}
