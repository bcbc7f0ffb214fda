/**
 * A table: all policies of one container, compiled. Node ids are relative here (1 is the root of the path trie); the kernel adapter
 * relocates them to ids that are unique on the node. The kernel holds verdicts only; `sites` says which rule a verdict came from.
 */
import type { AddressBlock } from './address.ts';
import type { Automaton } from './automaton.ts';
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

/** System calls that are audited and those that are blocked. */
export interface SyscallSets {
  readonly audit: ReadonlySet<string>;
  readonly block: ReadonlySet<string>;
}

/** Paths that audited system calls act on. */
export interface SyscallPaths {
  /** The root of their trie, 0 where there is none. */
  readonly root: number;
  /** First the directory `/`, with no name; `words` have a bit for each hook that a set is for. */
  readonly nodes: readonly TableNode[];
  readonly sets: readonly SyscallPathSet[];
}

/** Calls that rules name at a node. */
export interface SyscallPathSet {
  readonly node: number;
  /** Which tells of them; see `HOOKS`. */
  readonly hook: number;
  /** Absent at the root, for all calls that any rule names at the hook. */
  readonly site?: 'exact' | 'child' | 'deep';
  /** A source class, 0 for any source. */
  readonly source: number;
  readonly names: ReadonlySet<string>;
}

/** Default verdict of a class: `none` where no Allow rule makes it an allow-list. */
export type ClassDefault = 'none' | 'audit' | 'block';

/** Which source class a program is of: the words hold classes, 0 for programs that no rule names. */
export interface SourceTrie {
  readonly root: Words;
  /** Parents before children. */
  readonly nodes: readonly SourceNode[];
  /** How many classes there are: 1 up to this. */
  readonly classes: number;
}

export interface SourceNode {
  /** 0: the root; else one more than the index of the parent. */
  readonly parent: number;
  readonly name: Uint8Array;
  readonly words: Words;
}

/** All patterns of a table. */
export interface PatternTable {
  readonly automaton: Automaton;
  /** What each set of patterns that the automaton accepts says, in order. */
  readonly verdicts: readonly PatternVerdict[];
}

/** A verdict word, and how many components there are before the wildcards of the patterns that give its verdicts. */
export interface PatternVerdict {
  readonly word: number;
  readonly processDepth: number;
  readonly fileDepth: number;
}

/** Which arguments programs may be executed with. */
export interface ArgumentTable {
  readonly lists: readonly { readonly id: number; readonly allowed: readonly Uint8Array[]; readonly empty: boolean }[];
  readonly places: readonly ArgumentPlace[];
}

/** A node of the tries of paths and names, where a rule of this source class that decides has more to say. */
export interface ArgumentPlace {
  readonly node: number;
  readonly source: number;
  /** All of them must be content. */
  readonly rules: readonly ArgumentRule[];
}

export interface ArgumentRule {
  /** The list that the arguments must be in. */
  readonly list: number;
  /** What the rule says otherwise, as in `VERDICT`. */
  readonly refusal: number;
  readonly ownerOnly: boolean;
}

export interface Table {
  /** The root's words (the directory `/`). */
  readonly root: { readonly words: Words; readonly sources: ReadonlyMap<number, Words> };
  /** Every other node, parents before children. */
  readonly nodes: readonly TableNode[];
  /** The trie of domain names, top-level domain first; its root is one of its nodes' parents. */
  readonly dns: { readonly root: number; readonly nodes: readonly TableNode[]; readonly unreadable: ClassDefault };
  /** Names of executables, under a root of their own: `exact` is the word of each. No root where there is none. */
  readonly names: { readonly root: number; readonly nodes: readonly TableNode[] };
  readonly arguments: ArgumentTable;
  readonly patterns?: PatternTable;
  readonly sources: SourceTrie;
  /** What holds instead for tasks with a controlling terminal; there only where a rule tells them apart. Its sources and patterns are the same. */
  readonly terminal?: Table;
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
  /** Verdicts of the switches, two bits each; see SWITCH. */
  readonly switches: bigint;
  /** System calls by source class, 0 for any source. */
  readonly syscalls: ReadonlyMap<number, SyscallSets>;
  readonly syscallPaths: SyscallPaths;
  /** Policies in force, for status and alerts. */
  readonly policies: readonly Policy[];
  /** From a verdict's site (see `siteKey`) to the rule that gave it. Nodes of `terminal` are counted on from this table's ids. */
  readonly sites: ReadonlyMap<string, { readonly policy: Policy; readonly rule: Rule }>;
}
