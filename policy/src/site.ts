/** Keys of `Table.sites`: the places in a table that can give a verdict. */
import type { PathOperation } from './access.ts';
import type { NetworkName, SwitchName } from './model.ts';

const PATH_SITES = ['exact', 'child', 'deep', 'pattern', 'execname', 'arguments'] as const;
export type PathSite = (typeof PATH_SITES)[number];

/** The cell of a verdict word that says what happens to a query for the name of its node. */
export const DNS_CELL = { operation: 'read', owner: false } as const;

/** Whether a verdict came from a rule about a path. */
export function isPathSite(site: string): site is PathSite {
  return (PATH_SITES as readonly string[]).includes(site);
}

/**
 * The key of a cell of a verdict word. `node` is relative to the table, and for patterns the index of what the automaton accepts;
 * `source` is a source class, 0 for rules of any source.
 */
export function siteKey(cell: { node: number; site: PathSite; source: number; operation: PathOperation; owner: boolean }): string {
  return `${cell.site}/${cell.node}/${cell.source}/${cell.operation}/${cell.owner ? 'owner' : 'other'}`;
}

/** The key of a rule for addresses: its number in the table. */
export function endpointSiteKey(number: number): string {
  return `endpoint/${number}`;
}

/** The key of the same place in the table for tasks with a terminal, whose nodes are counted on from `offset`. */
export function terminalSiteKey(key: string, offset: number): string {
  const [site = '', node, ...rest] = key.split('/');
  if (isPathSite(site)) return site === 'pattern' ? key : [site, Number(node) + offset, ...rest].join('/');
  return `terminal/${key}`;
}

/** The key of a bit of the flat rules. `what` is a network name or a capability number. See `terminalSiteKey` for the other table's. */
export function flatSiteKey(bit: { source: number; what: NetworkName | number; verdict: 'allow' | 'audit' | 'block' }): string {
  return `flat/${bit.source}/${bit.what}/${bit.verdict}`;
}

/** The key of a switch. */
export function switchSiteKey(at: { which: SwitchName; verdict: 'allow' | 'audit' | 'block' }): string {
  return `switch/${at.which}/${at.verdict}`;
}

/** The key of a system call. */
export function syscallSiteKey(at: { source: number; syscall: string; verdict: 'audit' | 'block' }): string {
  return `syscall/${at.source}/${at.syscall}/${at.verdict}`;
}

/** The key of a system call on a path. */
export function syscallPathSiteKey(at: { node: number; site: 'exact' | 'child' | 'deep'; source: number; syscall: string }): string {
  return `syscall-path/${at.site}/${at.node}/${at.source}/${at.syscall}`;
}
