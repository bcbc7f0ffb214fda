/** What the methods of intent-level policies take. */
import type { NetworkName } from '@parapet/policy';
import type { CapabilityName } from './kubearmor-spec.ts';

/** Options of every rule. */
export interface RuleOptions {
  /**
   * Only what these programs do: absolute paths of executables; a trailing `/` means all of a directory and below.
   * For executing: the program that calls `execve`.
   * @default - any program
   */
  readonly from?: string | readonly string[];
  /**
   * How serious a violation is, from 1 (lowest) to 10.
   * @default - the policy's, else 1
   */
  readonly severity?: number;
  /**
   * Labels for people and log systems, copied to alerts.
   * @default - the policy's, else none
   */
  readonly tags?: readonly string[];
  /**
   * A sentence for whoever reads the alert.
   * @default - the policy's, else empty
   */
  readonly message?: string;
}

/** Options of rules that block. */
export interface Exceptions {
  /**
   * Programs for which the rule does not hold: absolute paths of executables; a trailing `/` means all of a directory
   * and below. For executing: the program that calls `execve`.
   *
   * KubeArmor's API has no exceptions, only `Allow` rules for a program, and one `Allow` makes the class an allow-list for the whole
   * container. So that it stays open, a rule that allows everything else is added (the weakest there is: every other rule beats it),
   * unless this policy makes the class an allow-list itself.
   * @default - none
   */
  readonly unlessFrom?: string | readonly string[];
}

/** Options of rules for paths. */
export interface PathOptions extends RuleOptions {
  /**
   * For directories (paths that end in `/`): everything below, not only the directory and its direct children.
   * @default true
   */
  readonly recursive?: boolean;
  /**
   * The rule spares the file's owner: others are blocked (with audit methods: audited), whatever the method allows.
   * @default false
   */
  readonly ownerOnly?: boolean;
}

/** Options of rules for programs. */
export interface ExecOptions extends PathOptions {
  /**
   * The only arguments, besides its own name, that each of these programs may be executed with: the rule spares who gives no others. At most
   * 240 bytes each. Not for directories.
   * @default - any
   */
  readonly allowedArgs?: readonly string[];
}

export type BlockExecOptions = ExecOptions & Exceptions;
export type BlockPathOptions = PathOptions & Exceptions;
export type BlockOptions = RuleOptions & Exceptions;

/** One or more of something, then options: `('/usr/bin/apt', '/usr/bin/dpkg', { severity: 7 })`. */
export type Listed<Item extends string, Options> = readonly Item[] | readonly [...Item[], Options];

/** Takes `Listed` arguments apart. */
export function readListed<Item extends string, Options extends object>(
  listed: Listed<Item, Options>,
): { items: readonly Item[]; options: Partial<Options> } {
  const given: readonly (Item | Options)[] = listed;
  const items = given.filter((item): item is Item => typeof item === 'string');
  const options = given.find((item): item is Options => typeof item === 'object');
  return { items, options: options ?? {} };
}

/** `undefined`, one or many, as a list. */
export function asList(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}

/** Options of `allowOnly`. Classes that are not named stay as they are. */
export interface AllowOnlyOptions extends Omit<RuleOptions, 'from'> {
  /**
   * Programs that may be executed; a trailing `/` means all of a directory. Where `files` or `readOnly` is given too, they may
   * also be read, which executing needs.
   * @default - executing is not restricted
   */
  readonly exec?: readonly string[];
  /**
   * Files and directories that may be read and written.
   * @default - with `readOnly`: none; else files are not restricted
   */
  readonly files?: readonly string[];
  /**
   * Files and directories that may be read, not written.
   * @default - with `files`: none; else files are not restricted
   */
  readonly readOnly?: readonly string[];
  /**
   * Protocols and socket types that may be used. What is not named is decided by the node's default posture for network.
   * @default - sockets are not restricted
   */
  readonly network?: readonly NetworkName[];
  /**
   * Capabilities that may be used. What is not named is decided by the node's default posture for capabilities.
   * @default - capabilities are not restricted
   */
  readonly capabilities?: readonly CapabilityName[];
  /**
   * What happens to programs and files that no rule names: `block` and `audit` say so in this policy; `posture` leaves it to the
   * node's default posture, as in KubeArmor.
   * @default 'block'
   */
  readonly otherwise?: 'block' | 'audit' | 'posture';
}
