/** Queries in packets, as they leave: what the program at the cgroup reads in them, run by this machine's kernel. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compile, DEFAULT_POSTURES, evaluate } from '@parapet/policy';
import type { DnsRule, Table } from '@parapet/policy';
import { domain, nameNear } from '../support/dns-cases.ts';
import { KernelTrials } from '../support/kernel-trials.ts';
import { changed, extension, FRAGMENT, ipv4, ipv6, query, stream, tcp, udp } from '../support/packets.ts';
import { dnsRule, policyOf } from '../unit/policy/builders.ts';

let kernel: KernelTrials;
beforeAll(() => {
  kernel = new KernelTrials();
}, 60_000);
afterAll(() => kernel?.close());

function tableOf(rules: readonly DnsRule[], posture: 'audit' | 'block' = 'audit'): Table {
  return compile([policyOf(...rules)], { ...DEFAULT_POSTURES, network: posture }).table!;
}

const blocking = tableOf([dnsRule('google.com')]);
const bad = query('google.com');
const good = query('example.com');
const longest = query(`${'l'.repeat(63)}.${'m'.repeat(63)}.${'n'.repeat(63)}.${'o'.repeat(46)}.google.com`);

describe('with google.com blocked', () => {
  test.each([
    ['a query by UDP', ipv4(udp(bad))],
    ['by IPv6', ipv6(udp(bad))],
    ['in upper case', ipv4(udp(query('WWW.GooGLE.COM')))],
    ['for the longest name there is', ipv4(udp(longest))],
    ['behind IP options', ipv4(udp(bad), { options: 10 })],
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
