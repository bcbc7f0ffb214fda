/** Which nodes do not hold a policy, by name: looked up only for the few policies that need it, in one pass over what the nodes say. */
import { eachEntry, slotSet, standingOf } from './fold-state.ts';
import type { FoldNode, Groups, Slot } from './fold-state.ts';
import { MAX_NAMED } from './policy-status.ts';
import type { NamedNode, NodeGroup } from './policy-status.ts';
import type { Sayings } from './sayings.ts';

export const NOBODY: NodeGroup = { count: 0, named: [] };

interface Search {
  readonly slot: Slot;
  readonly pending: number;
  readonly named: { readonly degraded: NamedNode[]; readonly rejected: NamedNode[]; readonly pending: NamedNode[] };
  /** The last node that said something of it that is not pending. */
  seen: FoldNode | undefined;
}

/** The groups of each of `slots`, whose counts must be right. `nodes` are those that count, by name. */
export function findNames(sought: readonly Slot[], nodes: readonly FoldNode[], sayings: Sayings): ReadonlyMap<Slot, Groups> {
  const slots = slotSet(sought);
  const searches = new Map(sought.map((slot) => [slot.number, searchOf(slot, nodes.length)]));
  let open = [...searches.values()].filter((search) => !isDone(search));
  for (const node of nodes) {
    if (open.length === 0) break;
    eachEntry(node, slots, (number, saying) => {
      const search = searches.get(number);
      if (search !== undefined) look(search, node, sayings.get(saying));
    });
    for (const search of open) if (search.seen !== node) add(search.named.pending, { node: node.name, message: '' });
    open = open.filter((search) => !isDone(search));
  }
  return new Map([...searches.values()].map(({ slot, pending, named }) => [slot, groupsOf(slot, pending, named)]));
}

function searchOf(slot: Slot, nodes: number): Search {
  const pending = nodes - slot.enforced - slot.degraded - slot.rejected;
  return { slot, pending, named: { degraded: [], rejected: [], pending: [] }, seen: undefined };
}

function look(search: Search, node: FoldNode, saying: ReturnType<Sayings['get']>): void {
  const { policy } = search.slot;
  const standing = policy === undefined ? 'outdated' : standingOf(policy, saying);
  if (standing === 'pending' || standing === 'outdated') return;
  search.seen = node;
  if (standing !== 'enforced') add(search.named[standing], { node: node.name, message: saying.message });
}

function add(named: NamedNode[], node: NamedNode): void {
  if (named.length < MAX_NAMED) named.push(node);
}

function isDone({ slot, pending, named }: Search): boolean {
  const full = (list: readonly NamedNode[], count: number): boolean => list.length >= Math.min(count, MAX_NAMED);
  return full(named.degraded, slot.degraded) && full(named.rejected, slot.rejected) && full(named.pending, pending);
}

function groupsOf({ degraded, rejected }: Slot, pending: number, named: Search['named']): Groups {
  return {
    degraded: { count: degraded, named: named.degraded },
    rejected: { count: rejected, named: named.rejected },
    pending: { count: pending, named: named.pending },
  };
}
