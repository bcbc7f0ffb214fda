/** Keys of `Table.sites`: the places in a table that can give a verdict. */
import type { PathOperation } from './access.ts';
import type { NetworkName } from './model.ts';

export type PathSite = 'exact' | 'child' | 'deep';

/** The cell of a verdict word that says what happens to a query for the name of its node. */
export const DNS_CELL = { operation: 'read', owner: false } as const;

/** The key of a cell of a verdict word. `node` is relative to the table; `source` is a source class, 0 for rules of any source. */
export function siteKey(cell: { node: number; site: PathSite; source: number; operation: PathOperation; owner: boolean }): string {
  return `${cell.site}/${cell.node}/${cell.source}/${cell.operation}/${cell.owner ? 'owner' : 'other'}`;
}

/** The key of a rule for addresses: its number in the table. */
export function endpointSiteKey(number: number): string {
  return `endpoint/${number}`;
}

/** The key of a bit of the flat rules. `what` is a network name or a capability number. */
export function flatSiteKey(bit: { source: number; what: NetworkName | number; verdict: 'allow' | 'audit' | 'block' }): string {
  return `flat/${bit.source}/${bit.what}/${bit.verdict}`;
}
