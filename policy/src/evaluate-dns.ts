/** The reference evaluator for DNS queries: whether a rule is about a form of the name, and how deep it is. */
import type { DnsRule } from './model.ts';

/** Whether the rule's domain is the name, or one above it. */
export function isAboutName({ domain }: DnsRule, labels: readonly string[]): boolean {
  const name = labels.join('.');
  return name === domain || name.endsWith(`.${domain}`);
}

/** How many parts the domain has: the longest is the deepest. */
export function depthOfDomain({ domain }: DnsRule): number {
  return domain.split('.').length;
}
