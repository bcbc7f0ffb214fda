/**
 * KubeArmor's API (`security.kubearmor.com/v1`), field by field, as TypeScript.
 * Fields marked *not enforced yet* are part of the API but refused, by name, when a policy is synthesized: never ignored.
 */
import type { Action, CAPABILITIES, HardeningName, NetworkName, PresetName } from '@parapet/policy';
import type { Inherited, WithSources } from './inherited-spec.ts';
import type { WithResources } from './resource-limits.ts';
import type { Syscalls } from './syscall-spec.ts';

/** A Linux capability as policies write it: lower case, without `cap_`. */
export type CapabilityName = (typeof CAPABILITIES)[number];

interface WithOwner {
  /**
   * The file's owner passes, everybody else does not.
   * @default false
   */
  readonly ownerOnly?: boolean;
}

interface WithTerminal {
  /**
   * `false`: whoever has a controlling terminal is refused, everybody else may. `true` tells nobody apart.
   * @default true
   */
  readonly pts?: boolean;
}

export interface ProcessPath extends Inherited, WithSources, WithOwner, WithTerminal {
  /**
   * Absolute path of an executable; symbolic links are followed in the container; it does not end in `/`.
   * @default - `execname` says which
   */
  readonly path?: string;
  /**
   * File name of an executable, in whatever directory it is.
   * @default - `path` says which
   */
  readonly execname?: string;
  /**
   * The only arguments, besides its own name, that the program may be executed with, at most 240 bytes each; whatever the action, with others
   * it is refused (with `Audit`: audited).
   * @default - any
   */
  readonly allowedArgs?: readonly string[];
}

export interface ProcessDirectory extends Inherited, WithSources, WithOwner, WithTerminal {
  /** Absolute path that ends in `/`. */
  readonly dir: string;
  /**
   * Everything below, not only direct children.
   * @default false
   */
  readonly recursive?: boolean;
}

export interface ProcessPattern extends Inherited, WithOwner {
  /** Absolute, with wildcards: `*` (no `/`), `**`, `?`, `[a-z]`, `[^a]`, `{a,b}`; `\\` before a character that means itself. */
  readonly pattern: string;
}

interface WithReadOnly {
  /**
   * Reading passes; only writing is blocked (with `Audit`: audited).
   * @default false
   */
  readonly readOnly?: boolean;
}

export interface FilePath extends Inherited, WithSources, WithOwner, WithTerminal, WithReadOnly {
  /** Absolute path of a file; symbolic links are followed in the container; it does not end in `/`. */
  readonly path: string;
}

export interface FileDirectory extends ProcessDirectory, WithReadOnly {}

export interface FilePattern extends ProcessPattern, WithReadOnly {}

export interface NetworkProtocol extends Inherited, WithSources, WithTerminal {
  /** A protocol or a socket type. */
  readonly protocol: NetworkName;
}

/** An extension of KubeArmor's API: whom internet sockets talk to. */
export interface NetworkEndpoint extends Inherited, WithSources {
  /** A block of addresses, or several: `10.0.0.0/8`, `fd00::/8`, `192.0.2.7`. */
  readonly cidr: string | readonly string[];
  /**
   * Blocks inside of `cidr` that the rule is not about.
   * @default - none
   */
  readonly except?: readonly string[];
  /**
   * Ports and ranges of ports, from 1 to 65535.
   * @default - every port
   */
  readonly ports?: readonly { readonly port: number; readonly endPort?: number }[];
  /** @default - any */
  readonly protocol?: 'tcp' | 'udp' | 'sctp';
  /**
   * What is done with the address: the peer's for `connect`, `send` and `accept` (there with the socket's own port), the socket's own otherwise.
   * @default ['connect', 'send']
   */
  readonly operations?: readonly ('connect' | 'send' | 'bind' | 'listen' | 'accept')[];
}

/** Who looks a name up, in packets to port 53. */
export interface NetworkDnsQuery extends Inherited, WithSources {
  /** A domain, like `example.com`: it and every name below it. */
  readonly domain: string;
}

export interface Capability extends Inherited, WithSources {
  /** A Linux capability in lower case, without `cap_`. */
  readonly capability: CapabilityName;
}

/** The part of a spec that says what is allowed and what is not; the same for all three kinds. */
export interface Rules extends Inherited {
  /**
   * Rules for executing files.
   * @default - none
   */
  readonly process?: Inherited & {
    readonly matchPaths?: readonly ProcessPath[];
    readonly matchDirectories?: readonly ProcessDirectory[];
    readonly matchPatterns?: readonly ProcessPattern[];
  };
  /**
   * Rules for reading and writing files.
   * @default - none
   */
  readonly file?: Inherited & {
    readonly matchPaths?: readonly FilePath[];
    readonly matchDirectories?: readonly FileDirectory[];
    readonly matchPatterns?: readonly FilePattern[];
  };
  /**
   * Rules for sockets.
   * @default - none
   */
  readonly network?: Inherited & {
    readonly matchProtocols?: readonly NetworkProtocol[];
    readonly matchEndpoints?: readonly NetworkEndpoint[];
    readonly matchDNSQueries?: readonly NetworkDnsQuery[];
  };
  /**
   * Rules for Linux capabilities.
   * @default - none
   */
  readonly capabilities?: Inherited & { readonly matchCapabilities?: readonly Capability[] };
  /**
   * System calls that are audited or blocked. Audits cost every process of the node something at every call.
   * @default - none
   */
  readonly syscalls?: Syscalls;
  /**
   * What is refused to the whole container or node, each switch by itself. Parapet's extension of the API.
   * @default - nothing, except that a container whose rules name files cannot mount
   */
  readonly hardening?: Readonly<Partial<Record<HardeningName, Action>>>;
  /** Lines for an AppArmor profile. *Not enforced yet.* */
  readonly apparmor?: string;
}

export interface Preset {
  /** What is refused; docs/semantics.md says what each means. */
  readonly name: PresetName;
  /**
   * Presets do not inherit an action.
   * @default 'Block'
   */
  readonly action?: 'Audit' | 'Block';
}

export interface MatchExpression<Key extends string> {
  readonly key: Key;
  /** `In`: one of the values is there. `NotIn`: none is. */
  readonly operator: 'In' | 'NotIn';
  /** For `label`: pairs `name=value`. For `namespace`: names. */
  readonly values: readonly string[];
}

export interface KubeArmorPolicySpec extends Rules, WithResources {
  /** Which containers of the namespace; all parts must hold. */
  readonly selector: {
    /**
     * Labels that must all be there, exactly. `kubearmor.io/container.name: '[a,b]'` names containers.
     * @default - every container of the namespace
     */
    readonly matchLabels?: Readonly<Record<string, string>>;
    /**
     * Label expressions, which must all hold.
     * @default - none
     */
    readonly matchExpressions?: readonly MatchExpression<'label'>[];
  };
  /**
   * Things that are refused to the whole container.
   * @default - none
   */
  readonly presets?: readonly Preset[];
}

export interface KubeArmorClusterPolicySpec extends Rules, WithResources {
  /**
   * Which containers of which namespaces; all expressions must hold.
   * @default - every container of every namespace
   */
  readonly selector?: { readonly matchExpressions?: readonly MatchExpression<'namespace' | 'label'>[] };
  /**
   * Things that are refused to the whole container.
   * @default - none
   */
  readonly presets?: readonly Preset[];
}

export interface KubeArmorHostPolicySpec extends Rules {
  /** Which nodes. */
  readonly nodeSelector: {
    /** Labels that must all be there. `kubernetes.io/hostname: '*'` means every node. */
    readonly matchLabels: Readonly<Record<string, string>>;
  };
}
