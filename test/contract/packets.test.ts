/** Queries in packets, as they leave: what the program at the cgroup reads in them, run by this machine's kernel. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compile, DEFAULT_POSTURES, evaluate } from '@parapet/policy';
import type { Policy, Table } from '@parapet/policy';
import { domain, nameNear } from '../support/dns-cases.ts';
import { KernelTrials } from '../support/kernel-trials.ts';
import { changed, extension, FRAGMENT, ipv4, ipv6, query, stream, tcp, udp } from '../support/packets.ts';
import { dnsRule, endpointRule, networkRule, policyOf } from '../unit/policy/builders.ts';

let kernel: KernelTrials;
beforeAll(() => {
  kernel = new KernelTrials();
}, 60_000);
afterAll(() => kernel?.close());

function tableOf(rules: Policy['rules'], posture: 'audit' | 'block' = 'audit'): Table {
  return compile([policyOf(...rules)], { ...DEFAULT_POSTURES, network: posture }).table!;
}

const blocking = tableOf([dnsRule('google.com')]);
/** By one hop, as options of IPv4. */
const LOOSE = [131, 7, 4, 127, 0, 0, 66];
const STRICT = [137, 7, 4, 127, 0, 0, 66];
const TIMESTAMP = [68, 8, 5, 0, 0, 0, 0, 0];

const bad = query('google.com');
const good = query('example.com');
const longest = query(`${'l'.repeat(63)}.${'m'.repeat(63)}.${'n'.repeat(63)}.${'o'.repeat(46)}.google.com`);

describe('with google.com blocked', () => {
  test.each([
    ['a query by UDP', ipv4(udp(bad))],
    ['by IPv6', ipv6(udp(bad))],
    ['in upper case', ipv4(udp(query('WWW.GooGLE.COM')))],
    ['for the longest name there is', ipv4(udp(longest))],
    ['behind IP options', ipv4(udp(bad), { options: Array.from({ length: 40 }, () => 1) })],
    ['behind a source route', ipv4(udp(bad), { options: LOOSE })],
    ['behind extension headers', ipv6(udp(bad), [extension(0), extension(60, 4), extension(43)])],
    ['behind a fragment header of a whole packet', ipv6(udp(bad), [{ number: FRAGMENT, bytes: [0, 0, 0, 0, 0, 0, 0] }])],
    [
      'behind more extension headers than anybody needs',
      ipv6(
        udp(good),
        Array.from({ length: 9 }, () => extension(60)),
      ),
    ],
    ['by TCP', ipv4(tcp(stream(bad)))],
    ['by TCP with options', ipv4(tcp(stream(bad), { options: 10 }))],
    ['after another one in a segment', ipv4(tcp(stream(good, bad)))],
    ['after fifteen others', ipv4(tcp(stream(...Array.from({ length: 15 }, () => good), bad)))],
    ['the seventeenth of a segment, whatever it is', ipv4(tcp(stream(...Array.from({ length: 17 }, () => good))))],
    ['a message in pieces', ipv4(tcp(stream(good).subarray(0, 20)))],
    ['one byte of a length', ipv4(tcp(Buffer.from([0])))],
    ['the first fragment', ipv4(udp(good), { fragment: 0x2000 })],
    ['the first fragment of IPv6', ipv6(udp(good), [{ number: FRAGMENT, bytes: [0, 0, 1, 0, 0, 0, 0] }])],
    ['two questions', ipv4(udp(changed(good, { 5: 2 })))],
    ['no question', ipv4(udp(changed(good, { 5: 0 })))],
    ['a compressed name', ipv4(udp(changed(good, { 12: 0xc0 })))],
    ['a name without an end', ipv4(udp(good.subarray(0, good.length - 5)))],
    ['a name without type and class', ipv4(udp(good.subarray(0, good.length - 1)))],
    ['less than a header', ipv4(udp(good.subarray(0, 11)))],
    ['nothing', ipv4(udp(Buffer.alloc(0)))],
  ])('%s is refused', (_what, packet) => {
    expect(kernel.leaves(blocking, packet)).toBe(false);
  });

  test.each([
    ['another name', ipv4(udp(good))],
    ['a name that only ends alike', ipv4(udp(query('notgoogle.com')))],
    ['the top-level domain', ipv4(udp(query('com')))],
    ['the root', ipv4(udp(query('')))],
    ['an answer', ipv4(udp(changed(bad, { 2: 0x81 })))],
    ['another port', ipv4(udp(bad, 54))],
    ['another port by TCP', ipv4(tcp(stream(bad), { port: 54 }))],
    ['a later fragment', ipv4(udp(bad), { fragment: 3 })],
    ['a later fragment of IPv6', ipv6(udp(bad), [{ number: FRAGMENT, bytes: [0, 0, 9, 0, 0, 0, 0] }])],
    ['another protocol', ipv4({ protocol: 1, bytes: udp(bad).bytes })],
    ['a segment without data', ipv4(tcp(Buffer.alloc(0)))],
    ['sixteen others in a segment', ipv4(tcp(stream(...Array.from({ length: 16 }, () => good))))],
    ['additional records behind the question', ipv4(udp(Buffer.concat([good, Buffer.alloc(40, 7)])))],
  ])('%s passes', (_what, packet) => {
    expect(kernel.leaves(blocking, packet)).toBe(true);
  });
});

describe('with rules for addresses', () => {
  const addresses = tableOf([endpointRule('192.0.2.0/24')]);

  test.each([
    ['a loose source route', ipv4(udp(good, 80), { options: LOOSE })],
    ['a strict one', ipv4(udp(good, 80), { options: STRICT })],
    ['one over TCP', ipv4(tcp(Buffer.alloc(0), { port: 80 }), { options: LOOSE })],
    ['one over any protocol', ipv4({ protocol: 1, bytes: good }, { options: LOOSE })],
    ['one behind options that say nothing', ipv4(udp(good, 80), { options: [1, 1, 1, ...LOOSE] })],
    ['one behind another option', ipv4(udp(good, 80), { options: [...TIMESTAMP, ...LOOSE] })],
    ['one at the end of the options', ipv4(udp(good, 80), { options: [...Array.from({ length: 33 }, () => 1), ...LOOSE] })],
    ['one in a later fragment', ipv4(udp(good, 80), { options: LOOSE, fragment: 3 })],
    ['options that cannot be read', ipv4(udp(good, 80), { options: [68, 1, ...LOOSE] })],
    ['a routing header', ipv6(udp(good, 80), [extension(43)])],
    ['a routing header behind others', ipv6(udp(good, 80), [extension(0), extension(60, 4), extension(43, 3)])],
    ['a routing header in a later fragment', ipv6(udp(good, 80), [extension(43), { number: FRAGMENT, bytes: [0, 0, 9, 0, 0, 0, 0] }])],
    [
      'more extension headers than anybody needs',
      ipv6(
        udp(good, 80),
        Array.from({ length: 9 }, () => extension(60)),
      ),
    ],
  ])('a packet with %s is refused', (_what, packet) => {
    expect(kernel.leaves(addresses, packet)).toBe(false);
  });

  test.each([
    ['no options', ipv4(udp(good, 80))],
    ['another option', ipv4(udp(good, 80), { options: TIMESTAMP })],
    ['what looks like a route behind the end of the options', ipv4(udp(good, 80), { options: [0, ...LOOSE] })],
    ['what looks like a route in another option', ipv4(udp(good, 80), { options: [68, 9, ...LOOSE] })],
    ['what looks like a route in its data', ipv4(udp(Buffer.from(LOOSE), 80))],
    ['extension headers', ipv6(udp(good, 80), [extension(0), extension(60, 4)])],
  ])('a packet with %s passes', (_what, packet) => {
    expect(kernel.leaves(addresses, packet)).toBe(true);
  });

  test('a source route passes where no rule is about addresses', () => {
    const table = tableOf([networkRule('sctp'), dnsRule('google.com')]);
    expect(kernel.leaves(table, ipv4(udp(good), { options: LOOSE }))).toBe(true);
    expect(kernel.leaves(table, ipv6(udp(good), [extension(43)]))).toBe(true);
  });
});

test('what can’t be read passes where names are only audited, and is refused by an allow-list that blocks', () => {
  const unreadable = ipv4(udp(good.subarray(0, 15)));
  expect(kernel.leaves(tableOf([dnsRule('google.com', { action: 'Audit' })]), unreadable)).toBe(true);
  expect(kernel.leaves(tableOf([dnsRule('google.com', { action: 'Allow' })]), unreadable)).toBe(true);
  expect(kernel.leaves(tableOf([dnsRule('google.com', { action: 'Allow' })], 'block'), unreadable)).toBe(false);
});

test('a blocked name after an audited one in the same segment is refused', () => {
  const table = tableOf([dnsRule('example.com', { action: 'Audit' }), dnsRule('google.com')]);
  expect(kernel.leaves(table, ipv4(tcp(stream(good, good, bad))))).toBe(false);
  expect(kernel.leaves(table, ipv4(tcp(stream(good, good))))).toBe(true);
});

test('on random rules and names a packet leaves exactly when the evaluator does not block', () => {
  const rules = fc.array(
    fc
      .record({ domain, action: fc.constantFrom('Allow' as const, 'Audit' as const, 'Block' as const) })
      .map(({ domain: name, action }) => dnsRule(name, { action })),
    { minLength: 1, maxLength: 6 },
  );
  const cases = rules.chain((set) => fc.tuple(fc.constant(set), nameNear(set.map(({ domain: name }) => name)), fc.boolean(), fc.boolean()));
  const seen = { passed: 0, refused: 0 };
  fc.assert(
    fc.property(cases, fc.constantFrom('audit' as const, 'block' as const), ([set, name, byTcp, byV6], posture) => {
      const postures = { ...DEFAULT_POSTURES, network: posture };
      const access = { type: 'dns', name, source: '' } as const;
      const passes = evaluate({ policies: [policyOf(...set)], postures, access }).verdict !== 'block';
      const transport = byTcp ? tcp(stream(query(name))) : udp(query(name));
      expect({ name, passes: kernel.leaves(tableOf(set, posture), byV6 ? ipv6(transport) : ipv4(transport)) }).toEqual({ name, passes });
      seen[passes ? 'passed' : 'refused'] += 1;
    }),
    { numRuns: 2000 },
  );
  expect(Math.min(seen.passed, seen.refused)).toBeGreaterThan(200);
}, 120_000);
