/** Timers without time: callbacks run once the program itself is done, in the order of their delays; nothing ever waits. */

interface Timer {
  readonly id: number;
  readonly at: number;
  readonly every: number | undefined;
  readonly work: () => void;
}

let now = 0;
let next = 1;
let waiting: Timer[] = [];

function add(work: unknown, delay: unknown, more: { readonly repeat: boolean; readonly args: readonly unknown[] }): object {
  if (typeof work !== 'function') throw new TypeError('The "callback" argument must be of type function.');
  const wait = Math.max(1, Math.trunc(Number(delay)) || 1);
  const run = () => void (work as (...all: unknown[]) => unknown)(...more.args);
  const id = next++;
  waiting.push({ id, at: now + wait, every: more.repeat ? wait : undefined, work: run });
  const handle = { ref: () => handle, unref: () => handle, hasRef: () => true, refresh: () => handle, [Symbol.toPrimitive]: () => id };
  return handle;
}

function clear(handle: unknown): void {
  if (handle === undefined || handle === null) return;
  const id = Number(handle);
  waiting = waiting.filter((timer) => timer.id !== id);
}

export const timers = {
  setTimeout: (work: unknown, delay?: unknown, ...args: unknown[]) => add(work, delay, { repeat: false, args }),
  setInterval: (work: unknown, delay?: unknown, ...args: unknown[]) => add(work, delay, { repeat: true, args }),
  setImmediate: (work: unknown, ...args: unknown[]) => add(work, 1, { repeat: false, args }),
  clearTimeout: clear,
  clearInterval: clear,
  clearImmediate: clear,
};

/** Runs the timer that is due first; `false` when there is none. */
export function runTimer(): boolean {
  const due = waiting.reduce<Timer | undefined>((best, each) => (best === undefined || each.at < best.at ? each : best), undefined);
  if (due === undefined) return false;
  now = due.at;
  waiting = waiting.filter((timer) => timer !== due);
  if (due.every !== undefined) waiting.push({ ...due, at: now + due.every });
  due.work();
  return true;
}
