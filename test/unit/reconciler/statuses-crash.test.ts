/** A process that says statuses, killed at each of its moments: before and after everything it does to its disk and its host. */
import { expect, test } from '@jest/globals';
import { HOST_LIMITS } from '../../../reconciler/src/host-limits.ts';
import type { CommitStatus, StatusHost, Store } from '../../../reconciler/src/ports.ts';
import { hash, memoryLog } from './builders.ts';
import { FakeClock, statusesFor } from './fakes.ts';

const A = hash('a');

/** What outlives a process. */
class World {
  disk: string | undefined;
  readonly shown: CommitStatus[] = [];
  readonly clock = new FakeClock();

  /** What was posted, as `topic state`. */
  get posted(): string[] {
    return this.shown.map(({ context, state }) => `${context.slice('parapet/'.length)} ${state}`);
  }
}

/** Runs one process to its end, or until its `moment`th: whole numbers are before something is done, halves after. Says whether it was killed. */
async function life(world: World, moment: number): Promise<boolean> {
  let done = 0;
  let killed = false;
  async function act<T>(effect: () => T): Promise<T> {
    done += 1;
    killed ||= done === Math.ceil(moment) && Number.isInteger(moment);
    if (killed) return new Promise<never>(() => undefined);
    const result = effect();
    killed = done === Math.floor(moment) && !Number.isInteger(moment);
    return killed ? new Promise<never>(() => undefined) : Promise.resolve(result);
  }
  const store: Store = {
    load: () => Promise.resolve(world.disk === undefined ? undefined : (JSON.parse(world.disk) as unknown)),
    save: (value) => act(() => void (world.disk = JSON.stringify(value))),
  };
  const host: StatusHost = {
    limits: HOST_LIMITS.GitHub,
    post: (status) => act(() => (world.shown.push(status), { kind: 'posted' })),
    find: ({ context }) =>
      act(() => {
        const status = world.shown.findLast((one) => one.context === context);
        return status === undefined ? { kind: 'none' } : { kind: 'found', status };
      }),
  };
  const statuses = statusesFor({ host, store, clock: world.clock, log: memoryLog().log });
  const stop = new AbortController();
  await statuses.load();
  void statuses.deliver(stop.signal);
  // As a run says it: that there is work only when nothing was said yet.
  for (const topic of ['synth', 'enforced'] as const) {
    if (statuses.latest(A, topic) === undefined) statuses.set(A, topic, { state: 'pending', description: 'working' });
  }
  await world.clock.advance(100);
  if (!killed) for (const topic of ['synth', 'enforced'] as const) statuses.set(A, topic, { state: 'success', description: 'done' });
  await world.clock.advance(killed ? 0 : 10_000);
  stop.abort();
  return killed;
}

const WHOLE = ['enforced pending', 'enforced success', 'synth pending', 'synth success'];

test('killed twice, at any two moments, each status is posted once and in order', async () => {
  let kills = 0;
  for (let first = 1, reached = true; reached; first += 0.5) {
    reached = false;
    for (let second = 1, again = true; again; second += 0.5) {
      const world = new World();
      reached = await life(world, first);
      again = reached && (await life(world, second));
      await life(world, Infinity);
      const about = { first, second, posted: world.posted };
      expect({ ...about, posted: world.posted.toSorted() }).toEqual({ ...about, posted: WHOLE });
      for (const topic of ['synth', 'enforced'])
        expect(world.posted.indexOf(`${topic} pending`)).toBeLessThan(world.posted.indexOf(`${topic} success`));
      kills += Number(reached) + Number(again);
    }
  }
  expect(kills).toBeGreaterThan(300);
});
