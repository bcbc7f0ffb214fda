/**
 * A process that says one status and delivers it: `status-sender.ts STORE API_URL COMMIT [die]`. With `die` it is killed after the host
 * has taken the status and before that is written down. The token comes in the environment.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { createHost } from '../../../reconciler/src/adapters/hosts/create-host.ts';
import { FileStore } from '../../../reconciler/src/adapters/standalone/store.ts';
import { Pace } from '../../../reconciler/src/pace.ts';
import type { StatusHost } from '../../../reconciler/src/ports.ts';
import { Statuses, STATUS_SETTINGS } from '../../../reconciler/src/statuses.ts';

const [file = '', apiUrl = '', commit = '', mode] = process.argv.slice(2);
const spec = { provider: 'GitHub', apiUrl, repository: 'shop/policies' } as const;
const github = createHost(spec, () => Promise.resolve({ token: process.env['TOKEN'] ?? '' }));
const host: StatusHost = {
  limits: github.limits,
  find: (about, signal) => github.find(about, signal),
  async post(status, signal) {
    const result = await github.post(status, signal);
    if (mode === 'die') process.kill(process.pid, 'SIGKILL');
    return result;
  },
};
const clock = {
  now: () => Date.now(),
  sleep: (ms: number, signal: AbortSignal) => delay(ms, undefined, { signal }).catch(() => undefined),
};
const pace = new Pace(host.limits.pace, clock);
const store = new FileStore(file);
const statuses = new Statuses({ host, store, clock, log: () => undefined, pace, random: Math.random, settings: STATUS_SETTINGS });
await statuses.load();
if (commit !== '') statuses.set(commit, 'synth', { state: 'pending', description: 'synthesizing policies' });
const abort = new AbortController();
const delivered = statuses.deliver(abort.signal);
await statuses.drained(5_000);
abort.abort();
await delivered;
