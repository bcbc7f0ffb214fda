import { beforeEach, expect, test } from '@jest/globals';
import { HOST_LIMITS } from '../../../reconciler/src/host-limits.ts';
import type { Hit } from '../../../reconciler/src/outcome.ts';
import type { Store } from '../../../reconciler/src/ports.ts';
import type { SourceView } from '../../../reconciler/src/readiness.ts';
import { SourceObserver } from '../../../reconciler/src/source-observer.ts';
import { VIOLATIONS_SETTINGS } from '../../../reconciler/src/violations-status.ts';
import { hash, memoryLog, violation } from './builders.ts';
import { FakeClock, memoryStore, statusesFor } from './fakes.ts';

const [older, commit] = [hash('b'), hash('c')];
const DONE = { state: 'success', description: '3 of 3 nodes' } as const;
const POLICIES = { total: 1, enforced: 1, degraded: 0, refused: 0, pending: 0 };
const log = memoryLog();
let clock: FakeClock;
let store: ReturnType<typeof memoryStore>;
let said: string[];
let view: SourceView | undefined;
let observer: SourceObserver;

beforeEach(() => {
  clock = new FakeClock();
  store = memoryStore();
  said = [];
  view = undefined;
  observer = observing(store);
});

function observing(kept: Store): SourceObserver {
  const host = {
    limits: HOST_LIMITS.GitHub,
    post: () => Promise.resolve({ kind: 'posted' } as const),
    find: () => Promise.resolve({ kind: 'none' } as const),
  };
  const statuses = statusesFor({ host, store: memoryStore(), clock, log: log.log });
  const set = statuses.set.bind(statuses);
  statuses.set = (sha, topic, status): boolean => {
    const isNew = set(sha, topic, status);
    if (isNew) said.push(`${sha.slice(0, 1)} ${topic} ${status.state}: ${status.description}`);
    return isNew;
  };
  const supersede = statuses.supersede.bind(statuses);
  statuses.supersede = (sha, topics): void => {
    if (statuses.latest(older, 'enforced')?.state === 'pending') said.push(`${sha.slice(0, 1)} supersedes ${topics.join(', ')}`);
    supersede(sha, topics);
  };
  const readiness = { viewOf: (source: string) => (source === 'uid' ? view : undefined) };
  return new SourceObserver({ source: 'uid', readiness, statuses, store: kept, clock, log: log.log, settings: VIOLATIONS_SETTINGS });
}

const seen = (rest: Partial<SourceView> = {}): SourceView => ({
  commit,
  policies: POLICIES,
  enforced: DONE,
  hits: [],
  watched: true,
  ...rest,
});
const hit = (count: number, at = commit): Hit => ({ node: 'n1', violation: violation({ commit: at, count }) });
async function look(next: SourceView | undefined, by = observer): Promise<string[]> {
  view = next;
  await by.look();
  return said.splice(0);
}

test('nothing is said of a source of which nothing is known', async () => {
  expect(await look(undefined)).toEqual([]);
});

test('a commit is pending, then enforced, and green until the first violation', async () => {
  expect(await look(seen({ enforced: { state: 'pending', description: '1 of 3 nodes' } }))).toEqual(['c enforced pending: 1 of 3 nodes']);
  expect(await look(seen())).toEqual(['c enforced success: 3 of 3 nodes', 'c violations success: no violations']);
  expect(await look(seen())).toEqual([]);
  expect(await look(seen({ hits: [hit(2)] }))).toEqual(['c violations failure: 2 blocked: web spec.process.matchPaths[0] /usr/bin/apt']);
});

test('a newer commit ends what is pending on the older one', async () => {
  await look(seen({ commit: older, enforced: { state: 'pending', description: '1 of 3 nodes' } }));
  expect(await look(seen())).toEqual([
    'c supersedes enforced, violations',
    'c enforced success: 3 of 3 nodes',
    'c violations success: no violations',
  ]);
});

test('violations of before do not count against a commit that left their policy as it was; later ones do, also over a restart', async () => {
  await look(seen({ commit: older, hits: [hit(5, older)] }));
  expect(await look(seen({ hits: [hit(5, older)] }))).toEqual(['c enforced success: 3 of 3 nodes', 'c violations success: no violations']);
  const next = observing(store);
  expect(await look(seen({ hits: [hit(5, older)] }), next)).toEqual(['c enforced success: 3 of 3 nodes']);
  expect(await look(seen({ hits: [hit(6, older)] }), next)).toEqual([
    'c violations failure: 1 blocked: web spec.process.matchPaths[0] /usr/bin/apt',
  ]);
});

test('a look that is asked for while another is at work sees what came meanwhile, and says nothing twice', async () => {
  let loaded: (value: unknown) => void = () => undefined;
  const slow: Store = { load: () => new Promise((resolve) => (loaded = resolve)), save: () => Promise.resolve() };
  const by = observing(slow);
  view = seen({ enforced: { state: 'pending', description: '0 of 3 nodes' } });
  const first = by.look();
  view = seen();
  const second = by.look();
  loaded(undefined);
  await Promise.all([first, second]);
  expect(said).toEqual(['c enforced pending: 0 of 3 nodes', 'c enforced success: 3 of 3 nodes', 'c violations success: no violations']);
});

test('a store that can’t be read or written stops nothing', async () => {
  const broken: Store = { load: () => Promise.reject(new Error('no disk')), save: () => Promise.reject(new Error('no disk')) };
  expect(await look(seen(), observing(broken))).toEqual(['c enforced success: 3 of 3 nodes', 'c violations success: no violations']);
  expect(log.text()).toContain("violations can't be kept for a restart: no disk");
});
