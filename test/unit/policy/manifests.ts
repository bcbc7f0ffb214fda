/** Manifests for the parser's tests: a good one, with what a test changes. */
import { parsePolicy } from '@parapet/policy';
import type { Policy, Problem } from '@parapet/policy';

type Change = Readonly<Record<string, unknown>>;

/** A good manifest with these top-level fields instead of its own; `undefined` takes one away. */
export function manifest(change: Change): Change {
  const whole: Change = {
    apiVersion: 'security.kubearmor.com/v1',
    kind: 'KubeArmorPolicy',
    metadata: { name: 'p' },
    spec: { process: { matchPaths: [{ path: '/bin/sh' }] } },
    ...change,
  };
  return Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== undefined));
}

/** The policy of a manifest that must be good. */
export function parsed(change: Change): Policy {
  const { policy, problems } = parsePolicy(manifest(change), {});
  if (policy === undefined) throw new Error(problems.map(({ place, message }) => `${place.field}: ${message}`).join('; '));
  return policy;
}

export function problemsOf(change: Change): Problem[] {
  return parsePolicy(manifest(change), {}).problems;
}

export function errorsOf(change: Change): Problem[] {
  return problemsOf(change).filter(({ severity }) => severity === 'error');
}
