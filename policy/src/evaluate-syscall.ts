/** What syscall rules decide: Audit or Block. */
import type { Access, Decision } from './access.ts';
import type { Policy, SourceMatch } from './model.ts';

/** Rules for the acting program come before those for any; then Block before Audit; of equals the first is named. */
export function evaluateSyscall(
  policies: readonly Policy[],
  access: Extract<Access, { type: 'syscall' }>,
  isSource: (source: SourceMatch, program: string) => boolean,
): Decision {
  const matching = policies.flatMap((policy) =>
    policy.rules
      .filter((rule) => rule.section === 'syscalls' && rule.syscalls.includes(access.syscall))
      .filter((rule) => rule.from.length === 0 || rule.from.some((source) => isSource(source, access.source)))
      .map((rule) => ({ policy, rule })),
  );
  const sourced = matching.filter(({ rule }) => rule.from.length > 0);
  const candidates = sourced.length > 0 ? sourced : matching;
  const block = candidates.find(({ rule }) => rule.action === 'Block');
  if (block !== undefined) return { verdict: 'block', ...block };
  return candidates[0] === undefined ? { verdict: 'none' } : { verdict: 'audit', ...candidates[0] };
}
