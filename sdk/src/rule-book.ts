/** Collects the rules of one policy in the order they are written, each with its place, and renders them as KubeArmor's sections. */
import { CAPABILITIES } from '@parapet/policy';
import type { Action, HardeningName, ListedSection, PathSyscall, PresetName } from '@parapet/policy';
import type { FromSource } from './inherited-spec.ts';
import type { Rules } from './kubearmor-spec.ts';
import type { SyscallPath, SyscallRule } from './syscall-spec.ts';

/** The list of a section that a rule goes to. */
type RuleList = 'matchPaths' | 'matchDirectories' | 'matchProtocols' | 'matchCapabilities';

/** What is the same in rules of all sections. */
export interface RuleDetails {
  readonly action: Action;
  readonly from?: readonly string[];
  readonly severity?: number;
  readonly tags?: readonly string[];
  readonly message?: string;
}

export interface PathDetails extends RuleDetails {
  readonly recursive?: boolean;
  readonly ownerOnly?: boolean;
  readonly readOnly?: boolean;
  readonly allowedArgs?: readonly string[];
}

interface WrittenRule {
  readonly section: ListedSection;
  readonly list: RuleList;
  readonly rule: Readonly<Record<string, unknown>>;
  readonly site: string | undefined;
}

const NAMED = {
  network: { list: 'matchProtocols', key: 'protocol' },
  capabilities: { list: 'matchCapabilities', key: 'capability' },
} as const;

interface WrittenPreset {
  readonly preset: { readonly name: PresetName; readonly action: 'Audit' | 'Block' };
  readonly site: string | undefined;
}

export class RuleBook {
  readonly #written: WrittenRule[] = [];
  readonly #hardening = new Map<HardeningName, { readonly action: Action; readonly site: string | undefined }>();
  readonly #presets: WrittenPreset[] = [];
  readonly #syscalls: { readonly rule: SyscallRule; readonly site: string | undefined }[] = [];
  readonly #syscallPaths: { readonly rule: SyscallPath; readonly site: string | undefined }[] = [];
  /** Classes that an exception would turn into an allow-list though nobody asked for one, with the place of the first exception. */
  readonly #exceptions = new Map<ListedSection, string | undefined>();
  /** Classes that the author made an allow-list. */
  readonly #allowLists = new Set<ListedSection>();

  /** A rule for a path, or for a directory where `path` ends in `/` (recursive unless told otherwise). */
  addPath(section: 'process' | 'file', path: string, { recursive, ...details }: PathDetails & { readonly site: string | undefined }): void {
    const directory = path.endsWith('/');
    const match = directory ? { dir: path, ...((recursive ?? true) ? { recursive: true } : {}) } : { path };
    this.#add(section, directory ? 'matchDirectories' : 'matchPaths', { match, ...details });
  }

  /** A rule for a protocol, socket type or capability. */
  addName(section: 'network' | 'capabilities', name: string, details: RuleDetails & { readonly site: string | undefined }): void {
    const { list, key } = NAMED[section];
    this.#add(section, list, { match: { [key]: name }, ...details });
  }

  /** What a switch of the hardening says; a later call counts. */
  harden(name: HardeningName, switched: { readonly action: Action; readonly site: string | undefined }): void {
    this.#hardening.set(name, switched);
  }

  addPreset(name: PresetName, { action, site }: { readonly action: 'Audit' | 'Block'; readonly site: string | undefined }): void {
    this.#presets.push({ preset: { name, action }, site });
  }

  /** One rule for all of these calls. */
  addSyscalls(
    names: readonly string[],
    how: { readonly action: 'Audit' | 'Block'; readonly from: readonly string[]; readonly site: string | undefined },
  ): void {
    const { action, from, site } = how;
    const fromSource = from.length === 0 ? {} : { fromSource: from.map((path) => ({ path })) };
    this.#syscalls.push({ rule: { syscall: names, ...(action === 'Block' ? { action } : {}), ...fromSource }, site });
  }

  /** One rule for all of these calls on a path, or on a directory where `path` ends in `/` (recursive unless told otherwise). */
  addSyscallPath(
    path: string,
    syscall: readonly PathSyscall[],
    how: { readonly recursive: boolean | undefined; readonly from: readonly string[]; readonly site: string | undefined },
  ): void {
    const { recursive = path.endsWith('/'), from, site } = how;
    const fromSource = from.length === 0 ? {} : { fromSource: from.map(sourceOf) };
    this.#syscallPaths.push({ rule: { path, ...(recursive ? { recursive } : {}), syscall, ...fromSource }, site });
  }

  /** The author wants what this class does not name to be refused. */
  markAllowList(section: ListedSection): void {
    this.#allowLists.add(section);
  }

  /** An exception to a Block rule is an Allow rule; `render` keeps it from closing the class. */
  markException(section: ListedSection, site: string | undefined): void {
    if (!this.#exceptions.has(section)) this.#exceptions.set(section, site);
  }

  /** The sections of the spec, and from each rule's field to where it was written. */
  render(): { readonly rules: Rules; readonly sources: Readonly<Record<string, string>> } {
    const sections: Record<string, Record<string, unknown[]>> = {};
    const sources: Record<string, string> = {};
    for (const { section, list, rule, site } of [...this.#written, ...this.#openings()]) {
      const rules = ((sections[section] ??= {})[list] ??= []);
      if (site !== undefined) sources[`spec.${section}.${list}[${rules.length}]`] = site;
      rules.push(rule);
    }
    return { rules: { ...sections, ...this.#switches(sources) }, sources };
  }

  /** System calls, hardening and presets, where there are any; adds their places to `sources`. */
  #switches(sources: Record<string, string>): Rules & { readonly presets?: readonly WrittenPreset['preset'][] } {
    for (const [name, { site }] of this.#hardening) if (site !== undefined) sources[`spec.hardening.${name}`] = site;
    this.#presets.forEach(({ site }, index) => {
      if (site !== undefined) sources[`spec.presets[${index}]`] = site;
    });
    this.#syscalls.forEach(({ site }, index) => {
      if (site !== undefined) sources[`spec.syscalls.matchSyscalls[${index}]`] = site;
    });
    this.#syscallPaths.forEach(({ site }, index) => {
      if (site !== undefined) sources[`spec.syscalls.matchPaths[${index}]`] = site;
    });
    const hardening = Object.fromEntries([...this.#hardening].map(([name, { action }]) => [name, action]));
    const syscalls = {
      ...(this.#syscalls.length === 0 ? {} : { matchSyscalls: this.#syscalls.map(({ rule }) => rule) }),
      ...(this.#syscallPaths.length === 0 ? {} : { matchPaths: this.#syscallPaths.map(({ rule }) => rule) }),
    };
    return {
      ...(Object.keys(syscalls).length === 0 ? {} : { syscalls }),
      ...(this.#hardening.size === 0 ? {} : { hardening }),
      ...(this.#presets.length === 0 ? {} : { presets: this.#presets.map(({ preset }) => preset) }),
    };
  }

  #add(
    section: ListedSection,
    list: RuleList,
    {
      match,
      from = [],
      site,
      ...rest
    }: PathDetails & { readonly match: Readonly<Record<string, unknown>>; readonly site: string | undefined },
  ): void {
    const fromSource = from.length === 0 ? {} : { fromSource: from.map(sourceOf) };
    const said = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined && value !== false));
    this.#written.push({ section, list, site, rule: { ...match, ...fromSource, ...said } });
  }

  /** `Allow` rules for everything, weaker than any other rule: a class with exceptions stays open for what no rule names. */
  #openings(): WrittenRule[] {
    const open = [...this.#exceptions].filter(([section]) => !this.#allowLists.has(section));
    return open.flatMap(([section, site]) =>
      everythingOf(section).map(({ list, match }) => ({ section, list, site, rule: { ...match, action: 'Allow' } })),
    );
  }
}

/** A program, or with a trailing `/` every program of a directory. */
function sourceOf(path: string): FromSource {
  return path.endsWith('/') ? { dir: path, recursive: true } : { path };
}

function everythingOf(section: ListedSection): { list: RuleList; match: Readonly<Record<string, unknown>> }[] {
  if (section === 'network') return [{ list: 'matchProtocols', match: { protocol: 'all' } }];
  if (section === 'capabilities') return CAPABILITIES.map((capability) => ({ list: 'matchCapabilities', match: { capability } }));
  return [{ list: 'matchDirectories', match: { dir: '/', recursive: true } }];
}
