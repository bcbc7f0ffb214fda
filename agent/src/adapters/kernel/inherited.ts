/** What an earlier agent's tables take of the kernel's maps. */
import { LAYOUT, MAX_ARGUMENT_RULES } from '@parapet/policy';
import type { Range } from './ids.ts';
import { readWord } from './map.ts';
import type { KernelMap } from './map.ts';

export interface Inherited {
  /** Its own, and that of what holds for tasks with a terminal. */
  readonly slots: readonly number[];
  readonly chunks: Range;
}

/** What a table that is in the kernel takes of it. */
export function inheritedFrom(slot: number, table: Uint8Array | undefined): Inherited {
  if (table === undefined) return { slots: [slot], chunks: { base: 0, count: 0 } };
  const terminal = readWord(table, LAYOUT.table.terminal);
  const count = readWord(table, LAYOUT.table.pattern_chunks) & 0xffff;
  const base = Math.max(readWord(table, LAYOUT.table.pattern_chunk) - 1, 0);
  return { slots: terminal === 0 ? [slot] : [slot, terminal], chunks: { base, count } };
}

/** The highest node id in use, so that new ones begin after it. */
export function highestId(maps: Readonly<Record<'nodes' | 'argument_rules' | 'tables', Pick<KernelMap, 'entries'>>>): number {
  let highest = 0;
  for (const { value } of maps.argument_rules.entries()) highest = Math.max(highest, ...listsIn(value));
  for (const { key, value } of maps.nodes.entries()) {
    highest = Math.max(highest, readWord(key, LAYOUT.node_key.node), readWord(value, LAYOUT.node.id));
  }
  for (const { value } of maps.tables.entries()) highest = Math.max(highest, readWord(value, LAYOUT.table.top + LAYOUT.node.id));
  return highest;
}

/** The ids of the lists of arguments that a `struct argument_rules` names. */
export function listsIn(rules: Uint8Array): readonly number[] {
  const at = (index: number): number => LAYOUT.argument_rules.rules + index * LAYOUT.argument_rule.size + LAYOUT.argument_rule.list;
  return Array.from({ length: MAX_ARGUMENT_RULES }, (_, index) => readWord(rules, at(index))).filter((list) => list !== 0);
}
