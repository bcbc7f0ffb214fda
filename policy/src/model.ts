/**
 * The model: what a policy says once it is parsed, validated and its inherited values are filled in.
 * KubeArmor's API (`security.kubearmor.com/v1`) is the input; nothing here is specific to an enforcer.
 */

import type { AddressBlock } from './address.ts';
import type { Resources } from './resources.ts';

export const API_VERSION = 'security.kubearmor.com/v1';

export type PolicyKind = 'KubeArmorPolicy' | 'KubeArmorClusterPolicy' | 'KubeArmorHostPolicy';

export type Action = 'Allow' | 'Audit' | 'Block';

/** What happens to an operation that no rule of an allow-listed class matches. */
export type Posture = 'audit' | 'block';

/** The classes that have a posture. Process rules share the file posture, as in KubeArmor. */
export interface Postures {
  readonly file: Posture;
  readonly network: Posture;
  readonly capabilities: Posture;
}

export const DEFAULT_POSTURES: Postures = { file: 'audit', network: 'audit', capabilities: 'audit' };

/** The posture of a section's class. */
export function postureOf(section: ListedSection, postures: Postures): Posture {
  if (section === 'process') return postures.file;
  return section === 'dns' ? postures.network : postures[section];
}

export interface Policy {
  readonly kind: PolicyKind;
  /** Empty for cluster and host policies. */
  readonly namespace: string;
  readonly name: string;
  readonly target: Target;
  readonly rules: readonly Rule[];
  /** Limits of every container that the policy is for. */
  readonly resources?: Resources;
  readonly provenance: Provenance;
}

/** Which containers (or nodes) a policy is for. All parts must hold. */
export interface Target {
  /** Namespaces by name; `undefined` means all. */
  readonly namespaces?: { readonly operator: 'In' | 'NotIn'; readonly values: readonly string[] };
  /** Labels that must all be there, exactly. */
  readonly labels: Readonly<Record<string, string>>;
  /** `label` expressions: In = any of these `key=value` pairs is there, NotIn = none is. */
  readonly expressions: readonly LabelExpression[];
  /** Container names; empty means every container. From `kubearmor.io/container.name`. */
  readonly containers: readonly string[];
}

export interface LabelExpression {
  readonly operator: 'In' | 'NotIn';
  /** `key=value` pairs. */
  readonly values: readonly string[];
}

/** Where a policy was written; travels as annotations (see provenance.ts). */
export interface Provenance {
  readonly repository?: string;
  readonly commit?: string;
  /** `main.ts:12` */
  readonly source?: string;
  /** Field of a rule, for example `spec.process.matchPaths[0]`, to where it was written. */
  readonly rules: Readonly<Record<string, string>>;
}

interface RuleCommon {
  /** The field that says it: `spec.process.matchPaths[0]`. Names the rule in alerts and problems. */
  readonly field: string;
  readonly action: Action;
  /** The action as written, in a container that is only audited: then nothing that the rule says blocks. See audited.ts. */
  readonly asWritten?: Action;
  /** 1 (lowest) to 10. */
  readonly severity: number;
  readonly tags: readonly string[];
  readonly message: string;
  /** The programs whose operations the rule is about; empty means any. */
  readonly from: readonly SourceMatch[];
  /** `pts: false`: whoever has a controlling terminal is refused, whoever has none may. */
  readonly noTerminal?: boolean;
}

/** The absolute path of an executable, or all executables in a directory, which ends in `/`. Recursive: also below it. */
export type SourceMatch = string | { readonly dir: string; readonly recursive: boolean };

/** A path, everything in a directory, or what a pattern matches. */
export type FileMatch =
  | { readonly type: 'path'; readonly path: string }
  /** `dir` ends in `/`. Not recursive: the directory and its direct children. */
  | { readonly type: 'directory'; readonly dir: string; readonly recursive: boolean }
  /** Has at least one wildcard; how patterns are written is told in glob.ts. */
  | { readonly type: 'pattern'; readonly pattern: string };

/** For executing also a file's name, in whatever directory it is. */
export type ProcessMatch = FileMatch | { readonly type: 'name'; readonly name: string };
export type PathMatch = ProcessMatch;

export interface ProcessRule extends RuleCommon {
  readonly section: 'process';
  readonly match: ProcessMatch;
  readonly ownerOnly: boolean;
  /** The only arguments, besides its own name, that the program may be executed with; absent: any. */
  readonly allowedArgs?: readonly string[];
}

export interface FileRule extends RuleCommon {
  readonly section: 'file';
  readonly match: FileMatch;
  readonly ownerOnly: boolean;
  readonly readOnly: boolean;
}

export interface NetworkRule extends RuleCommon {
  readonly section: 'network';
  readonly protocol: NetworkName;
}

/** A rule about whom sockets talk to (an extension of KubeArmor's API). It says more than a rule for a protocol, and wins over it. */
export interface EndpointRule extends RuleCommon {
  readonly section: 'network';
  readonly endpoint: EndpointMatch;
}

export interface EndpointMatch {
  readonly block: AddressBlock;
  /** Blocks inside of `block` that the rule is not about. */
  readonly except: readonly AddressBlock[];
  /** Empty means every port, and also what has no ports. */
  readonly ports: readonly PortRange[];
  readonly protocol: EndpointProtocol;
  readonly operations: readonly EndpointOperation[];
}

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export const ENDPOINT_PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;
export type EndpointProtocol = (typeof ENDPOINT_PROTOCOLS)[number] | 'any';

/** What can be done with an address, in the order of `enum endpoint_op` in bpf/abi.h. Who may connect may also send. */
export const ENDPOINT_OPERATIONS = ['connect', 'send', 'bind', 'listen', 'accept'] as const;
export type EndpointOperation = (typeof ENDPOINT_OPERATIONS)[number];

/** A rule about names that are looked up. Its own class, since KubeArmor makes DNS an allow-list of its own. */
export interface DnsRule extends RuleCommon {
  readonly section: 'dns';
  /** Lower case, without a dot at its end: `example.com`, which is about every name below it too. */
  readonly domain: string;
}

export interface CapabilityRule extends RuleCommon {
  readonly section: 'capabilities';
  /** Lower case, without `cap_`: `net_raw`. */
  readonly capability: string;
}

/** A switch of `spec.hardening` or `spec.presets`: about the whole container, whatever the program. */
export interface SwitchRule extends RuleCommon {
  readonly section: SwitchSection;
  readonly switch: SwitchName;
}

export interface SyscallRule extends RuleCommon {
  readonly section: 'syscalls';
  /** Names as in SYSCALLS. */
  readonly syscalls: readonly string[];
  /** Only where they act on this; absent: whatever they act on. */
  readonly on?: Exclude<FileMatch, { readonly type: 'pattern' }>;
}

export type Rule = ProcessRule | FileRule | NetworkRule | EndpointRule | CapabilityRule | DnsRule | SyscallRule | SwitchRule;
export type Section = Rule['section'];
/** Sections whose rules list what they are about; an Allow rule makes an allow-list of them. */
export type ListedSection = Exclude<Section, SwitchSection | 'syscalls'>;

export type SwitchSection = 'hardening' | 'presets';
/** What `spec.hardening` can refuse. */
export const HARDENING_NAMES = ['ptrace', 'mounts', 'modules', 'bpf', 'perf', 'userNamespaces', 'ioUring'] as const;
/** KubeArmor's presets. */
export const PRESET_NAMES = ['filelessExec', 'anonymousMapExec', 'protectEnv', 'exec', 'protectProc'] as const;
export type HardeningName = (typeof HARDENING_NAMES)[number];
export type PresetName = (typeof PRESET_NAMES)[number];
export type SwitchName = HardeningName | PresetName;

/** Protocols and socket types a network rule can name, in the order of `enum net_name` in bpf/abi.h. */
// prettier-ignore
export const NETWORK_NAMES = [
  'tcp', 'udp', 'icmp', 'icmpv6', 'sctp', 'stream', 'dgram', 'raw', 'rdm', 'seqpacket', 'dccp', 'packet', 'all',
] as const;
export type NetworkName = (typeof NETWORK_NAMES)[number];

/** What selectors look at. The node itself is the workload `{ host: true }`. */
export interface Workload {
  readonly host: boolean;
  readonly namespace: string;
  /** The container's name (not its id). */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}
