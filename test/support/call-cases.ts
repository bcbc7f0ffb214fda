/** Random system calls for rules and accesses, for fast-check: of the whole enumeration, and few in one case, so that rules meet accesses. */
import fc from 'fast-check';
import { PATH_SYSCALLS, SYSCALLS } from '@parapet/policy';
import type { Policy, Rule } from '@parapet/policy';

/** Calls of one case. */
const FEW = 6;

/** What rules name before a case has its calls: their places among these. */
export const PLACES: readonly string[] = Array.from({ length: FEW }, (_, place) => `#${place}`);

const callsOf = (names: readonly string[]): fc.Arbitrary<string[]> =>
  fc.array(fc.constantFrom(...names), { minLength: FEW, maxLength: FEW, size: 'max' });

/** The same rules with calls instead of places: calls on paths for rules that have a path. */
export function withCalls<R extends readonly Rule[]>(rules: fc.Arbitrary<R>): fc.Arbitrary<Rule[]> {
  return fc.tuple(rules, callsOf(SYSCALLS), callsOf(PATH_SYSCALLS)).map(([all, calls, pathCalls]) =>
    all.map((rule) => {
      if (rule.section !== 'syscalls') return rule;
      const from = rule.on === undefined ? calls : pathCalls;
      return { ...rule, syscalls: [...new Set(rule.syscalls.map((place) => from[PLACES.indexOf(place)] ?? place))] };
    }),
  );
}

/** A call that a rule of these names, one beside it in the enumeration, or any. */
export function callNear(set: readonly Policy[], { onPath }: { readonly onPath: boolean }): fc.Arbitrary<string> {
  const all: readonly string[] = onPath ? PATH_SYSCALLS : SYSCALLS;
  const rules = set.flatMap((policy) => policy.rules).filter((rule) => rule.section === 'syscalls');
  const named = rules.filter(({ on }) => (on !== undefined) === onPath).flatMap(({ syscalls }) => syscalls);
  const any = fc.constantFrom(...all);
  if (named.length === 0) return any;
  const beside = fc
    .tuple(fc.constantFrom(...named), fc.constantFrom(-1, 1))
    .map(([name, step]) => all[(all.indexOf(name) + step + all.length) % all.length]!);
  return fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...named) }, { weight: 2, arbitrary: beside }, { weight: 1, arbitrary: any });
}
