/**
 * Random policies and accesses, for fast-check. Names are drawn from few, so that rules meet each other and accesses meet rules; some are
 * longer than one chunk of the kernel's keys, and share its beginning.
 */
import fc from 'fast-check';
import { CAPABILITIES, HARDENING_NAMES, NETWORK_NAMES, PRESET_NAMES } from '@parapet/policy';
import { allowedArgs, given } from './argument-cases.ts';
import { callNear, PLACES, withCalls } from './call-cases.ts';
import { domain, nameNear } from './dns-cases.ts';
import { endpointMatch, endpointUse } from './endpoint-cases.ts';
import type {
  Access,
  Action,
  EndpointUse,
  FileMatch,
  PathMatch,
  Policy,
  Postures,
  ProcessMatch,
  Rule,
  Section,
  SourceMatch,
  SwitchName,
  SwitchRule,
  SyscallRule,
} from '@parapet/policy';
import { pathNear, pattern } from './pattern-cases.ts';

const LONG = 'n'.repeat(24);
const NAMES = ['a', 'b', 'ab', '.x', 'Ünï', LONG, `${LONG}x`, `${LONG}y`, `${LONG}${LONG}z`, `${LONG}${LONG}${LONG}`];
const SOURCE_DIRECTORIES = [
  { dir: '/bin/', recursive: false },
  { dir: '/bin/', recursive: true },
  { dir: '/a/', recursive: true },
  { dir: '/a/b/', recursive: false },
  { dir: '/', recursive: false },
  { dir: '/', recursive: true },
] as const;
const SOURCES = ['/bin/sh', '/bin/bash', '/a', '/a/b', `/bin/${LONG}tool`, '/ünï/x'];

const component = fc.oneof({ weight: 3, arbitrary: fc.constantFrom('a', 'b') }, { weight: 1, arbitrary: fc.constantFrom(...NAMES) });
const components = fc.oneof(
  { weight: 12, arbitrary: fc.array(component, { maxLength: 4, size: 'max' }) },
  { weight: 1, arbitrary: fc.array(fc.constantFrom('a', 'b'), { minLength: 126, maxLength: 131 }) },
);

/** Absolute, normalised; `/` now and then. */
export const path: fc.Arbitrary<string> = components.map((parts) => `/${parts.join('/')}`);

type Place = NonNullable<SyscallRule['on']>;

const place: fc.Arbitrary<Place> = fc.oneof(
  { weight: 1, arbitrary: path.filter((text) => text !== '/').map((text): Place => ({ type: 'path', path: text })) },
  {
    weight: 2,
    arbitrary: fc
      .record({ at: path, recursive: fc.boolean() })
      .map(({ at, recursive }): Place => ({ type: 'directory', dir: at === '/' ? '/' : `${at}/`, recursive })),
  },
);

const match: fc.Arbitrary<FileMatch> = fc.oneof(
  { weight: 3, arbitrary: place },
  { weight: 1, arbitrary: pattern.map((text): FileMatch => ({ type: 'pattern', pattern: text })) },
);

const noTerminal = fc.constantFrom({}, {}, {}, { noTerminal: true });

const processMatch: fc.Arbitrary<ProcessMatch> = fc.oneof(
  { weight: 4, arbitrary: match },
  { weight: 1, arbitrary: component.map((name): ProcessMatch => ({ type: 'name', name })) },
);

const common = fc.record({
  field: fc.nat().map((n) => `spec.rule[${n}]`),
  action: fc.constantFrom<Action>('Allow', 'Audit', 'Block'),
  severity: fc.integer({ min: 1, max: 10 }),
  tags: fc.constant([]),
  message: fc.constant(''),
  from: fc.oneof(
    { weight: 2, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.subarray<SourceMatch>([...SOURCES, ...SOURCE_DIRECTORIES], { minLength: 1, maxLength: 3 }) },
  ),
});

const RULES: Readonly<Record<Section, fc.Arbitrary<Rule>>> = {
  process: fc
    .tuple(common, fc.record({ section: fc.constant('process' as const), match: processMatch, ownerOnly: fc.boolean() }), noTerminal)
    .map(withoutSource)
    .chain((rule) =>
      rule.match.type === 'path' || rule.match.type === 'name' ? allowedArgs.map((more) => ({ ...rule, ...more })) : fc.constant(rule),
    ),
  file: fc
    .tuple(common, fc.record({ section: fc.constant('file' as const), match, ownerOnly: fc.boolean(), readOnly: fc.boolean() }), noTerminal)
    .map(withoutSource),
  network: fc.oneof(
    fc
      .tuple(common, fc.record({ section: fc.constant('network' as const), protocol: fc.constantFrom(...NETWORK_NAMES) }), noTerminal)
      .map(([a, b, c]) => ({ ...a, ...b, ...c })),
    fc.tuple(common, fc.record({ section: fc.constant('network' as const), endpoint: endpointMatch })).map(merge),
  ),
  dns: fc.tuple(common, fc.record({ section: fc.constant('dns' as const), domain })).map(merge),
  capabilities: fc
    .tuple(
      common,
      fc.record({ section: fc.constant('capabilities' as const), capability: fc.constantFrom(...CAPABILITIES.slice(11, 15), 'bpf') }),
    )
    .map(merge),
  syscalls: fc.oneof(
    fc
      .tuple(common, fc.subarray([...PLACES], { minLength: 1, maxLength: 4 }))
      .map(([rule, syscalls]): Rule => ({ ...rule, section: 'syscalls', action: rule.action === 'Block' ? 'Block' : 'Audit', syscalls })),
    fc
      .tuple(common, fc.subarray([...PLACES], { minLength: 1, maxLength: 4 }), place)
      .map(([rule, syscalls, on]): Rule => ({ ...rule, section: 'syscalls', action: 'Audit', syscalls, on })),
  ),
  hardening: fc.tuple(common, fc.constantFrom(...HARDENING_NAMES)).map(([rule, name]) => switchRule(rule, 'hardening', name)),
  presets: fc.tuple(common, fc.constantFrom(...PRESET_NAMES)).map(([rule, name]) => switchRule(rule, 'presets', name)),
};
const SECTIONS = ['process', 'file', 'network', 'capabilities', 'dns', 'syscalls', 'hardening', 'presets'] as const;

/** Patterns are for every program, with or without a terminal. */
function withoutSource<A extends object, B extends { readonly match: PathMatch }>([a, b, c]: [A, B, object]): A & B {
  return b.match.type === 'pattern' ? { ...a, ...b, from: [] } : { ...a, ...b, ...c };
}

/** Switches are about every program. */
function switchRule(rule: Omit<SwitchRule, 'section' | 'switch'>, section: SwitchRule['section'], name: SwitchName): Rule {
  return { ...rule, section, switch: name, from: [] };
}

function merge<A extends object, B extends object>([a, b]: [A, B]): A & B {
  return { ...a, ...b };
}

/** Policies that all match one container: none, rules of every class, or many rules of one class, so that they meet. */
export const policies: fc.Arbitrary<Policy[]> = withCalls(
  fc.oneof(
    { weight: 1, arbitrary: fc.constant<Rule[]>([]) },
    { weight: 10, arbitrary: fc.array(fc.oneof(...Object.values(RULES)), { minLength: 1, maxLength: 20, size: 'max' }) },
    ...SECTIONS.map((section) => ({
      weight: section === 'process' || section === 'file' ? 15 : 5,
      arbitrary: fc.array(RULES[section], { minLength: 1, maxLength: 15, size: 'max' }),
    })),
  ),
).chain((rules) => fc.integer({ min: 1, max: 3 }).map((count) => deal(rules, count)));

function deal(rules: readonly Rule[], count: number): Policy[] {
  return Array.from({ length: count }, (_, index) => ({
    kind: 'KubeArmorPolicy',
    namespace: 'default',
    name: `p${index}`,
    target: { labels: {}, expressions: [], containers: [] },
    rules: rules.filter((_rule, at) => at % count === index),
    provenance: { rules: {} },
  }));
}

export const postures: fc.Arbitrary<Postures> = fc.record({
  file: fc.constantFrom('audit', 'block'),
  network: fc.constantFrom('audit', 'block'),
  capabilities: fc.constantFrom('audit', 'block'),
});

/** Accesses of the classes that the policies have rules for (any, where they have none), to what they name, near it, and to anything. */
export function accessTo(set: readonly Policy[]): fc.Arbitrary<Access> {
  const rules = set.flatMap((policy) => policy.rules);
  const named = rules.flatMap(({ from }) => from).filter((source) => typeof source === 'string');
  const sources = fc.constantFrom(...named, ...SOURCES, '/bin', '/bin/none', '/bin/x/none', '/a/b/c/d', '/init');
  const places = rules.flatMap((one) => {
    if ('match' in one) return [placeOf(one.match)];
    return one.section === 'syscalls' && one.on !== undefined ? [placeOf(one.on)] : [];
  });
  const near =
    places.length === 0
      ? path
      : fc
          .tuple(
            fc.oneof(...places),
            fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, fc.array(component, { maxLength: 2 })),
            fc.constantFrom(0, 0, 1, 2),
          )
          .map(([at, below, up]) => `/${[...partsOf(at).slice(0, -up || undefined), ...below].join('/')}`)
          .filter((text) => text.length < 4096);
  const paths = fc.oneof({ weight: 3, arbitrary: near }, { weight: 1, arbitrary: path });
  const sections = rules.length === 0 ? SECTIONS : [...new Set(rules.map(({ section }) => section))];
  const names = nameNear(rules.flatMap((rule) => (rule.section === 'dns' ? [rule.domain] : [])));
  return fc.constantFrom(...sections).chain((section) => accessOf(section, { set, paths, sources, names }));
}

function accessOf(
  section: Section,
  {
    set,
    paths,
    sources,
    names,
  }: { set: readonly Policy[]; paths: fc.Arbitrary<string>; sources: fc.Arbitrary<string>; names: fc.Arbitrary<string> },
): fc.Arbitrary<Access> {
  if (section === 'network')
    return fc
      .tuple(socket, endpointUse, sources, fc.boolean())
      .map(([access, use, source, terminal]) => withUse({ ...access, source, terminal }, use));
  if (section === 'dns') return fc.record({ type: fc.constant('dns'), name: names, source: sources });
  if (section === 'capabilities') return fc.record({ type: fc.constant('capability'), capability, source: sources });
  if (section === 'syscalls')
    return fc.oneof(
      fc.record({ type: fc.constant('syscall' as const), syscall: callNear(set, { onPath: false }), source: sources }),
      fc.record({ type: fc.constant('syscall' as const), syscall: callNear(set, { onPath: true }), path: paths, source: sources }),
    );
  const switches = section === 'hardening' ? HARDENING_NAMES : section === 'presets' ? PRESET_NAMES : undefined;
  if (switches !== undefined)
    return fc.record({ type: fc.constant('switch'), switch: fc.constantFrom<SwitchName>(...switches, 'mounts'), source: sources });
  const by = { type: fc.constant('path' as const), path: paths, owner: fc.boolean(), source: sources, terminal: fc.boolean() };
  if (section === 'process') return fc.record({ ...by, operation: fc.constant('exec' as const), arguments: given });
  return fc.record({ ...by, operation: fc.constantFrom('read' as const, 'write' as const, 'move' as const) });
}

/** Only internet sockets are used with addresses. */
function withUse(access: Extract<Access, { type: 'network' }>, use: EndpointUse | undefined): Access {
  return use === undefined || (access.family !== 2 && access.family !== 10) ? access : { ...access, endpoint: use };
}

/** Where a rule is about. */
function placeOf(at: PathMatch): fc.Arbitrary<string> {
  if (at.type === 'path') return fc.constant(at.path);
  if (at.type === 'pattern') return pathNear(at.pattern);
  if (at.type === 'name') return path.map((directory) => `${directory === '/' ? '' : directory}/${at.name}`);
  return fc.constant(at.dir === '/' ? '/' : at.dir.slice(0, -1));
}

function partsOf(at: string): string[] {
  return at.split('/').filter((part) => part !== '');
}

const socket = fc.record({
  type: fc.constant('network' as const),
  family: fc.constantFrom(1, 2, 10, 16, 17, 33, 40, 43),
  socketType: fc.constantFrom(1, 2, 3, 4, 5, 6, 10),
  protocol: fc.constantFrom(0, 1, 6, 17, 33, 58, 132, 136, 255, 256, 262),
});

const capability = fc.oneof(fc.integer({ min: 10, max: 16 }), fc.integer({ min: 0, max: 40 }));
