/** Policies of a container that is only audited: what they would block passes, with an alert. */
import type { Policy } from './model.ts';

/** The same policies with nothing left that blocks. Each rule remembers its action as written. */
export function audited(policies: readonly Policy[]): readonly Policy[] {
  return policies.map((policy) => ({
    ...policy,
    rules: policy.rules.map((rule) => ({ ...rule, action: rule.action === 'Block' ? 'Audit' : rule.action, asWritten: rule.action })),
  }));
}
