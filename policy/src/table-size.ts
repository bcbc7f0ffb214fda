/** Whether a table fits into the kernel's maps. */
import { MAX_ENDPOINT_ENTRIES } from './abi.ts';
import { edgesOf } from './edges.ts';
import type { Problem } from './problem.ts';
import type { Table } from './table.ts';

/** Most trie nodes, and most words of their own for sources, that one table may have. */
export const MAX_TABLE_NODES = 200_000;
/** Source classes travel in 16 bits, and 0 means any source. */
export const MAX_TABLE_SOURCES = 65_535;
/** Most blocks of addresses that one table may have. */
export const MAX_TABLE_ENDPOINTS = 20_000;

/** Every way in which a table can be too large for the kernel's maps, with the number that is. */
export function tooLarge(table: Table): Problem[] {
  const nodes = [...table.nodes, ...table.names.nodes, ...table.dns.nodes];
  const words = nodes.reduce((sum, node) => sum + node.sources.size, table.root.sources.size);
  const counts = [
    { count: edgesOf(table).edges.length, most: MAX_TABLE_NODES, what: 'components of paths and names' },
    { count: words, most: MAX_TABLE_NODES, what: 'combinations of a path and a source' },
    { count: table.endpoints.length, most: MAX_TABLE_ENDPOINTS, what: 'blocks of addresses' },
    {
      count: table.endpoints.reduce((most, { entries }) => Math.max(most, entries.length), 0),
      most: MAX_ENDPOINT_ENTRIES,
      what: 'ranges of ports for one block of addresses',
    },
    { count: table.sources.classes, most: MAX_TABLE_SOURCES, what: 'source executables' },
  ];
  return counts
    .filter(({ count, most }) => count > most)
    .map(({ count, most, what }) => ({
      code: 'table-too-large',
      severity: 'error',
      place: {},
      message: `the rules for one container need ${count} ${what}, and the kernel holds at most ${most}`,
      hint: what.includes('addresses') ? 'name wider blocks or wider ranges of ports' : 'name directories instead of single files',
    }));
}
