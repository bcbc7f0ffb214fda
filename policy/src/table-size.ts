/** Whether a table fits into the kernel's maps. */
import { MAX_ARGUMENT_RULES, MAX_ENDPOINT_ENTRIES } from './abi.ts';
import { edgesOf } from './edges.ts';
import type { Problem } from './problem.ts';
import type { Table } from './table.ts';

/** Most trie nodes, and most words of their own for sources, that one table may have. */
export const MAX_TABLE_NODES = 200_000;
/** Source classes travel in 16 bits, and 0 means any source. */
export const MAX_TABLE_SOURCES = 65_535;
/** Most blocks of addresses that one table may have. */
export const MAX_TABLE_ENDPOINTS = 20_000;

/** Every way in which a table, with what holds for tasks with a terminal, can be too large for the kernel's maps; with the number that is. */
export function tooLarge(table: Table): Problem[] {
  const tables = table.terminal === undefined ? [table] : [table, table.terminal];
  const sum = (countIn: (one: Table) => number): number => tables.reduce((all, one) => all + countIn(one), 0);
  const longest = (lengthsIn: (one: Table) => readonly number[]): number =>
    tables.flatMap(lengthsIn).reduce((most, length) => Math.max(most, length), 0);
  const counts = [
    { count: sum((one) => edgesOf(one).edges.length), most: MAX_TABLE_NODES, what: 'components of paths and names' },
    { count: sum(wordsIn), most: MAX_TABLE_NODES, what: 'combinations of a path and a source' },
    {
      count: sum((one) => one.syscallPaths.sets.length),
      most: MAX_TABLE_NODES,
      what: 'combinations of a path, a source and a kind of system call',
    },
    { count: sum((one) => one.endpoints.length), most: MAX_TABLE_ENDPOINTS, what: 'blocks of addresses' },
    {
      count: longest((one) => one.endpoints.map(({ entries }) => entries.length)),
      most: MAX_ENDPOINT_ENTRIES,
      what: 'ranges of ports for one block of addresses',
    },
    {
      count: longest((one) => one.arguments.places.map(({ rules }) => rules.length)),
      most: MAX_ARGUMENT_RULES,
      what: 'lists of arguments for one program',
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
      hint: hintFor(what),
    }));
}

function wordsIn(table: Table): number {
  const nodes = [...table.nodes, ...table.names.nodes, ...table.dns.nodes];
  return nodes.reduce((words, node) => words + node.sources.size, table.root.sources.size);
}

function hintFor(what: string): string {
  if (what.includes('arguments')) return 'say in one rule which arguments the program may have';
  return what.includes('addresses') ? 'name wider blocks or wider ranges of ports' : 'name directories instead of single files';
}
