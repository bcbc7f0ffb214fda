/** How long a change of policy takes to reach 500 containers, with this machine's own kernel maps. */
import { performance } from 'node:perf_hooks';
import { DEFAULT_POSTURES, parsePolicy } from '@parapet/policy';
import type { Policy, Workload } from '@parapet/policy';
import { Enforcement } from '../../agent/src/enforcement.ts';
import type { Container } from '../../agent/src/ports.ts';
import { openNativeEnforcer } from '../support/native-enforcer.ts';
import type { NativeEnforcer } from '../support/native-enforcer.ts';
import { row } from './row.ts';
import type { Row } from './row.ts';

const CONTAINERS = 500;
const POLICIES = 100;
const CHANGES = 200;
const GOAL_MS = 100;

const HOST: Workload = { host: true, namespace: '', name: 'bench', labels: {} };

/**
 * Measures from a new set of policies to every container under the new table and the old one deleted: selection, compilation, encoding,
 * maps, barrier. `alike`: all containers have the same policies, and one of them changes. `unalike`: 100 policies, each for five
 * containers and one for all, which changes: 100 different tables are replaced at once.
 */
export async function measureSwaps(): Promise<Row[]> {
  const alike = await measure([...Array<number>(POLICIES).keys()].map((number) => policy(number, {})));
  const groups = [...Array<number>(POLICIES).keys()].map((number) => policy(number, { group: `g${number}` }));
  const unalike = await measure([...groups, policy(POLICIES, {})]);
  return [
    ...rowsOf(`policy change, ${CONTAINERS} containers alike under ${POLICIES} policies`, alike),
    ...rowsOf(`policy change, ${CONTAINERS} containers in ${POLICIES} groups`, unalike),
  ];
}

function rowsOf(name: string, times: readonly number[]): Row[] {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
  return [row(`${name}, p50`, [at(0.5), 'ms']), row(`${name}, p99`, [at(0.99), 'ms'], { atMost: GOAL_MS })];
}

async function measure(policies: readonly Policy[]): Promise<readonly number[]> {
  const native = openNativeEnforcer();
  const enforcement = new Enforcement({
    enforcer: native.enforcer,
    host: HOST,
    postures: DEFAULT_POSTURES,
    onChange: () => undefined,
    onInForce: () => undefined,
  });
  try {
    const containers = [...Array<number>(CONTAINERS).keys()].map(container);
    enforcement.setContainers(containers);
    enforcement.setPolicies(policies);
    await enforcement.idle();
    const times: number[] = [];
    for (let change = 1; change <= CHANGES; change += 1) {
      const next = [...policies.slice(0, -1), policy(policies.length - 1, { change })];
      const before = wordsOf(native, containers);
      const begun = performance.now();
      enforcement.setPolicies(next);
      await enforcement.idle();
      times.push(performance.now() - begun);
      expectChanged(before, wordsOf(native, containers));
    }
    return times;
  } finally {
    await enforcement.close();
    await native.enforcer.close({ keep: true });
    native.close();
  }
}

/** Of every twentieth container: reading costs more than swapping. */
function wordsOf(native: NativeEnforcer, containers: readonly Container[]): readonly (bigint | undefined)[] {
  return containers.filter((_, at) => at % 20 === 0).map(({ cgroup }) => native.wordOf(cgroup));
}

function expectChanged(before: readonly (bigint | undefined)[], after: readonly (bigint | undefined)[]): void {
  const same = after.filter((word, at) => word === undefined || word === before[at]).length;
  if (same > 0) throw new Error(`${same} containers have no new table`);
}

function container(number: number): Container {
  const labels = { app: 'web', group: `g${number % POLICIES}` };
  const workload = { host: false, namespace: 'shop', name: `c${number}`, labels };
  return { id: `c${number}`, runtimeNamespace: 'bench', image: 'bench', cgroup: BigInt(number + 1000), pid: number + 1, workload };
}

/** Ten rules, for the containers of one group or for all. */
function policy(number: number, { group, change = 0 }: { readonly group?: string; readonly change?: number }): Policy {
  const matchPaths = [...Array<number>(8).keys()].map((rule) => ({ path: `/srv/p${number}/data/file-${rule}-${change}` }));
  const { policy: parsed, problems } = parsePolicy(
    {
      apiVersion: 'security.kubearmor.com/v1',
      kind: 'KubeArmorPolicy',
      metadata: { name: `p${number}`, namespace: 'shop' },
      spec: {
        selector: { matchLabels: { app: 'web', ...(group === undefined ? {} : { group }) } },
        file: { matchPaths, matchDirectories: [{ dir: `/srv/p${number}/secret/`, recursive: true }] },
        network: { matchProtocols: [{ protocol: 'raw', fromSource: [{ path: `/usr/bin/p${number}` }] }] },
      },
    },
    {},
  );
  if (parsed === undefined) throw new Error(JSON.stringify(problems));
  return parsed;
}
