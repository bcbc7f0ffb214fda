/** Short ways to write policies in tests. */
import { HARDENING_NAMES, readBlock } from '@parapet/policy';
import type {
  CapabilityRule,
  DnsRule,
  EndpointMatch,
  EndpointRule,
  FileMatch,
  FileRule,
  NetworkName,
  NetworkRule,
  Policy,
  ProcessRule,
  Rule,
  SwitchName,
  SwitchRule,
  SyscallRule,
} from '@parapet/policy';

const COMMON = { action: 'Block', severity: 1, tags: [], message: '', from: [] } as const;

let written = 0;

function field(): string {
  written += 1;
  return `spec.rule[${written}]`;
}

/** A path, or a directory where the text ends in `/` (`/**` after it: recursive). For patterns and names see below. */
export function matchOf(text: string): FileMatch {
  if (text.endsWith('/**')) return { type: 'directory', dir: text.slice(0, -2), recursive: true };
  return text.endsWith('/') ? { type: 'directory', dir: text, recursive: false } : { type: 'path', path: text };
}

export function pathRule(text: string, more: Partial<ProcessRule> = {}): ProcessRule {
  return { section: 'process', field: field(), ...COMMON, match: matchOf(text), ownerOnly: false, ...more };
}

export function fileRule(text: string, more: Partial<FileRule> = {}): FileRule {
  return { section: 'file', field: field(), ...COMMON, match: matchOf(text), ownerOnly: false, readOnly: false, ...more };
}

export function patternRule(pattern: string, more: Partial<FileRule> = {}): FileRule {
  return fileRule('/', { match: { type: 'pattern', pattern }, ...more });
}

export function nameRule(name: string, more: Partial<ProcessRule> = {}): ProcessRule {
  return pathRule('/', { match: { type: 'name', name }, ...more });
}

export function networkRule(protocol: NetworkName, more: Partial<NetworkRule> = {}): NetworkRule {
  return { section: 'network', field: field(), ...COMMON, protocol, ...more };
}

/** Any protocol and port, connecting and sending, unless told otherwise. */
export function endpointRule(
  cidr: string,
  match: Partial<Omit<EndpointMatch, 'block'>> = {},
  more: Partial<EndpointRule> = {},
): EndpointRule {
  const block = readBlock(cidr);
  if (!('prefix' in block)) throw new Error(`${cidr}: ${block.message}`);
  const endpoint: EndpointMatch = { block, except: [], ports: [], protocol: 'any', operations: ['connect', 'send'], ...match };
  return { section: 'network', field: field(), ...COMMON, endpoint, ...more };
}

export function dnsRule(domain: string, more: Partial<DnsRule> = {}): DnsRule {
  return { section: 'dns', field: field(), ...COMMON, domain, ...more };
}

export function capabilityRule(capability: string, more: Partial<CapabilityRule> = {}): CapabilityRule {
  return { section: 'capabilities', field: field(), ...COMMON, capability, ...more };
}

export function switchRule(which: SwitchName, more: Partial<SwitchRule> = {}): SwitchRule {
  const section = HARDENING_NAMES.some((name) => name === which) ? 'hardening' : 'presets';
  return { section, field: field(), ...COMMON, switch: which, ...more };
}

export function syscallRule(syscalls: readonly string[], more: Partial<SyscallRule> = {}): SyscallRule {
  return { section: 'syscalls', field: field(), ...COMMON, action: 'Audit', syscalls, ...more };
}

/** On a path as `matchOf` writes it. */
export function syscallPathRule(text: string, syscalls: readonly string[], more: Partial<SyscallRule> = {}): SyscallRule {
  const on = matchOf(text);
  if (on.type === 'pattern') throw new Error(`${text} is no place`);
  return syscallRule(syscalls, { on, ...more });
}

export function policyOf(...rules: readonly Rule[]): Policy {
  return {
    kind: 'KubeArmorPolicy',
    namespace: 'default',
    name: 'p',
    target: { labels: {}, expressions: [], containers: [] },
    rules,
    provenance: { rules: {} },
  };
}
