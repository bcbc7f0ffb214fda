/** The program that wakes who is held by an agent that died. bpf/watch.c */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import path from 'node:path';
import type { Socket } from 'node:net';
import { StageError } from '../../stage-error.ts';

interface WatchPlace {
  /** Holds the compiled program: `bpf/build`. */
  readonly bpfDirectory: string;
  /** Where the kernel half's maps are pinned. */
  readonly maps: string;
}

export class Watch {
  readonly #place: WatchPlace;
  #child: ChildProcess | undefined;
  #failure: Error | undefined;

  constructor(place: WatchPlace) {
    this.#place = place;
  }

  /** Starts the program unless it runs. Throws a StageError where it could not be started the last time. */
  ensure(): void {
    const failed = this.#failure;
    this.#failure = undefined;
    if (failed !== undefined) throw new StageError('nobody watches over what is held', { stage: 'kernel', retry: true, cause: failed });
    if (this.#child !== undefined) return;
    // In a session of its own: what ends this process's group does not end it.
    const child = spawn(path.join(this.#place.bpfDirectory, 'parapet-watch'), [this.#place.maps], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    this.#child = child;
    const gone = (): void => {
      if (this.#child === child) this.#child = undefined;
    };
    child.once('exit', gone).once('error', (error) => {
      this.#failure = error;
      gone();
    });
    child.stdin.on('error', () => undefined);
    child.unref();
    (child.stdin as Socket).unref();
  }

  /** From now on it does as if this process had died. */
  leave(): void {
    this.#child?.stdin?.end();
    this.#child = undefined;
  }
}

/** Wakes at once whoever an agent that is gone left waiting. */
export function wakeHeld({ bpfDirectory, maps }: WatchPlace): void {
  spawnSync(path.join(bpfDirectory, 'parapet-watch'), [maps, 'now'], { stdio: 'ignore', timeout: 10_000 });
}
