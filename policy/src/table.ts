/**
 * A table: all policies of one container, compiled. Node ids are relative here (1 is the root of the path trie); the kernel adapter
 * relocates them to ids that are unique on the node. The kernel holds verdicts only; `sites` says which rule a verdict came from.
 */
import type { AddressBlock } from './address.ts';
import type { EndpointOperation, EndpointProtocol, Policy, PortRange, Rule } from './model.ts';

/** Verdict words of a trie node; bit layout in bpf/abi.h. */
export interface Words {
  readonly exact: number;
  readonly child: number;
  readonly deep: number;
}

/** An edge of the component trie, whole component; the encoder cuts long names into chunks. */
export interface TableNode {
  readonly id: number;
  readonly parent: number;
  /** The component's bytes (UTF-8), 1 to 255 of them. */
  readonly name: Uint8Array;
  readonly words: Words;
  /** Source classes that have words of their own here, with those words. */
  readonly sources: ReadonlyMap<number, Words>;
}

/** Rules without a path, as bit masks over NETWORK_NAMES and capability numbers. */
export interface FlatRules {
  readonly network: { readonly allow: number; readonly audit: number; readonly block: number };
  readonly capability: { readonly allow: bigint; readonly audit: bigint; readonly block: bigint };
  /** Protocols of internet sockets that an endpoint rule lets through to some address; a bit for each, as in `ENDPOINT_PROTOCOL`. */
  readonly reachable: number;
}

/**
 * What the rules say about the addresses of a block that lie in no smaller block of the table: rules of the blocks around it included, the
 * one that wins first.
 */
export interface EndpointNode {
  readonly block: AddressBlock;
  readonly entries: readonly EndpointEntry[];
}

export interface EndpointEntry {
  /** 1 for the first entry of the table's first block, and so on. */
  readonly number: number;
  /** A source class, 0 for any source. */
  readonly source: number;
  /** Absent: every port, and what has no port. */
  readonly ports?: PortRange;
  readonly protocol: EndpointProtocol;
  readonly operations: readonly EndpointOperation[];
  readonly verdict: 'allow' | 'audit' | 'block';
}

/** Default verdict of a class: `none` where no Allow rule makes it an allow-list. */
export type ClassDefault = 'none' | 'audit' | 'block';

export interface Table {
  /** The root's words (the directory `/`). */
  readonly root: { readonly words: Words; readonly sources: ReadonlyMap<number, Words> };
  /** Every other node, parents before children. */
  readonly nodes: readonly TableNode[];
  /** The trie of domain names, top-level domain first; its root is one of its nodes' parents. */
  readonly dns: { readonly root: number; readonly nodes: readonly TableNode[]; readonly unreadable: ClassDefault };
  /** Source executables; the index plus one is the source class. */
  readonly sources: readonly string[];
  readonly flat: FlatRules;
  /** Flat rules by source class. */
  readonly sourceFlat: ReadonlyMap<number, FlatRules>;
  /** In the order of their blocks. */
  readonly endpoints: readonly EndpointNode[];
  readonly defaults: {
    readonly process: ClassDefault;
    readonly file: ClassDefault;
    readonly network: ClassDefault;
    readonly capabilities: ClassDefault;
    readonly dns: ClassDefault;
  };
  /** Policies in force, for status and alerts. */
  readonly policies: readonly Policy[];
  /** From a verdict's site (see `siteKey`) to the rule that gave it. */
  readonly sites: ReadonlyMap<string, { readonly policy: Policy; readonly rule: Rule }>;
}
