/** Rules as written, section by section, to rules with everything filled in. */
import { readAllowedArgs } from './arguments.ts';
import { CAPABILITIES, capabilityNumber } from './capability.ts';
import { readDomain } from './domain.ts';
import { INHERITED_FIELDS, readManner } from './inherit.ts';
import type { Manner } from './inherit.ts';
import { NETWORK_NAMES } from './model.ts';
import { ENDPOINT_FIELDS, ENDPOINT_HINTS, readEndpoints } from './parse-endpoints.ts';
import type { FileMatch, ListedSection, NetworkName, ProcessMatch, Rule, SourceMatch } from './model.ts';
import { newPatternBudget, readDirectoryMatch, readPathMatch, readPatternMatch, readProcessMatch, readSources } from './parse-match.ts';
import { at, checkFields, fieldText, isAbsent, readFlag, readList, readNeededString, readObject, refuse, show } from './reading.ts';
import type { Cursor, Fields } from './reading.ts';
import { closest } from './suggest.ts';

/** Sections of a spec; rules for DNS are written under `network`. */
export const SECTIONS: readonly SpecSection[] = ['process', 'file', 'network', 'capabilities'];

const PATH_LISTS: Fields = { known: [...INHERITED_FIELDS, 'matchPaths', 'matchDirectories', 'matchPatterns'] };
type SpecSection = Exclude<ListedSection, 'dns'>;

const SECTION_FIELDS: Readonly<Record<SpecSection, Fields>> = {
  process: PATH_LISTS,
  file: PATH_LISTS,
  network: { known: [...INHERITED_FIELDS, 'matchProtocols', 'matchEndpoints', 'matchDNSQueries'] },
  capabilities: { known: [...INHERITED_FIELDS, 'matchCapabilities'] },
};

const RULE_COMMON = [...INHERITED_FIELDS, 'fromSource'];
const PATH_HINTS = { dir: 'directories go under matchDirectories', pattern: 'patterns go under matchPatterns' };
const ARGUMENT_HINT = 'arguments are for one program: write it under matchPaths of process';
const PATH_FIELDS: Fields = {
  known: [...RULE_COMMON, 'pts', 'path', 'execname', 'ownerOnly', 'allowedArgs'],
  hints: PATH_HINTS,
};
const DIRECTORY_FIELDS: Fields = {
  known: [...RULE_COMMON, 'pts', 'dir', 'recursive', 'ownerOnly'],
  hints: { path: 'single files go under matchPaths', allowedArgs: ARGUMENT_HINT },
};
const PATTERN_FIELDS: Fields = {
  known: [...INHERITED_FIELDS, 'pattern', 'ownerOnly'],
  hints: {
    path: 'single files go under matchPaths',
    fromSource: 'patterns are for every program; name paths or directories for some',
    allowedArgs: ARGUMENT_HINT,
  },
};
const FILE_PATH_FIELDS: Fields = {
  known: [...RULE_COMMON, 'pts', 'path', 'ownerOnly', 'readOnly'],
  hints: { ...PATH_HINTS, recursive: 'directories go under matchDirectories' },
};
const FILE_DIRECTORY_FIELDS: Fields = { ...DIRECTORY_FIELDS, known: [...DIRECTORY_FIELDS.known, 'readOnly'] };
const FILE_PATTERN_FIELDS: Fields = { ...PATTERN_FIELDS, known: [...PATTERN_FIELDS.known, 'readOnly'] };

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
  return section === 'process' ? readProcessRules(body, manner) : readFileRules(body, manner);
}

function readProcessRules(body: Cursor, manner: Manner): readonly Rule[] {
  const budget = newPatternBudget();
  const read =
    (fields: Fields, readMatch: (rule: Cursor) => ProcessMatch | undefined) =>
    (rule: Cursor): readonly Rule[] => {
      checkFields(rule, fields);
      const match = readMatch(rule);
      const said = {
        section: 'process' as const,
        ...readCommon(rule, manner),
        ...readTerminal(rule),
        ownerOnly: readFlag(at(rule, 'ownerOnly')),
        ...(fields === PATH_FIELDS ? readAllowedArgs(rule) : {}),
      };
      return match === undefined ? [] : [{ ...said, match }];
    };
  return [
    ...readRules(at(body, 'matchPaths'), read(PATH_FIELDS, readProcessMatch)),
    ...readRules(at(body, 'matchDirectories'), read(DIRECTORY_FIELDS, readDirectoryMatch)),
    ...readRules(
      at(body, 'matchPatterns'),
      read(PATTERN_FIELDS, (rule) => readPatternMatch(rule, budget)),
    ),
  ];
}

function readFileRules(body: Cursor, manner: Manner): readonly Rule[] {
  const budget = newPatternBudget();
  const read =
    (fields: Fields, readMatch: (rule: Cursor) => FileMatch | undefined) =>
    (rule: Cursor): readonly Rule[] => {
      checkFields(rule, fields);
      const match = readMatch(rule);
      const flags = { ownerOnly: readFlag(at(rule, 'ownerOnly')), readOnly: readFlag(at(rule, 'readOnly')) };
      const said = { section: 'file' as const, ...readCommon(rule, manner), ...readTerminal(rule), ...flags };
      return match === undefined ? [] : [{ ...said, match }];
    };
  return [
    ...readRules(
      at(body, 'matchPaths'),
      read(FILE_PATH_FIELDS, (rule) => readPathMatch(rule)),
    ),
    ...readRules(at(body, 'matchDirectories'), read(FILE_DIRECTORY_FIELDS, readDirectoryMatch)),
    ...readRules(
      at(body, 'matchPatterns'),
      read(FILE_PATTERN_FIELDS, (rule) => readPatternMatch(rule, budget)),
    ),
  ];
}

function readRules(list: Cursor, read: (rule: Cursor) => readonly Rule[]): readonly Rule[] {
  return readList(list).flatMap((element) => {
    const rule = readObject(element);
    return rule === undefined ? [] : read(rule);
  });
}

function readCommon(rule: Cursor, manner: Manner): Manner & { field: string; from: readonly SourceMatch[] } {
  return { field: fieldText(rule.path), ...readManner(rule, manner), from: readSources(at(rule, 'fromSource')) };
}

/** `pts: false` asks for tasks without a terminal; `true`, like nothing, asks for none. */
function readTerminal(rule: Cursor): { noTerminal?: boolean } {
  const pts = at(rule, 'pts');
  return !isAbsent(pts) && !readFlag(pts) && pts.value === false ? { noTerminal: true } : {};
}

function readProtocolRule(rule: Cursor, manner: Manner): readonly Rule[] {
  checkFields(rule, { known: [...RULE_COMMON, 'pts', 'protocol'] });
  const common = { ...readCommon(rule, manner), ...readTerminal(rule) };
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
  checkFields(rule, { known: [...RULE_COMMON, 'capability'] });
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
