import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  canonicalTable,
  CLASS,
  SWITCH,
  compile,
  decodeEvent,
  DEFAULT_POSTURES,
  encodeTable,
  evaluate,
  explainEvent,
  LAYOUT,
  PATH_OPERATION,
  SITE,
  VERDICT,
} from '@parapet/policy';
import type { Access, Decision, Policy, Postures, Table } from '@parapet/policy';
import { accessTo, policies, postures } from '../../support/policy-cases.ts';
import { loadMaps, walk } from '../../support/table-walk.ts';
import type { WalkResult } from '../../support/table-walk.ts';
import { syscallNumbers } from '../../../policy/src/syscall.ts';
import { endpointRule, fileRule, networkRule, pathRule, policyOf, switchRule } from './builders.ts';

const VERDICTS = ['none', 'allow', 'audit', 'block'] as const;

/** The header that the kernel would write about what a walk found. */
function headerOf(found: WalkResult, access: Access): Uint8Array {
  const header = new Uint8Array(LAYOUT.event.size);
  const view = new DataView(header.buffer);
  view.setUint32(LAYOUT.event.node, found.node, true);
  view.setUint32(LAYOUT.event.source, found.source, true);
  view.setUint8(LAYOUT.event.class, classOf(access));
  view.setUint8(LAYOUT.event.verdict, found.verdict);
  view.setUint8(LAYOUT.event.site, found.site);
  if (access.type === 'path') {
    view.setUint8(LAYOUT.event.op, PATH_OPERATION[access.operation]);
    view.setUint8(LAYOUT.event.who, access.owner ? 0 : 1);
  }
  const detail = access.type === 'network' ? [access.family, access.socketType, access.protocol] : [];
  if (access.type === 'capability') detail.push(access.capability);
  if (access.type === 'syscall') detail.push(syscallNumbers(access.syscall)?.native[0] ?? 0);
  if (access.type === 'switch') detail.push(SWITCH[access.switch]);
  detail.forEach((value, i) => view.setUint32(LAYOUT.event.detail + i * 4, value, true));
  return header;
}

function classOf(access: Access): number {
  if (access.type === 'network') return CLASS.network;
  if (access.type === 'capability') return CLASS.capabilities;
  if (access.type === 'dns') return CLASS.dns;
  if (access.type === 'syscall') return CLASS.syscalls;
  if (access.type === 'switch') return SWITCH[access.switch] < SWITCH.filelessExec ? CLASS.hardening : CLASS.presets;
  return access.operation === 'exec' ? CLASS.process : CLASS.file;
}

/** Verdict and rule alone, to compare. */
function gist(decision: Decision): unknown {
  return 'rule' in decision ? [decision.verdict, decision.policy.name, decision.rule] : decision;
}

/** Of endpoint rules with the same right any may be named; that a socket is let through at all gives no event, so no rule is named. */
function expectEndpoint({ explained, decision, opens }: { explained: Decision; decision: Decision; opens: boolean }): void {
  if (opens) expect(decision).toMatchObject({ verdict: 'allow', rule: { endpoint: {} } });
  else expect(explained).toMatchObject({ verdict: decision.verdict, rule: { endpoint: {} } });
}

test('the kernel algorithm over the encoded bytes decides as the evaluator does, and the event names the same rule', () => {
  const nodeBase = 1000;
  let cases = 0;
  const met: Record<string, number> = {};
  fc.assert(
    fc.property(
      policies.chain((set) => fc.tuple(fc.constant(set), fc.array(accessTo(set), { minLength: 12, maxLength: 12 }))),
      postures,
      ([set, accesses], chosen) => {
        const { table, problems } = compile(set, chosen);
        expect(problems).toEqual([]);
        if (table === undefined) {
          for (const access of accesses) expect(evaluate({ policies: set, postures: chosen, access })).toEqual({ verdict: 'none' });
          return;
        }
        const encoded = encodeTable(table, nodeBase);
        const maps = loadMaps(encoded);
        const forTerminal = table.terminal === undefined ? maps : loadMaps({ ...encoded, table: encoded.terminalTable });
        for (const access of accesses) {
          const found = walk('terminal' in access && access.terminal === true ? forTerminal : maps, access);
          const decision = evaluate({ policies: set, postures: chosen, access });
          expect(VERDICTS[found.verdict]).toBe(decision.verdict);
          const explained = explainEvent({ table, nodeBase, event: decodeEvent(headerOf(found, access)) });
          if (found.site === SITE.endpoint) expectEndpoint({ explained, decision, opens: found.node === 0 });
          else if (found.site === SITE.arguments) expectArguments({ explained, policies: set, postures: chosen, access });
          else if (decision.verdict !== 'none') expect(gist(explained)).toEqual(gist(decision));
          cases += 1;
          const kind = `${access.type} ${'posture' in decision ? 'posture' : decision.verdict} site ${found.site}${found.source === 0 ? '' : ' by source'}`;
          met[kind] = (met[kind] ?? 0) + 1;
        }
      },
    ),
    { numRuns: 2500 },
  );
  expect(cases).toBeGreaterThan(10_000);
  // Fewer kinds of answer would mean that the cases have become too tame to say anything.
  expect(Object.keys(met).length).toBeGreaterThan(30);
}, 120_000);

/** Of several lists that the arguments are not in, which one is named does not depend on the order of the rules: the rule says so by itself. */
function expectArguments(one: { explained: Decision; policies: Policy[]; postures: Postures; access: Access }): void {
  if (!('rule' in one.explained)) throw new Error('no rule is named');
  const { policy, rule, verdict } = one.explained;
  expect(evaluate({ ...one, policies: [{ ...policy, rules: [rule] }] })).toMatchObject({ verdict, rule });
}

test('a class without rules has no bit in the flags, one with rules has; rules about files make one for mounts, what is for a source only one for tracing', () => {
  const flagsOf = (policy: Policy): number => loadMaps(encodeTable(compiled([policy]), 0)).flags;
  expect(flagsOf(policyOf(pathRule('/bin/sh')))).toBe(0b0001 | 128);
  expect(flagsOf(policyOf(fileRule('/etc/passwd')))).toBe(0b0010 | 128);
  expect(flagsOf(policyOf({ ...pathRule('/bin/sh'), from: ['/bin/a'] }))).toBe(0b0001 | 128 | 256);
  expect(flagsOf(policyOf(networkRule('udp', { action: 'Allow', from: ['/bin/a'] })))).toBe(0b0100 | 128 | 256);
  expect(flagsOf({ ...policyOf(pathRule('/bin/sh')), kind: 'KubeArmorHostPolicy' })).toBe(0b0001);
  expect(flagsOf(policyOf(switchRule('protectEnv')))).toBe(64);
  expect(flagsOf(policyOf(endpointRule('10.0.0.0/8')))).toBe(0b0100 | (1 << 13));
  expect(flagsOf(policyOf(endpointRule('10.0.0.0/8', { operations: ['accept'] })))).toBe(0b0100 | (1 << 13) | (1 << 16));
});

test('equal rules give equal bytes, whatever the order of policies, their names and messages', () => {
  fc.assert(
    fc.property(policies, (set) => {
      const { table } = compile(set, DEFAULT_POSTURES);
      const renamed = [...set].reverse().map((policy, index) => ({
        ...policy,
        name: `q${index}`,
        rules: [...policy.rules].reverse().map((rule) => ({ ...rule, message: 'other', field: 'elsewhere' })),
      }));
      const again = compile(renamed, DEFAULT_POSTURES).table;
      if (table === undefined || again === undefined) return table === again;
      expect(canonicalTable(again)).toEqual(canonicalTable(table));
      return true;
    }),
    { numRuns: 200 },
  );
});

test('tables that decide differently have different bytes', () => {
  const one = canonicalTable(compiled([policyOf(pathRule('/bin/sh'))]));
  expect(canonicalTable(compiled([policyOf(pathRule('/bin/sg'))]))).not.toEqual(one);
  expect(canonicalTable(compiled([policyOf({ ...pathRule('/bin/sh'), action: 'Audit' })]))).not.toEqual(one);
  expect(canonicalTable(compiled([policyOf({ ...pathRule('/bin/sh'), from: ['/bin/a'] })]))).not.toEqual(one);
});

test('node ids are relocated by the base and use every id up to the count once', () => {
  const table = compiled([
    policyOf({ ...pathRule(`/opt/${'long'.repeat(20)}/tool`), from: [`/usr/${'x'.repeat(30)}`] }, fileRule('/opt/a')),
  ]);
  const ids = (base: number): number[] => {
    const { top, nodes } = loadMaps(encodeTable(table, base));
    return [top.id, ...[...nodes.values()].map(({ id }) => id)].sort((a, b) => a - b);
  };
  const { idCount } = encodeTable(table, 0);
  const sourceRoot = loadMaps(encodeTable(table, 0)).sourceRoot;
  expect([...ids(0), sourceRoot].sort((a, b) => a - b)).toEqual(Array.from({ length: idCount }, (_, i) => i + 1));
  expect(ids(500)).toEqual(ids(0).map((id) => id + 500));
  expect(loadMaps(encodeTable(table, 500)).sourceRoot).toBe(sourceRoot + 500);
});

test('long names that share their first chunk and their length share the edge too', () => {
  const name = (end: string): string => `/${'s'.repeat(24)}${end}`;
  const encoded = encodeTable(compiled([policyOf(pathRule(name('1')), pathRule(name('2')), pathRule(name('33')))]), 0);
  expect(encoded.nodeCount).toBe(5);
  expect(encoded.nodeKeys.length).toBe(5 * LAYOUT.node_key.size);
});

test('defaults hold the posture of allow-listed classes and nothing for the others', () => {
  const table = compiled([policyOf({ ...fileRule('/srv'), action: 'Allow' }, pathRule('/bin/sh'))]);
  expect(loadMaps(encodeTable(table, 0)).defaults).toBe(VERDICT.audit << 2);
});

test('more sources than the mask has bits are told apart', () => {
  const sources = Array.from({ length: 130 }, (_, i) => `/s${i}`);
  const rules = sources.map((source, i) => pathRule('/x', { from: [source], action: i % 2 === 0 ? 'Block' : 'Audit' }));
  const maps = loadMaps(encodeTable(compiled([policyOf(...rules)]), 0));
  const verdicts = sources.map((source) => walk(maps, { type: 'path', operation: 'exec', path: '/x', owner: true, source }).verdict);
  expect(verdicts).toEqual(sources.map((_, i) => (i % 2 === 0 ? VERDICT.block : VERDICT.audit)));
});

test('the mask of a node has exactly the bits of its source classes, modulo 64', () => {
  const rules = Array.from({ length: 40 }, (_, i) =>
    pathRule(`/f${String(i).padStart(2, '0')}`, { from: [`/s${String(i).padStart(2, '0')}`] }),
  );
  const { nodes } = loadMaps(encodeTable(compiled([policyOf(...rules)]), 0));
  const masks = [...nodes.values()].map(({ mask }) => mask).filter((mask) => mask !== 0n);
  expect(masks).toEqual(rules.map((_, i) => 1n << BigInt(i + 1)));
});

function compiled(set: readonly Policy[]): Table {
  const { table } = compile(set, DEFAULT_POSTURES);
  if (table === undefined) throw new Error('these policies have no table');
  return table;
}
