import { expect, test } from '@jest/globals';
import { DEFAULT_POSTURES, evaluate } from '@parapet/policy';
import type { DnsRule } from '@parapet/policy';
import { dnsRule, networkRule, policyOf } from './builders.ts';
import { errorsOf, parsed } from './manifests.ts';

function errorsIn(domain: unknown): string[] {
  return errorsOf({ spec: { network: { matchDNSQueries: [{ domain }] } } }).map(({ message, hint }) =>
    hint === undefined ? message : `${message} (${hint})`,
  );
}

test.each([
  ['example.com', 'example.com'],
  ['Example.COM.', 'example.com'],
  ['.example.com', 'example.com'],
  ['_dmarc.xn--bcher-kva.example', '_dmarc.xn--bcher-kva.example'],
  ['localhost', 'localhost'],
])('%j is the domain %s', (written, domain) => {
  const { rules } = parsed({ spec: { network: { matchDNSQueries: [{ domain: written, fromSource: [{ path: '/bin/sh' }] }] } } });
  expect(rules).toMatchObject([{ section: 'dns', domain, from: ['/bin/sh'], field: 'spec.network.matchDNSQueries[0]' }]);
});

test.each([
  ['', 'is the root, below which every name is (name a domain, like example.com)'],
  ['.', 'is the root, below which every name is (name a domain, like example.com)'],
  ['*.example.com', 'must not be a pattern (write example.com: every name below it is meant too)'],
  ['bücher.example', 'has letters that no query carries (write it as it is looked up: xn--…)'],
  ['a..b', 'has two dots in a row'],
  ['http://example.com', 'is no domain (letters, digits, - and _ between dots)'],
  [`${'l'.repeat(64)}.com`, 'has a part of 64 characters, and the longest has 63'],
  [`${`${'l'.repeat(63)}.`.repeat(4)}com`, 'has 259 characters, and the longest name has 253'],
  [undefined, 'is required'],
  [7, 'must be a text, not 7 (write it in quotes: "7")'],
])('the domain %j is refused with the reason', (domain, message) => {
  expect(errorsIn(domain)).toEqual([message]);
});

function verdict(rules: readonly DnsRule[], name: string, source = '/x'): string {
  const postures = { ...DEFAULT_POSTURES, network: 'block' as const };
  return evaluate({ policies: [policyOf(...rules)], postures, access: { type: 'dns', name, source } }).verdict;
}

test('a rule is about its domain and every name below it, in any case and with or without a dot at the end', () => {
  const rules = [dnsRule('google.com')];
  for (const name of ['google.com', 'www.google.com', 'a.b.GOOGLE.com.']) expect([name, verdict(rules, name)]).toEqual([name, 'block']);
  for (const name of ['notgoogle.com', 'com', 'google.com.example']) expect([name, verdict(rules, name)]).toEqual([name, 'none']);
});

test('the longest domain decides, then a rule for the source, then Block', () => {
  const rules = [dnsRule('example.com'), dnsRule('ok.example.com', { action: 'Allow' })];
  expect(['a.example.com', 'a.ok.example.com'].map((name) => verdict(rules, name))).toEqual(['block', 'allow']);
  const sourced = [dnsRule('example.com'), dnsRule('example.com', { action: 'Audit', from: ['/curl'] })];
  expect([verdict(sourced, 'example.com', '/curl'), verdict(sourced, 'example.com', '/wget')]).toEqual(['audit', 'block']);
});

test('what a pod’s search list puts behind a name is left out where no rule is about the whole', () => {
  const rules = [dnsRule('google.com'), dnsRule('db.shop.svc.cluster.local', { action: 'Audit' })];
  expect(
    ['google.com.shop.svc.cluster.local', 'google.com.svc.cluster.local', 'google.com.cluster.local', 'db.shop.svc.cluster.local'].map(
      (name) => verdict(rules, name),
    ),
  ).toEqual(['block', 'block', 'block', 'audit']);
  expect(verdict(rules, 'google.com.svc.cluster.example')).toBe('none');
});

test('an Allow rule makes an allow-list of names alone, under the posture of network', () => {
  const rules = [dnsRule('example.com', { action: 'Allow' })];
  expect([verdict(rules, 'example.com'), verdict(rules, 'example.org')]).toEqual(['allow', 'block']);
  const socket = { type: 'network', family: 2, socketType: 2, protocol: 17, source: '/x' } as const;
  const postures = { ...DEFAULT_POSTURES, network: 'block' as const };
  expect(evaluate({ policies: [policyOf(...rules)], postures, access: socket }).verdict).toBe('none');
  expect(
    evaluate({ policies: [policyOf(networkRule('tcp', { action: 'Allow' }))], postures, access: { type: 'dns', name: 'a', source: '/x' } })
      .verdict,
  ).toBe('none');
});
