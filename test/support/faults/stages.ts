/** Moments of a run at which a process can be killed: by what it asks of API server, Git server and Git host. */
import type { Random } from './random.ts';
import type { Seen } from './tapped-proxy.ts';

/** Whose proxy sees it. */
export type Door = 'api' | 'git' | 'host';

export interface Stage {
  readonly name: string;
  readonly door: Door;
  readonly is: (seen: Pick<Seen, 'method' | 'path' | 'body'>) => boolean;
  /** Milliseconds, at most, until the kill: for what nobody outside the process sees. */
  readonly later?: number;
  /** A run asks so several times. */
  readonly isRepeated?: boolean;
}

/** When the next process is killed. */
export interface Death {
  /** `undefined`: at a random moment. */
  readonly stage?: Stage;
  readonly phase: Seen['phase'];
  /** At the first such request, or a later one. */
  readonly nth: number;
  /** Whether what is on its way at that moment arrives. */
  readonly arrives: boolean;
}

const isPolicy = /\/kubearmorpolicies\//;
const isFetch = (seen: Pick<Seen, 'body'>): boolean => seen.body.includes('command=fetch');
const isTrial = (path: string): boolean => path.includes('dryRun=All');

export const STAGES: readonly Stage[] = [
  { name: 'lease', door: 'api', is: ({ method, path }) => method !== 'GET' && path.includes('/leases') },
  { name: 'asking the repository', door: 'git', is: ({ method }) => method === 'GET' },
  { name: 'fetch', door: 'git', is: isFetch },
  { name: 'synth and plan', door: 'git', is: isFetch, later: 700 },
  { name: 'trial', door: 'api', is: ({ method, path }) => method === 'PATCH' && isPolicy.test(path) && isTrial(path), isRepeated: true },
  {
    name: 'apply',
    door: 'api',
    is: ({ method, path }) => method === 'PATCH' && isPolicy.test(path) && !isTrial(path) && !path.includes('/status'),
    isRepeated: true,
  },
  { name: 'prune', door: 'api', is: ({ method, path }) => method === 'DELETE' && isPolicy.test(path) },
  {
    name: 'outbox',
    door: 'api',
    is: ({ method, path }) => method === 'PATCH' && path.includes('/configmaps/parapet-outbox-'),
    isRepeated: true,
  },
  { name: 'status of a source', door: 'api', is: ({ path }) => /\/policysources\/[^/]+\/status/.test(path) },
  { name: 'status of a policy', door: 'api', is: ({ path }) => /\/kubearmorpolicies\/[^/]+\/status/.test(path), isRepeated: true },
  { name: 'event', door: 'api', is: ({ method, path }) => method !== 'GET' && path.includes('/events') },
  { name: 'post', door: 'host', is: ({ method }) => method === 'POST', isRepeated: true },
];

/** Only after a kill in the middle of a post. */
export const ASK: Stage = { name: 'asking the host', door: 'host', is: ({ method, path }) => method === 'GET' && path.includes('status') };

/** So many deaths in random order: about a third at random moments, the others spread evenly over the stages and their two sides. */
export function deaths(count: number, random: Random): Death[] {
  const all: Death[] = [];
  while (all.length < count)
    for (const stage of random.shuffled([...STAGES, ...Array.from({ length: STAGES.length / 2 }, () => undefined)]))
      all.push(...(stage === undefined ? [atAnyTime()] : at(stage, random)));
  return all.slice(0, count);
}

const atAnyTime = (): Death => ({ phase: 'before', nth: 1, arrives: true });

function at(stage: Stage, random: Random): Death[] {
  const phase = random.pick(['before', 'after'] as const);
  const death = { stage, phase, nth: stage.isRepeated === true ? random.whole(1, 3) : 1, arrives: random.happens(0.5) };
  return stage.name === 'post' ? [death, { ...death, stage: ASK, nth: 1 }] : [death];
}
