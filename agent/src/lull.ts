/** Doing something when work has paused. */

export interface Lull {
  /** There was work just now. */
  worked(): void;
  /** It is never done again. */
  stop(): void;
}

export interface LullTimes {
  /** Milliseconds without work that are a pause. */
  readonly quiet: number;
  /** Milliseconds between two times at least; when there is no pause, also at most. */
  readonly apart: number;
}

/** Calls `task` once after work, in the pause that follows it, or without one where there is none for long. */
export function inLull(task: () => void, { quiet, apart }: LullTimes): Lull {
  let timer: NodeJS.Timeout | undefined;
  let since: number | undefined;
  let last = -Infinity;
  let stopped = false;
  const run = (): void => {
    last = performance.now();
    since = undefined;
    task();
  };
  return {
    worked: () => {
      if (stopped) return;
      const now = performance.now();
      since ??= now;
      const due = Math.max(last + apart, Math.min(now + quiet, since + apart));
      clearTimeout(timer);
      timer = setTimeout(run, Math.max(0, due - now)).unref();
    },
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
