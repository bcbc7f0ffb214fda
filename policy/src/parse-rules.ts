/** Rules as written, section by section, to rules with everything filled in. */
import { CAPABILITIES, capabilityNumber } from './capability.ts';
import { readDomain } from './domain.ts';
import { INHERITED_FIELDS, readManner } from './inherit.ts';
import type { Manner } from './inherit.ts';
import { NETWORK_NAMES } from './model.ts';
import { ENDPOINT_FIELDS, ENDPOINT_HINTS, readEndpoints } from './parse-endpoints.ts';
import type { NetworkName, PathMatch, Rule, Section } from './model.ts';
import { faultOfDirectory, faultOfFile, looksLikePattern } from './path.ts';
import {
  at,
  checkFields,
  fieldText,
  isAbsent,
  readFlag,
  readList,
  readNeededString,
  readObject,
  refuse,
  refuseMissing,
  show,
  warn,
} from './reading.ts';
import type { Cursor, Fields } from './reading.ts';
import { closest } from './suggest.ts';

/** Sections of a spec; rules for DNS are written under `network`. */
export const SECTIONS: readonly SpecSection[] = ['process', 'file', 'network', 'capabilities'];

const PATTERN_HINT = 'use matchPaths, or matchDirectories with recursive: true';
const PATH_LISTS: Fields = {
  known: [...INHERITED_FIELDS, 'matchPaths', 'matchDirectories'],
  notYet: ['matchPatterns'],
  hints: { matchPatterns: PATTERN_HINT },
};
type SpecSection = Exclude<Section, 'dns'>;

const SECTION_FIELDS: Readonly<Record<SpecSection, Fields>> = {
  process: PATH_LISTS,
  file: PATH_LISTS,
  network: { known: [...INHERITED_FIELDS, 'matchProtocols', 'matchEndpoints', 'matchDNSQueries'] },
  capabilities: { known: [...INHERITED_FIELDS, 'matchCapabilities'] },
};

const RULE_COMMON = [...INHERITED_FIELDS, 'fromSource'];
const PATH_FIELDS: Fields = {
  known: [...RULE_COMMON, 'path', 'ownerOnly'],
  notYet: ['execname', 'allowedArgs', 'pts'],
  hints: { dir: 'directories go under matchDirectories', execname: 'name the executable by its path', pattern: PATTERN_HINT },
};
const DIRECTORY_FIELDS: Fields = {
  known: [...RULE_COMMON, 'dir', 'recursive', 'ownerOnly'],
  notYet: ['pts'],
  hints: { path: 'single files go under matchPaths' },
};
const FILE_PATH_FIELDS: Fields = {
  known: [...RULE_COMMON, 'path', 'ownerOnly', 'readOnly'],
  notYet: ['pts'],
  hints: { dir: 'directories go under matchDirectories', recursive: 'directories go under matchDirectories', pattern: PATTERN_HINT },
};
const FILE_DIRECTORY_FIELDS: Fields = { ...DIRECTORY_FIELDS, known: [...DIRECTORY_FIELDS.known, 'readOnly'] };

/** All rules of a section, with what they do not say filled in from the section and the policy. */
export function readSection(section: SpecSection, cursor: Cursor, above: Manner): readonly Rule[] {
  const body = readObject(cursor);
  if (body === undefined) return [];
  checkFields(body, SECTION_FIELDS[section]);
  const manner = readManner(body, above);
  if (section === 'network') {
    return [
      ...readRules(at(body, 'matchProtocols'), (rule) => readProtocolRule(rule, manner)),
      ...readRules(at(body, 'matchEndpoints'), (rule) => readEndpointRule(rule, manner)),
      ...readRules(at(body, 'matchDNSQueries'), (rule) => readDnsRule(rule, manner)),
    ];
  }
  if (section === 'capabilities') return readRules(at(body, 'matchCapabilities'), (rule) => readCapabilityRule(rule, manner));
  return [
    ...readRules(at(body, 'matchPaths'), (rule) => {
      checkFields(rule, section === 'process' ? PATH_FIELDS : FILE_PATH_FIELDS);
      return readPathRule(rule, { section, manner, match: readPathMatch(rule) });
    }),
    ...readRules(at(body, 'matchDirectories'), (rule) => {
      checkFields(rule, section === 'process' ? DIRECTORY_FIELDS : FILE_DIRECTORY_FIELDS);
      return readPathRule(rule, { section, manner, match: readDirectoryMatch(rule) });
    }),
  ];
}

function readRules(list: Cursor, read: (rule: Cursor) => readonly Rule[]): readonly Rule[] {
  return readList(list).flatMap((element) => {
    const rule = readObject(element);
    return rule === undefined ? [] : read(rule);
  });
}

function readPathRule(rule: Cursor, said: { section: 'process' | 'file'; manner: Manner; match: PathMatch | undefined }): readonly Rule[] {
  const { section, match } = said;
  const common = readCommon(rule, said.manner);
  const ownerOnly = readFlag(at(rule, 'ownerOnly'));
  const readOnly = section === 'file' && readFlag(at(rule, 'readOnly'));
  if (match === undefined) return [];
  return [section === 'process' ? { section, ...common, match, ownerOnly } : { section, ...common, match, ownerOnly, readOnly }];
}

function readPathMatch(rule: Cursor): PathMatch | undefined {
  const cursor = at(rule, 'path');
  // A rule that names an executable without its directory is refused for that, not also for the path that it lacks.
  if (isAbsent(cursor) && !isAbsent(at(rule, 'execname'))) return undefined;
  const path = readPath(cursor, faultOfFile);
  return path === undefined ? undefined : { type: 'path', path };
}

function readDirectoryMatch(rule: Cursor): PathMatch | undefined {
  const dir = readPath(at(rule, 'dir'), faultOfDirectory);
  const recursive = readFlag(at(rule, 'recursive'));
  return dir === undefined ? undefined : { type: 'directory', dir, recursive };
}

function readPath(cursor: Cursor, faultOf: typeof faultOfFile): string | undefined {
  const path = readNeededString(cursor);
  if (path === undefined) return undefined;
  const fault = faultOf(path);
  if (fault !== undefined) {
    refuse(cursor, { code: 'invalid-path', ...fault });
    return undefined;
  }
  if (looksLikePattern(path)) {
    warn(cursor, {
      code: 'pattern-in-path',
      message: `${show(path)} looks like a pattern, but only a file with exactly this name matches`,
      hint: 'for everything in a directory use matchDirectories',
    });
  }
  return path;
}

function readCommon(rule: Cursor, manner: Manner): Manner & { field: string; from: readonly string[] } {
  return { field: fieldText(rule.path), ...readManner(rule, manner), from: readSources(at(rule, 'fromSource')) };
}

/** Executables from `fromSource`, each once. */
function readSources(list: Cursor): readonly string[] {
  const paths = readList(list).map((element) => {
    const source = readObject(element);
    if (source === undefined) {
      if (isAbsent(element)) refuseMissing(element);
      return undefined;
    }
    checkFields(source, { known: ['path'], hints: { dir: 'name executables by their path' } });
    return readPath(at(source, 'path'), faultOfFile);
  });
  return [...new Set(paths.filter((path) => path !== undefined))];
}

function readProtocolRule(rule: Cursor, manner: Manner): readonly Rule[] {
  checkFields(rule, { known: [...RULE_COMMON, 'protocol'], notYet: ['pts'] });
  const common = readCommon(rule, manner);
  const protocols = readNames(at(rule, 'protocol'), {
    find: (name) => NETWORK_NAMES.find((known): known is NetworkName => known === name.toLowerCase()),
    known: NETWORK_NAMES,
    what: 'protocol or socket type',
  });
  return protocols.map((protocol) => ({ section: 'network', ...common, protocol }));
}

function readEndpointRule(rule: Cursor, manner: Manner): readonly Rule[] {
  checkFields(rule, { known: [...RULE_COMMON, ...ENDPOINT_FIELDS], hints: ENDPOINT_HINTS });
  const common = readCommon(rule, manner);
  return readEndpoints(rule).map((endpoint) => ({ section: 'network', ...common, endpoint }));
}

function readDnsRule(rule: Cursor, manner: Manner): readonly Rule[] {
  checkFields(rule, { known: [...RULE_COMMON, 'domain'], hints: { name: 'domain: example.com' } });
  const common = readCommon(rule, manner);
  const text = readNeededString(at(rule, 'domain'));
  if (text === undefined) return [];
  const domain = readDomain(text);
  if (typeof domain === 'string') return [{ section: 'dns', ...common, domain }];
  refuse(at(rule, 'domain'), { code: 'invalid-value', ...domain });
  return [];
}

function readCapabilityRule(rule: Cursor, manner: Manner): readonly Rule[] {
  checkFields(rule, { known: [...RULE_COMMON, 'capability'], notYet: ['pts'] });
  const common = readCommon(rule, manner);
  const capabilities = readNames(at(rule, 'capability'), {
    find: (name) => {
      const number = capabilityNumber(name);
      return number === undefined ? undefined : CAPABILITIES[number];
    },
    known: CAPABILITIES,
    what: 'capability',
  });
  return capabilities.map((capability) => ({ section: 'capabilities', ...common, capability }));
}

interface Names<Name extends string> {
  readonly find: (text: string) => Name | undefined;
  readonly known: readonly Name[];
  readonly what: string;
}

/** Names from a text that may list several with commas, each once. */
function readNames<Name extends string>(cursor: Cursor, { find, known, what }: Names<Name>): readonly Name[] {
  const text = readNeededString(cursor);
  if (text === undefined) return [];
  const names = new Set<Name>();
  for (const part of text.split(',').map((piece) => piece.trim())) {
    const name = find(part);
    if (name !== undefined) {
      names.add(name);
      continue;
    }
    const meant = closest(part.replace(/^cap_/i, ''), known);
    const hint = meant === undefined ? `known: ${known.join(', ')}` : `did you mean ${meant}?`;
    refuse(cursor, { code: 'invalid-value', message: `${show(part)} is not a ${what}`, hint });
  }
  return [...names];
}
