/** Rules for arguments while a table is built: what each place in the tries says of them, and the lists that it names. */
import type { Policy, Rule } from './model.ts';
import { siteKey } from './site.ts';
import type { ArgumentPlace, ArgumentRule, ArgumentTable } from './table.ts';
import { compareBytes, utf8 } from './utf8.ts';

interface Giver {
  readonly policy: Policy;
  readonly rule: Rule;
}

/** What one rule says of the arguments of one place, to one class of sources. */
export interface HeldArguments {
  readonly source: number;
  readonly allowed: readonly string[];
  readonly refusal: number;
  /** It is about the file's owner only: others it refuses whatever the arguments. */
  readonly ownerOnly: boolean;
  readonly giver: Giver;
}

/** A trie node with what its rules say of arguments. */
export interface ArguedNode {
  readonly id: number;
  readonly held: readonly HeldArguments[];
}

/**
 * Gives the lists of a table their ids, from `first` on: one for each node, list and refusal, in an order that does not depend on that of the
 * rules. Adds the givers to `sites`.
 */
export function argumentTable(
  nodes: readonly ArguedNode[],
  { first, sites }: { readonly first: number; readonly sites: Map<string, Giver> },
): ArgumentTable {
  const lists: ArgumentTable['lists'][number][] = [];
  const places: ArgumentPlace[] = [];
  for (const { id: node, held } of nodes) {
    const ids = new Map<string, number>();
    for (const key of [...new Set(held.map(keyOf))].sort()) {
      ids.set(key, first + lists.length);
      const { allowed, empty } = listOf(held.find((one) => keyOf(one) === key)?.allowed ?? []);
      lists.push({ id: first + lists.length, allowed, empty });
    }
    const sources = [...new Set(held.map(({ source }) => source))].sort((a, b) => a - b);
    places.push(...sources.map((source) => ({ node, source, rules: rulesOf(held, { source, ids, sites }) })));
  }
  return { lists, places };
}

function rulesOf(
  held: readonly HeldArguments[],
  { source, ids, sites }: { readonly source: number; readonly ids: ReadonlyMap<string, number>; readonly sites: Map<string, Giver> },
): readonly ArgumentRule[] {
  const rules = new Map<number, ArgumentRule>();
  for (const one of held.filter((other) => other.source === source)) {
    const list = ids.get(keyOf(one)) ?? 0;
    for (const owner of one.ownerOnly ? [true] : [true, false]) {
      const key = siteKey({ node: list, site: 'arguments', source, operation: 'exec', owner });
      if (!sites.has(key)) sites.set(key, one.giver);
    }
    const ownerOnly = one.ownerOnly && (rules.get(list)?.ownerOnly ?? true);
    rules.set(list, { list, refusal: one.refusal, ownerOnly });
  }
  return [...rules.values()].sort((a, b) => a.list - b.list);
}

/** Equal for what the kernel holds as one list. */
function keyOf({ allowed, refusal }: HeldArguments): string {
  return JSON.stringify([refusal, [...allowed].sort()]);
}

/** An empty argument has no edge in a trie: it is told apart. */
function listOf(allowed: readonly string[]): { allowed: readonly Uint8Array[]; empty: boolean } {
  const bytes = allowed.filter((argument) => argument !== '').map((argument) => utf8(argument));
  return { allowed: bytes.sort(compareBytes), empty: allowed.includes('') };
}
