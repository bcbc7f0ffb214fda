/** Random domains and queries, for fast-check: few parts, so that queries meet rules; some as long as they may be. */
import fc from 'fast-check';

const LONG = 'l'.repeat(63);
const label = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'com', 'svc') },
  fc.constantFrom('cluster', 'local', 'n'.repeat(24), LONG),
);
const SUFFIXES = ['', '', '', '', '.cluster.local', '.svc.cluster.local', '.shop.svc.cluster.local', '.a.b.svc.cluster.local'];

/** As a rule has it. */
export const domain: fc.Arbitrary<string> = fc
  .array(label, { minLength: 1, maxLength: 4 })
  .map((labels) => labels.join('.'))
  .filter((name) => name.length <= 253);

/** A name that is looked up: near one of the domains, or any; in any case, perhaps with the suffix of a search list and a dot. */
export function nameNear(domains: readonly string[]): fc.Arbitrary<string> {
  const base = domains.length === 0 ? domain : fc.oneof(fc.constantFrom(...domains), domain);
  return fc
    .record({
      base,
      below: fc.array(label, { maxLength: 3 }),
      suffix: fc.constantFrom(...SUFFIXES),
      dot: fc.boolean(),
      upper: fc.boolean(),
    })
    .map(({ base: at, below, suffix, dot, upper }) => {
      const name = `${[...below, at].join('.')}${suffix}${dot ? '.' : ''}`;
      return upper ? name.toUpperCase() : name;
    })
    .filter((name) => name.length <= 253);
}
