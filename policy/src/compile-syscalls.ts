/** The system calls that a container's policies audit and block, by source class. */
import type { Rule } from './model.ts';
import type { Giver } from './trie.ts';
import { syscallSiteKey } from './site.ts';
import type { SyscallSets } from './table.ts';

/** `classesOf` gives the source classes that a rule is about. Source 0 is for any program. */
export function compileSyscalls(
  givers: readonly Giver[],
  classesOf: (rule: Rule) => readonly number[],
): { syscalls: ReadonlyMap<number, SyscallSets>; sites: ReadonlyMap<string, Giver> } {
  const syscalls = new Map<number, { audit: Set<string>; block: Set<string> }>();
  const sites = new Map<string, Giver>();
  for (const giver of givers) {
    const { rule } = giver;
    if (rule.section !== 'syscalls' || rule.on !== undefined) continue;
    const verdict = rule.action === 'Block' ? 'block' : 'audit';
    for (const source of classesOf(rule)) {
      const sets = syscalls.get(source) ?? { audit: new Set(), block: new Set() };
      syscalls.set(source, sets);
      for (const syscall of rule.syscalls) {
        sets[verdict].add(syscall);
        const key = syscallSiteKey({ source, syscall, verdict });
        if (!sites.has(key)) sites.set(key, giver);
      }
    }
  }
  return { syscalls: new Map([...syscalls].sort(([a], [b]) => a - b)), sites };
}
