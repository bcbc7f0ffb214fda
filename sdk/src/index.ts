/** @parapet/sdk: what a policy program imports. */
export { ClusterPolicy } from './cluster-policy.ts';
export type { ClusterPolicyProps } from './cluster-policy.ts';
export { ContainerPolicy } from './container-policy.ts';
export type { ContainerPolicyProps } from './container-policy.ts';
export { HostPolicy } from './host-policy.ts';
export type { HostPolicyProps } from './host-policy.ts';
export { IntentPolicy } from './intent-policy.ts';
export type { IntentProps } from './intent-policy.ts';
export { KubeArmorClusterPolicy, KubeArmorHostPolicy, KubeArmorPolicy } from './kubearmor.ts';
export type { KubeArmorClusterPolicyProps, KubeArmorHostPolicyProps, KubeArmorPolicyProps } from './kubearmor.ts';
export type { FromSource, Inherited } from './inherited-spec.ts';
export type * from './kubearmor-spec.ts';
export type * from './resource-limits.ts';
export type {
  AllowOnlyOptions,
  BlockExecOptions,
  BlockOptions,
  BlockPathOptions,
  Exceptions,
  ExecOptions,
  Listed,
  PathOptions,
  RuleOptions,
} from './options.ts';
export { CONSTRUCT_ANNOTATION, PolicyObject } from './policy-object.ts';
export type { LabelSelection, LabelValues } from './selection.ts';
export type * from './syscall-spec.ts';
export { Policies, policyMatchers } from './testing.ts';
export type { Attempt, PolicyMatchers, Question } from './testing.ts';
export { CAPABILITIES, NETWORK_NAMES, PATH_SYSCALLS } from '@parapet/policy';
export type { Action, Decision, NetworkName, PathSyscall, Postures, Workload } from '@parapet/policy';
