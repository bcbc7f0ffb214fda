/** Collects the rules of one policy in the order they are written, each with its place, and renders them as KubeArmor's sections. */
import { CAPABILITIES } from '@parapet/policy';
import type { Action, Section } from '@parapet/policy';
import type { FromSource, Rules } from './kubearmor-spec.ts';

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
}

interface WrittenRule {
  readonly section: Section;
  readonly list: RuleList;
  readonly rule: Readonly<Record<string, unknown>>;
  readonly site: string | undefined;
}

const NAMED = {
  network: { list: 'matchProtocols', key: 'protocol' },
  capabilities: { list: 'matchCapabilities', key: 'capability' },
} as const;

export class RuleBook {
  readonly #written: WrittenRule[] = [];
  /** Classes that an exception would turn into an allow-list though nobody asked for one, with the place of the first exception. */
  readonly #exceptions = new Map<Section, string | undefined>();
  /** Classes that the author made an allow-list. */
  readonly #allowLists = new Set<Section>();

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

  /** The author wants what this class does not name to be refused. */
  markAllowList(section: Section): void {
    this.#allowLists.add(section);
  }

  /** An exception to a Block rule is an Allow rule; `render` keeps it from closing the class. */
  markException(section: Section, site: string | undefined): void {
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
    return { rules: sections, sources };
  }

  #add(
    section: Section,
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

function everythingOf(section: Section): { list: RuleList; match: Readonly<Record<string, unknown>> }[] {
  if (section === 'network') return [{ list: 'matchProtocols', match: { protocol: 'all' } }];
  if (section === 'capabilities') return CAPABILITIES.map((capability) => ({ list: 'matchCapabilities', match: { capability } }));
  return [{ list: 'matchDirectories', match: { dir: '/', recursive: true } }];
}
