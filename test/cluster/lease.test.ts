/** Who leads, by a Lease in a real API server, with exactly the rights that are installed. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import type { Connection } from '../../reconciler/src/adapters/kubernetes/connection.ts';
import { lead } from '../../reconciler/src/adapters/kubernetes/lease.ts';
import type { LeaseOptions } from '../../reconciler/src/adapters/kubernetes/lease.ts';
import { StageError } from '../../reconciler/src/stage-error.ts';
import type { ControlPlane } from '../support/cluster/control-plane.ts';
import { ELSEWHERE, HOME, startInstalled } from './installed.ts';
import type { Installed } from './installed.ts';
import { BUILD_PATIENCE, PATIENCE } from './manifests.ts';

jest.setTimeout(PATIENCE);

let plane: ControlPlane;
let installed: Installed;
let number = 0;
/** What happened, in order: `a leads`, `a stops`. */
let told: string[];
let candidates: Candidate[];

beforeAll(async () => {
  installed = await startInstalled();
  plane = installed.plane;
}, BUILD_PATIENCE);
afterAll(() => plane?.stop());
beforeEach(() => {
  number += 1;
  told = [];
  candidates = [];
});
afterEach(async () => {
  for (const { stop } of candidates) stop.abort();
  await Promise.all(candidates.map(({ ended, connection }) => ended.catch(() => undefined).then(() => connection.close())));
});

interface Candidate {
  readonly connection: Connection;
  /** Ends it in order. */
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

const SHORT = { seconds: 4, deadline: 2000, retry: 200 } as const;

function candidate(
  identity: string,
  options: Partial<LeaseOptions> & { readonly work?: (signal: AbortSignal) => Promise<void> } = {},
): Candidate {
  const connection = installed.connect();
  const stop = new AbortController();
  const { work = aborted, ...others } = options;
  const onLeading = (leads: boolean): unknown => told.push(`${identity} ${leads ? 'leads' : 'leads no more'}`);
  const lease = { connection, namespace: HOME, name: `lease-${number}`, identity, onLeading, ...SHORT, ...others };
  const doing = async (signal: AbortSignal): Promise<void> => {
    told.push(`${identity} works`);
    await work(signal);
    told.push(`${identity} stops`);
  };
  const one = { connection, stop, ended: lead(lease, doing, stop.signal) };
  candidates.push(one);
  return one;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function happened(what: string): Promise<void> {
  for (const started = Date.now(); !told.includes(what); await pause(10))
    if (Date.now() - started > 60_000) throw new Error(`it did not happen that ${what}: ${told.join(', ')}`);
}

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseTransitions: number;
  readonly leaseDurationSeconds: number;
  readonly renewTime: string;
}

async function stored(): Promise<LeaseSpec> {
  return (JSON.parse(await plane.must(['get', 'lease', `lease-${number}`, '-n', HOME, '-o', 'json'])) as { spec: LeaseSpec }).spec;
}

/** A Lease whose holder is not there, renewed this very moment. */
async function leaveLease(spec: object = {}): Promise<void> {
  const renewTime = new Date().toISOString().replace('Z', '000Z');
  const whole = { holderIdentity: 'crashed', leaseDurationSeconds: 3, leaseTransitions: 7, acquireTime: renewTime, renewTime, ...spec };
  const metadata = { name: `lease-${number}`, namespace: HOME };
  await plane.must(['create', '-f', '-'], JSON.stringify({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: whole }));
}

test('of two one leads, for as long as it is there', async () => {
  candidate('a');
  await happened('a works');
  candidate('b');
  const { renewTime } = await stored();
  await pause(SHORT.seconds * 1000 + 1000);
  expect(told).toEqual(['a leads', 'a works']);
  const spec = await stored();
  expect(spec).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 4, leaseTransitions: 0 });
  expect(spec.renewTime > renewTime).toBe(true);
});

test('a leader that ends in order is followed at once, after its work, and no sooner', async () => {
  // Longer than anything waits here for anything.
  const long = { seconds: 600 };
  const a = candidate('a', { ...long, work: (signal) => aborted(signal).then(() => pause(1000)) });
  await happened('a works');
  candidate('b', long);
  a.stop.abort();
  await happened('b works');
  expect(told).toEqual(['a leads', 'a works', 'a stops', 'a leads no more', 'b leads', 'b works']);
  await a.ended;
  expect(await stored()).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1, leaseDurationSeconds: 600 });
});

test('a leader that is cut off stops before another one leads', async () => {
  const a = candidate('a');
  await happened('a works');
  candidate('b');
  await a.connection.close();
  await happened('b works');
  expect(told).toEqual(['a leads', 'a works', 'a leads no more', 'a stops', 'b leads', 'b works']);
});

test('the work of a leader that was cut off is told why, and may end with any failure of the world', async () => {
  let reason: unknown;
  const work = async (signal: AbortSignal): Promise<void> => {
    await aborted(signal);
    reason = signal.reason;
    throw new StageError('target', 'the API server does not answer');
  };
  const a = candidate('a', { work });
  await happened('a works');
  await a.connection.close();
  await happened('a leads no more');
  expect(reason).toMatchObject({ name: 'StageError', message: 'the lease could not be renewed in time' });
  a.stop.abort();
  await a.ended;
});

test('an API server that is away for longer than that ends the leader’s work, and one leads when it is back', async () => {
  const why: string[] = [];
  candidate('a', { onTrouble: (message) => why.push(message) });
  await happened('a works');
  await plane.stopApiServer('SIGKILL');
  await happened('a stops');
  expect(why.join()).toMatch(/the API server at \S+ does not answer/);
  told = [];
  await plane.startApiServer();
  await happened('a works');
  expect(await stored()).toMatchObject({ holderIdentity: 'a' });
});

test('a leader whose lease another one has taken stops at its next attempt', async () => {
  candidate('a', { seconds: 600, deadline: 300_000 });
  await happened('a works');
  await plane.must(['patch', 'lease', `lease-${number}`, '-n', HOME, '--type=merge', '-p', '{"spec":{"holderIdentity":"robber"}}']);
  await happened('a leads no more');
  expect(await stored()).toMatchObject({ holderIdentity: 'robber' });
});

test('a leader that crashed is followed when its lease has not changed for as long as it said, and not before', async () => {
  await leaveLease({ leaseDurationSeconds: 3 });
  const started = performance.now();
  candidate('b', { seconds: 2, deadline: 1000 });
  await happened('b works');
  expect(performance.now() - started).toBeGreaterThanOrEqual(3000);
  expect(await stored()).toMatchObject({ holderIdentity: 'b', leaseTransitions: 8 });
});

test('a clock of somebody else tells nothing: a lease from long ago is waited for, one from the future not for longer', async () => {
  for (const renewTime of ['2001-01-01T00:00:00.000000Z', '2101-01-01T00:00:00.000000Z']) {
    number += 1;
    told = [];
    await leaveLease({ renewTime, acquireTime: renewTime, leaseDurationSeconds: 2 });
    const started = performance.now();
    candidate('b');
    await happened('b works');
    expect(performance.now() - started).toBeGreaterThanOrEqual(2000);
  }
});

test('work that ends by itself ends it all and gives the lease back, also when it fails', async () => {
  const a = candidate('a', { work: () => Promise.resolve() });
  await a.ended;
  expect(told).toEqual(['a leads', 'a works', 'a stops', 'a leads no more']);
  expect((await stored()).holderIdentity ?? '').toBe('');
  const b = candidate('b', { work: () => Promise.reject(new TypeError('a bug')) });
  await expect(b.ended).rejects.toThrow('a bug');
  expect((await stored()).holderIdentity ?? '').toBe('');
});

test('who may not have a lease says so and goes on trying, until it is ended', async () => {
  let why = '';
  const a = candidate('a', { namespace: ELSEWHERE, onTrouble: (message) => (why = message) });
  while (why === '') await pause(10);
  expect(why).toMatch(/forbidden/);
  a.stop.abort();
  await a.ended;
  expect(told).toEqual([]);
});
