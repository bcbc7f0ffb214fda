/** The words of intent-level policies: what a workload may and may not do. Every method adds rules and returns the policy. */
import type { Action, HardeningName, NetworkName, PathSyscall, PolicyKind, PresetName } from '@parapet/policy';
import type { ApiObjectMetadata } from 'cdk8s';
import type { Construct } from 'constructs';
import { planAllowOnly } from './allow-only.ts';
import { callSite } from './call-site.ts';
import type { CapabilityName } from './kubearmor-spec.ts';
import { asList, readListed } from './options.ts';
import type {
  AllowOnlyOptions,
  BlockExecOptions,
  BlockOptions,
  BlockPathOptions,
  ExecOptions,
  Listed,
  PathOptions,
  RuleOptions,
} from './options.ts';
import { PolicyObject } from './policy-object.ts';
import type { Misuse } from './policy-object.ts';
import { RuleBook } from './rule-book.ts';
import type { PathDetails, RuleDetails } from './rule-book.ts';

/** Properties of every intent-level policy. */
export interface IntentProps {
  /**
   * Name, labels, annotations of the object.
   * @default - the name is the construct's id (with its parents' below the chart)
   */
  readonly metadata?: ApiObjectMetadata;
  /**
   * How serious violations are, from 1 (lowest) to 10; a rule's own counts first.
   * @default 1
   */
  readonly severity?: number;
  /**
   * Labels for people and log systems, copied to alerts; a rule's own count first.
   * @default - none
   */
  readonly tags?: readonly string[];
  /**
   * A sentence for whoever reads the alerts; a rule's own counts first.
   * @default - none
   */
  readonly message?: string;
}

type Selection = Readonly<Record<string, unknown>>;
type PathRule = Omit<PathDetails, keyof RuleOptions> & { readonly section: 'process' | 'file' };
type SyscallPathOptions = Pick<PathOptions, 'from' | 'recursive'>;
type NameRule = Pick<RuleDetails, 'action'> & { readonly section: 'network' | 'capabilities' };

/**
 * Paths are absolute; symbolic links are followed in the container. A path that ends in `/` is a directory with everything below it, or, with
 * `{ recursive: false }`, with its direct children. The deepest rule for a path counts; at the same depth a rule with `from` first; then
 * Block before Audit before Allow.
 */
export abstract class IntentPolicy extends PolicyObject {
  readonly #book: RuleBook;
  readonly #misused: Misuse[] = [];

  protected constructor(
    scope: Construct,
    id: string,
    intent: { readonly kind: PolicyKind; readonly props: IntentProps; readonly selection: Selection },
  ) {
    const book = new RuleBook();
    const { metadata, severity, tags, message } = intent.props;
    super(scope, id, {
      kind: intent.kind,
      metadata,
      spec: () => ({ severity, tags, message, ...intent.selection, ...book.render().rules }),
      ruleSources: () => book.render().sources,
    });
    this.#book = book;
  }

  /** These programs can't be executed; with `allowedArgs`, not with other arguments. */
  blockExec(...paths: Listed<string, BlockExecOptions>): this {
    return this.#paths('blockExec', paths, { section: 'process', action: 'Block' });
  }

  /** These programs can be executed, but every time raises an alert. */
  auditExec(...paths: Listed<string, ExecOptions>): this {
    return this.#paths('auditExec', paths, { section: 'process', action: 'Audit' });
  }

  /** These programs can be executed. This makes executing an allow-list: the default posture decides about every other program. */
  allowExec(...paths: Listed<string, ExecOptions>): this {
    return this.#paths('allowExec', paths, { section: 'process', action: 'Allow' });
  }

  /** These files can be neither read nor written (nor created, removed, renamed). */
  blockFiles(...paths: Listed<string, BlockPathOptions>): this {
    return this.#paths('blockFiles', paths, { section: 'file', action: 'Block' });
  }

  /** These files can be read, not written (nor created, removed, renamed). */
  readOnly(...paths: Listed<string, BlockPathOptions>): this {
    return this.#paths('readOnly', paths, { section: 'file', action: 'Block', readOnly: true });
  }

  /** Only its owner can read and write each of these files. */
  ownerOnly(...paths: Listed<string, Omit<BlockPathOptions, 'ownerOnly'>>): this {
    return this.#paths('ownerOnly', paths, { section: 'file', action: 'Block', ownerOnly: true });
  }

  /** These files can be read and written, but every time raises an alert. */
  auditFiles(...paths: Listed<string, PathOptions>): this {
    return this.#paths('auditFiles', paths, { section: 'file', action: 'Audit' });
  }

  /** These files can be read silently; writing to them passes too, but raises an alert. */
  auditWrites(...paths: Listed<string, PathOptions>): this {
    return this.#paths('auditWrites', paths, { section: 'file', action: 'Audit', readOnly: true });
  }

  /** These files can be read and written. This makes files an allow-list: the default posture decides about every other file. */
  allowFiles(...paths: Listed<string, PathOptions>): this {
    return this.#paths('allowFiles', paths, { section: 'file', action: 'Allow' });
  }

  /** These files can be read, not written. This makes files an allow-list: the default posture decides about every other file. */
  allowReads(...paths: Listed<string, PathOptions>): this {
    return this.#paths('allowReads', paths, { section: 'file', action: 'Allow', readOnly: true });
  }

  /** Sockets of these protocols or types can't be used; `all` is every socket. */
  blockNetwork(...names: Listed<NetworkName, BlockOptions>): this {
    return this.#names('blockNetwork', names, { section: 'network', action: 'Block' });
  }

  /** Sockets of these protocols or types can be used, but raise an alert. */
  auditNetwork(...names: Listed<NetworkName, RuleOptions>): this {
    return this.#names('auditNetwork', names, { section: 'network', action: 'Audit' });
  }

  /** Sockets of these protocols or types can be used. This makes network an allow-list: the default posture decides about the rest. */
  allowNetwork(...names: Listed<NetworkName, RuleOptions>): this {
    return this.#names('allowNetwork', names, { section: 'network', action: 'Allow' });
  }

  /** These capabilities can't be used, even by who has them. */
  blockCapability(...names: Listed<CapabilityName, BlockOptions>): this {
    return this.#names('blockCapability', names, { section: 'capabilities', action: 'Block' });
  }

  /** These capabilities can be used by who has them, but raise an alert. */
  auditCapability(...names: Listed<CapabilityName, RuleOptions>): this {
    return this.#names('auditCapability', names, { section: 'capabilities', action: 'Audit' });
  }

  /** These capabilities can be used by who has them. This makes capabilities an allow-list: the default posture decides about the rest. */
  allowCapability(...names: Listed<CapabilityName, RuleOptions>): this {
    return this.#names('allowCapability', names, { section: 'capabilities', action: 'Allow' });
  }

  /** These system calls raise an alert. Every process of the node pays for it at each of its calls. */
  auditSyscalls(...names: Listed<string, Pick<RuleOptions, 'from'>>): this {
    return this.#syscalls('auditSyscalls', names, 'Audit');
  }

  /** These system calls fail; only those that a hook of the kernel holds: docs/semantics.md names them. Parapet's extension of the API. */
  blockSyscalls(...names: Listed<string, Pick<RuleOptions, 'from'>>): this {
    return this.#syscalls('blockSyscalls', names, 'Block');
  }

  /**
   * These system calls raise an alert where they act on the path: of a file or, where it ends in `/`, of a directory with everything below. They
   * are those that a hook of the kernel knows the path of: docs/semantics.md says what is told of each.
   */
  auditSyscallsOn(path: string, ...names: Listed<PathSyscall, SyscallPathOptions>): this {
    const { items, options } = readListed<PathSyscall, SyscallPathOptions>(names);
    this.#check('auditSyscallsOn', items, { from: options.from, unlessFrom: undefined });
    if (options.recursive !== undefined && !path.endsWith('/'))
      this.misuse("auditSyscallsOn: recursive is for directories: a directory's path ends in /");
    this.#book.addSyscallPath(path, items, { recursive: options.recursive, from: asList(options.from), site: callSite() });
    return this;
  }

  /**
   * Ways into the kernel and other processes, for the whole container or node: `harden({ ptrace: 'Block', bpf: 'Audit' })`. `mounts: 'Allow'`
   * lets a container mount though rules name files, `ptrace: 'Allow'` lets it trace though rules name sources. Parapet's extension of KubeArmor's API.
   */
  harden(switches: Readonly<Partial<Record<HardeningName, Action>>>): this {
    const site = callSite();
    const said = Object.entries(switches) as [HardeningName, Action | undefined][];
    if (said.length === 0) this.misuse('harden: nothing is named');
    for (const [name, action] of said) if (action !== undefined) this.#book.harden(name, { action, site });
    return this;
  }

  /** What these presets are about is refused to the whole container. */
  blockPresets(...names: readonly PresetName[]): this {
    return this.#presets('blockPresets', names, 'Block');
  }

  /** What these presets are about passes, with an alert. */
  auditPresets(...names: readonly PresetName[]): this {
    return this.#presets('auditPresets', names, 'Audit');
  }

  /**
   * Nothing but this. Programs and files that no rule names are blocked by a rule for `/` that every other rule beats, so further methods
   * (and other policies for the same container) add to what is allowed. About other sockets and capabilities the node's default
   * posture decides, since KubeArmor's API has no rule for "all others" there.
   */
  allowOnly(options: AllowOnlyOptions): this {
    const { lists, rules } = planAllowOnly(options);
    if (lists.size === 0) this.misuse('allowOnly: nothing is named');
    for (const [section, items] of lists) {
      this.#book.markAllowList(section);
      if (items.length === 0) this.misuse(`allowOnly: the list for ${section} is empty; to forbid all of it, use a block method`);
    }
    const site = callSite();
    for (const rule of rules) {
      if (rule.section === 'network' || rule.section === 'capabilities')
        this.#book.addName(rule.section, rule.item, { ...rule.details, site });
      else this.#book.addPath(rule.section, rule.item, { ...rule.details, site });
    }
    return this;
  }

  protected override misuses(): readonly Misuse[] {
    return this.#misused;
  }

  #syscalls(method: string, names: Listed<string, Pick<RuleOptions, 'from'>>, action: 'Audit' | 'Block'): this {
    const { items, options } = readListed<string, Pick<RuleOptions, 'from'>>(names);
    this.#check(method, items, { from: options.from, unlessFrom: undefined });
    this.#book.addSyscalls(items, { action, from: asList(options.from), site: callSite() });
    return this;
  }

  #presets(method: string, names: readonly PresetName[], action: 'Audit' | 'Block'): this {
    if (names.length === 0) this.misuse(`${method}: nothing is named`);
    const site = callSite();
    for (const name of names) this.#book.addPreset(name, { action, site });
    return this;
  }

  #paths(method: string, listed: Listed<string, BlockExecOptions>, { section, ...rule }: PathRule): this {
    const { items, options } = readListed<string, BlockExecOptions>(listed);
    const { unlessFrom, from, ...details } = options;
    this.#check(method, items, { from, unlessFrom });
    if (options.recursive !== undefined && !items.every((path) => path.endsWith('/'))) {
      this.misuse(`${method}: recursive is for directories: a directory's path ends in /`);
    }
    if (options.allowedArgs?.length === 0) this.misuse(`${method}: allowedArgs is an empty list, which would mean any argument`);
    const site = callSite();
    for (const path of items) this.#book.addPath(section, path, { ...details, ...rule, from: asList(from), site });
    if (rule.action === 'Allow') this.#book.markAllowList(section);
    if (unlessFrom === undefined) return this;
    this.#book.markException(section, site);
    const { recursive, severity, tags, message } = details;
    for (const path of items) {
      this.#book.addPath(section, path, { recursive, severity, tags, message, action: 'Allow', from: asList(unlessFrom), site });
    }
    return this;
  }

  #names(method: string, listed: Listed<string, BlockOptions>, { section, action }: NameRule): this {
    const { items, options } = readListed<string, BlockOptions>(listed);
    const { unlessFrom, from, ...details } = options;
    this.#check(method, items, { from, unlessFrom });
    const site = callSite();
    for (const name of items) this.#book.addName(section, name, { ...details, action, from: asList(from), site });
    if (action === 'Allow') this.#book.markAllowList(section);
    if (unlessFrom === undefined) return this;
    this.#book.markException(section, site);
    for (const name of items) this.#book.addName(section, name, { ...details, action: 'Allow', from: asList(unlessFrom), site });
    return this;
  }

  #check(
    method: string,
    items: readonly string[],
    { from, unlessFrom }: { from: RuleOptions['from']; unlessFrom: BlockOptions['unlessFrom'] },
  ): void {
    if (items.length === 0) this.misuse(`${method}: nothing is named`);
    if (from !== undefined && unlessFrom !== undefined) this.misuse(`${method}: from and unlessFrom exclude each other`);
    if (from !== undefined && asList(from).length === 0) this.misuse(`${method}: from is an empty list, which would mean any program`);
    if (unlessFrom !== undefined && asList(unlessFrom).length === 0) this.misuse(`${method}: unlessFrom is an empty list`);
  }

  /** Makes `app.synth()` fail with this message and the author's line. */
  protected misuse(message: string): void {
    this.#misused.push({ site: callSite(), message });
  }
}
