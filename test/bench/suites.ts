/** What `npm run bench` can measure. A suite is a name and a function that gives rows; it throws when it could not measure. */
import { measureMany, measurePlanning, measurePushes } from './cluster.ts';
import { measureEvents } from './events.ts';
import { measureHooks } from './hooks.ts';
import { measureLoading } from './loading.ts';
import { measureMemory } from './memory.ts';
import type { Row } from './row.ts';
import { measureSoak } from './soak.ts';
import { measureSwaps } from './swap.ts';

export interface Suite {
  readonly name: string;
  readonly about: string;
  readonly measure: (say: (sentence: string) => void) => Promise<Row[]>;
}

export const SUITES: readonly Suite[] = [
  { name: 'hooks', about: 'instructions per run of the kernel programs, per system call, and by number of rules', measure: measureHooks },
  { name: 'loading', about: 'size of the kernel programs, and how long loading and attaching them takes', measure: measureLoading },
  { name: 'swap', about: 'how long a change of policy takes to reach 500 containers, on this machine’s own kernel', measure: measureSwaps },
  { name: 'events', about: 'how fast denials are counted, told and decoded, and whether one is missed', measure: measureEvents },
  { name: 'memory', about: 'resident memory of the agent with many containers and policies', measure: measureMemory },
  { name: 'push', about: 'from a push to the API server, with 50 policies of which one or all have changed', measure: measurePushes },
  { name: 'many', about: '1,000 policies applied, looked at again, and the memory of the reconciler', measure: measureMany },
  { name: 'plan', about: 'planning 10,000 policies', measure: measurePlanning },
  { name: 'soak', about: 'whether the memory of the reconciler is flat over 1,000 commits of 50 PolicySources', measure: measureSoak },
];
