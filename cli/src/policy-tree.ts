/** A source and the policies that it made, for a terminal. */
import { refKey } from '@parapet/policy';
import type { MadePolicy, SourceView } from '@parapet/reconciler';
import { columns } from './columns.ts';
import { harmless } from './exit.ts';
import { conditionOf, messageOf, revisionText } from './source-table.ts';

type Condition = NonNullable<MadePolicy['status']>['conditions'][number];

/** Each policy with how far it is enforced, on how many nodes, and where it is from; what is wrong with it on a line of its own. */
export function treeText(source: SourceView, policies: readonly MadePolicy[]): string {
  const { namespace, name, status } = source;
  const head = [
    `PolicySource ${namespace}/${name}`,
    `Ready=${conditionOf(source, 'Ready')?.status ?? 'Unknown'}`,
    revisionText(status.lastAppliedRevision),
  ];
  const lines = columns(policies.map(rowOf)).split('\n');
  const branches = policies.map((policy, index) => {
    const isLast = index === policies.length - 1;
    const wrong = wrongs(policy).map((text) => `${isLast ? '   ' : '│  '}   ${harmless(text)}\n`);
    return `${isLast ? '└─ ' : '├─ '}${lines[index] ?? ''}\n${wrong.join('')}`;
  });
  return `${harmless(`${head.join('  ')}: ${messageOf(source)}`)}\n${policies.length === 0 ? '└─ no policies\n' : branches.join('')}`;
}

function rowOf(policy: MadePolicy): readonly string[] {
  const { status, place, commit } = policy;
  const nodes = status === undefined ? '-' : `${status.nodes.enforced}/${status.nodes.total} nodes`;
  return [refKey(policy), stateOf(policy, 'Enforced'), stateOf(policy, 'Degraded'), nodes, place ?? '-', commit?.slice(0, 12) ?? '-'];
}

function stateOf(policy: MadePolicy, type: Condition['type']): string {
  return `${type}=${find(policy, type)?.status ?? 'Unknown'}`;
}

/** Nodes are named once, by the condition that says why. */
function wrongs(policy: MadePolicy): readonly string[] {
  const [enforced, degraded] = [find(policy, 'Enforced'), find(policy, 'Degraded')];
  if (degraded?.status === 'True') return [`${degraded.reason}: ${degraded.message}`];
  return enforced?.status === 'False' ? [`${enforced.reason}: ${enforced.message}`] : [];
}

function find({ status }: MadePolicy, type: Condition['type']): Condition | undefined {
  return status?.conditions.find((condition) => condition.type === type);
}
