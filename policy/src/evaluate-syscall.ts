/** What syscall rules decide: Audit or Block. */
import type { Access, Decision } from './access.ts';
import type { PathMatch, Policy, SourceMatch, SyscallRule } from './model.ts';

type Call = Extract<Access, { type: 'syscall' }>;

/** What the evaluator knows of programs and paths. */
interface Means {
  readonly isSource: (source: SourceMatch, program: string) => boolean;
  readonly covers: (match: PathMatch, path: string) => boolean;
}

/**
 * Rules for the acting program come before those for any; then Block before Audit; of equals the first is named. Where the access has a path,
 * it is judged by the rules that have one, and the deepest of these comes first of all.
 */
export function evaluateSyscall(policies: readonly Policy[], access: Call, means: Means): Decision {
  const matching = policies.flatMap((policy) =>
    policy.rules
      .filter((rule) => rule.section === 'syscalls')
      .filter((rule) => isAbout(rule, access, means))
      .map((rule) => ({ policy, rule })),
  );
  const depth = matching.reduce((most, { rule }) => Math.max(most, depthOf(rule)), 0);
  const deepest = matching.filter(({ rule }) => depthOf(rule) === depth);
  const sourced = deepest.filter(({ rule }) => rule.from.length > 0);
  const candidates = sourced.length > 0 ? sourced : deepest;
  const block = candidates.find(({ rule }) => rule.action === 'Block');
  if (block !== undefined) return { verdict: 'block', ...block };
  return candidates[0] === undefined ? { verdict: 'none' } : { verdict: 'audit', ...candidates[0] };
}

function isAbout(rule: SyscallRule, { syscall, source, path }: Call, { isSource, covers }: Means): boolean {
  if (!rule.syscalls.includes(syscall) || !(rule.from.length === 0 || rule.from.some((one) => isSource(one, source)))) return false;
  return path === undefined || rule.on === undefined ? path === rule.on : covers(rule.on, path);
}

function depthOf({ on }: SyscallRule): number {
  if (on === undefined) return 0;
  return (on.type === 'path' ? on.path : on.dir).split('/').filter((component) => component !== '').length;
}
