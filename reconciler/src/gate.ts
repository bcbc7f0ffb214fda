/** The gate between what a program made and everything else: which kinds, which namespaces. */
import { claimedRef, POLICY_KINDS } from '@parapet/policy';
import type { PolicyKind, Problem } from '@parapet/policy';

export interface GateRules {
  readonly kinds: readonly PolicyKind[];
  readonly namespaces: readonly string[] | 'all';
  /** Put in place of the namespace of every namespaced policy. */
  readonly targetNamespace?: string;
}

export const OPEN_GATE: GateRules = { kinds: POLICY_KINDS, namespaces: 'all' };

type Json = Readonly<Record<string, unknown>>;

/** The manifest as it may go on, in the namespace where it is to be; other manifests as they are. */
export function placed(value: unknown, { targetNamespace }: GateRules): unknown {
  if (targetNamespace === undefined || claimedRef(value)?.kind !== 'KubeArmorPolicy') return value;
  const object = value as Json;
  return { ...object, metadata: { ...(object['metadata'] as Json), namespace: targetNamespace } };
}

/** Why a policy may not pass. Anything that is no policy is for the parser to refuse. */
export function gateProblems(
  value: unknown,
  rules: GateRules,
): readonly Pick<Problem, 'code' | 'severity' | 'message' | 'hint' | 'place'>[] {
  const ref = claimedRef(value);
  if (ref === undefined) return [];
  if (!rules.kinds.includes(ref.kind)) {
    const hint = `kinds that may: ${rules.kinds.join(', ')}; spec.allow.kinds of the PolicySource says so`;
    return [refusal('kind-not-allowed', { field: 'kind', message: `this source may not have a ${ref.kind}`, hint })];
  }
  if (ref.kind !== 'KubeArmorPolicy' || rules.namespaces === 'all' || rules.namespaces.includes(ref.namespace)) return [];
  const hint = `namespaces that may: ${rules.namespaces.join(', ')}; spec.allow.namespaces of the PolicySource says so`;
  const message = `this source may not have policies in the namespace ${JSON.stringify(ref.namespace.slice(0, 253))}`;
  return [refusal('namespace-not-allowed', { field: 'metadata.namespace', message, hint })];
}

function refusal(code: 'kind-not-allowed' | 'namespace-not-allowed', said: { field: string; message: string; hint: string }): Problem {
  return { code, severity: 'error', place: { field: said.field }, message: said.message, hint: said.hint };
}
