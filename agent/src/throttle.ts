/** Doing something after changes, not too often, and every so often without any. */

export interface Throttled {
  /** Does it from now on every `every` milliseconds. */
  start(): void;
  /** Does it soon: at once, or when the pause since the last time is over; `wait` milliseconds are a pause of its own. */
  soon(wait?: number): void;
  /** Does it once more and then never again. */
  stop(): Promise<void>;
}

/** Calls `work`, one at a time: at least `pause` milliseconds apart, at most `every`. What `work` throws is its own to handle. */
export function throttle(work: () => Promise<void>, { pause, every }: { readonly pause: number; readonly every: number }): Throttled {
  let timer: NodeJS.Timeout | undefined;
  let due = Infinity;
  let last = -Infinity;
  let running: Promise<void> | undefined;
  let stopped = false;

  const schedule = (at: number): void => {
    if (stopped || at >= due) return;
    due = at;
    clearTimeout(timer);
    timer = setTimeout(run, Math.max(0, at - performance.now()));
    timer.unref();
  };
  const run = (): void => {
    due = Infinity;
    if (running !== undefined) {
      void running.then(() => schedule(last + pause));
      return;
    }
    running = work().finally(() => {
      last = performance.now();
      running = undefined;
      schedule(last + every);
    });
  };
  return {
    start: () => schedule(performance.now()),
    soon: (wait = pause) => schedule(Math.max(performance.now(), last + wait)),
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
      await work();
    },
  };
}
