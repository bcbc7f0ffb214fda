/** An access: what a task tries to do. The evaluator and the kernel both answer it with a decision. */
import type { Address } from './address.ts';
import type { EndpointOperation, Policy, Rule, SwitchName } from './model.ts';

/** `move`: a directory gets another name or place, and everything below it with it. */
export type PathOperation = 'exec' | 'read' | 'write' | 'move';

/**
 * Files that are not where their path says: a memfd, which is nowhere; one that was deleted and had this path; one in a mount that is attached to
 * nothing; one that has this path in another mount namespace.
 */
export const FILE_CLASSES = ['anonymous', 'deleted', 'detached', 'foreign'] as const;
export type FileClass = (typeof FILE_CLASSES)[number];

export type Access =
  | {
      readonly type: 'path';
      readonly operation: PathOperation;
      /** Absolute, normalised, as seen from the root of the mount namespace. */
      readonly path: string;
      /** Whether the acting user (fsuid) owns the file. */
      readonly owner: boolean;
      /** The executable that acts: for `exec` the one that calls execve, not the one being executed. */
      readonly source: string;
      /** Whether the acting task has a controlling terminal. */
      readonly terminal?: boolean;
      /** Other paths of the same file: hard links. */
      readonly otherNames?: readonly string[];
      /** Absent: a file at its path, in the mount namespace of the task. */
      readonly fileClass?: FileClass;
      /** For `exec`, what the program is told besides its own name; absent: nothing. A script's interpreter is told the script first. */
      readonly arguments?: readonly string[];
    }
  | {
      readonly type: 'network';
      /** Numbers as in socket(2): AF_INET is 2, SOCK_STREAM is 1, IPPROTO_TCP is 6. */
      readonly family: number;
      readonly socketType: number;
      readonly protocol: number;
      /** Absent where no address is named: creating a socket, or anything with a socket that is no internet socket. */
      readonly endpoint?: EndpointUse;
      readonly source: string;
      readonly terminal?: boolean;
    }
  | {
      readonly type: 'dns';
      /** The name that a query asks for, in any case, with or without a dot at its end. */
      readonly name: string;
      readonly source: string;
    }
  | {
      readonly type: 'capability';
      /** CAP_NET_RAW is 13. */
      readonly capability: number;
      readonly source: string;
    }
  | {
      readonly type: 'syscall';
      /** As in SYSCALLS. */
      readonly syscall: string;
      /** What it acts on, for the rules that name that; absent for those that do not: of one call both tell. */
      readonly path?: string;
      readonly source: string;
    }
  | {
      /** What a switch is about: tracing, mounting, executing from memory. */
      readonly type: 'switch';
      readonly switch: SwitchName;
      readonly source: string;
    };

/** An address that a socket is used with: the peer's for connect, send and accept, its own for bind and listen. */
export interface EndpointUse {
  readonly operation: EndpointOperation;
  readonly address: Address;
  /** The address's port, for accept the one that is listened at. Means nothing for protocols without ports. */
  readonly port: number;
}

/** What decided: a rule of a policy, the default of its class (the posture of an allow-list), or nothing. */
export type Decision =
  | { readonly verdict: 'allow' | 'audit' | 'block'; readonly policy: Policy; readonly rule: Rule }
  | { readonly verdict: 'audit' | 'block'; readonly posture: true }
  | { readonly verdict: 'none' };
