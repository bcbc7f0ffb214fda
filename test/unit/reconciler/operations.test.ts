import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { openOperations } from '../../../reconciler/src/adapters/http/operations.ts';
import type { Check } from '../../../reconciler/src/adapters/http/operations.ts';
import type { Door } from '../../../reconciler/src/adapters/http/server.ts';
import { createMetrics } from '../../../reconciler/src/adapters/metrics.ts';
import type { LogEvent } from '../../../reconciler/src/ports.ts';

// real connections, on machines that may be busy
jest.setTimeout(60_000);

let door: Door;
let url = '';
let checks: Check[] = [];
let failure: Error | undefined;
const lines: LogEvent[] = [];

beforeEach(async () => {
  checks = [{ name: 'leader', ready: true }];
  failure = undefined;
  lines.length = 0;
  const { expose, metrics } = createMetrics({ process: false });
  metrics.pruneBlocked();
  door = await openOperations({
    address: { host: '127.0.0.1', port: 0 },
    checks: () => checks,
    metrics: () => (failure === undefined ? expose() : Promise.reject(failure)),
    log: (event) => void lines.push(event),
    stillness: 1_000,
  });
  url = `http://127.0.0.1:${door.port}`;
});
afterEach(() => door.close(0));

/** Leaves the event loop standing, as a program does that computes for too long. */
function stand(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

test('metrics are given in the format that Prometheus reads', async () => {
  const response = await fetch(`${url}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4; charset=utf-8$/);
  expect(await response.text()).toMatch(/^parapet_prune_blocked_total 1$/m);
});

test('readiness says what is ready and why something is not', async () => {
  expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ ready: true, checks: [{ name: 'leader', ready: true }] });
  checks = [...checks, { name: 'sources', ready: false, message: 'the list of sources was not read yet' }];
  const response = await fetch(`${url}/readyz`);
  expect(response.status).toBe(503);
  expect(await response.json()).toEqual({ ready: false, checks });
});

test('a process that stood still for too long is not well, for a while', async () => {
  await expect(fetch(`${url}/healthz`).then((response) => response.json())).resolves.toEqual({ alive: true });
  stand(1_300);
  const response = await fetch(`${url}/healthz`);
  expect(response.status).toBe(503);
  expect(await response.json()).toEqual({
    alive: false,
    message: expect.stringMatching(/^the event loop stood still for 1\.\d s$/) as unknown,
  });
  // one bad moment is forgotten before the next probes come
  for (let turn = 0; turn < 50; turn += 1) {
    await new Promise((next) => setTimeout(next, 200));
    if ((await fetch(`${url}/healthz`)).status === 200) return;
  }
  throw new Error('it never got well again');
});

test('other pages and other methods are refused in words', async () => {
  const page = await fetch(`${url}/`);
  expect([page.status, await page.json()]).toEqual([404, { error: 'the pages are /healthz, /readyz and /metrics' }]);
  const method = await fetch(`${url}/healthz`, { method: 'DELETE' });
  expect([method.status, method.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  const head = await fetch(`${url}/readyz`, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
});

test('a fault in the metrics is one answer, not the end', async () => {
  failure = new Error('no metrics');
  const response = await fetch(`${url}/metrics`);
  expect([response.status, await response.json()]).toEqual([500, { error: 'this is a fault of ours' }]);
  expect(lines).toEqual([{ level: 'error', stage: 'operations', message: 'bug: no metrics' }]);
  failure = undefined;
  expect((await fetch(`${url}/metrics`)).status).toBe(200);
});
