/** The kernel's algorithm for system calls on paths over the bytes of an encoded table, for tests: bpf/call_path.h. See table-walk.ts. */
import { hookNumbersTelling } from '@parapet/policy';
import { hasCall } from './switch-walk.ts';
import { componentsOf, follow } from './table-walk.ts';
import type { KernelMaps, WalkResult } from './table-walk.ts';

/** What is said of a call at the first of the hooks that tell of it: by the deepest node that has it, there first for the source. */
export function walkCall(maps: KernelMaps, access: { syscall: string; path: string }, source: number): WalkResult {
  const hook = hookNumbersTelling(access.syscall)[0] ?? 0;
  const has = (node: number, key: number): boolean => hasCall(maps.whole, { node, source: 2 ** 30 + hook * 2 ** 24 + key }, access.syscall);
  let best: WalkResult = { verdict: 0, site: 0, node: 0, source: 0 };
  if ((maps.flags & (1 << 14)) === 0 || !has(maps.callRoot, 0)) return best;
  const components = componentsOf(access.path);
  let node = follow(maps, maps.callRoot, new Uint8Array());
  for (let i = 0; node !== undefined; i += 1) {
    const { id, words } = node;
    const remaining = Math.min(components.length - i, 2);
    const isFor = ((words[remaining]! >> hook) & 1) !== 0;
    const from = (source === 0 ? [0] : [source, 0]).find((one) => isFor && has(id, (remaining + 1) * 2 ** 22 + one));
    if (from !== undefined) best = { verdict: 2, site: remaining + 1, node: id, source: from };
    const next = components[i];
    node = next === undefined ? undefined : follow(maps, id, next);
  }
  return best;
}
