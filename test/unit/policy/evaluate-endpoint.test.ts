import { expect, test } from '@jest/globals';
import { DEFAULT_POSTURES, evaluate, parseAddress } from '@parapet/policy';
import type { Access, EndpointOperation, Rule } from '@parapet/policy';
import { endpointRule, networkRule, policyOf } from './builders.ts';

interface Try {
  readonly operation?: EndpointOperation;
  readonly socket?: readonly [number, number, number];
  readonly source?: string;
  readonly posture?: 'audit' | 'block';
}

/** What the rules say about using a TCP socket with `address:port`, by connecting unless told otherwise; no address: creating it. */
function verdict(
  rules: readonly Rule[],
  at: string | undefined,
  { operation = 'connect', socket = [2, 1, 6], source = '/x', ...rest }: Try = {},
): string {
  const [family, socketType, protocol] = socket;
  const [host = '', port = '0'] = at?.split(' ') ?? [];
  const access: Access = {
    type: 'network',
    family,
    socketType,
    protocol,
    source,
    ...(at === undefined ? {} : { endpoint: { operation, address: parseAddress(host)!, port: Number(port) } }),
  };
  const postures = { ...DEFAULT_POSTURES, network: rest.posture ?? ('block' as const) };
  return evaluate({ policies: [policyOf(...rules)], postures, access }).verdict;
}

const port = (first: number, last = first): { ports: { first: number; last: number }[] } => ({ ports: [{ first, last }] });
const UDP = [2, 2, 17] as const;

test('the longest prefix decides, whatever its action', () => {
  const rules = [endpointRule('10.0.0.0/8'), endpointRule('10.1.0.0/16', {}, { action: 'Allow' }), endpointRule('10.1.2.0/24')];
  expect(['10.9.9.9 80', '10.1.9.9 80', '10.1.2.9 80'].map((at) => verdict(rules, at))).toEqual(['block', 'allow', 'block']);
});

test('with the same prefix a rule with ports beats one without, a source beats none, and Block beats Audit beats Allow', () => {
  expect(verdict([endpointRule('10.0.0.0/8'), endpointRule('10.0.0.0/8', port(443), { action: 'Allow' })], '10.0.0.1 443')).toBe('allow');
  const bySource = endpointRule('10.0.0.0/8', {}, { action: 'Allow', from: ['/curl'] });
  expect(verdict([endpointRule('10.0.0.0/8'), bySource], '10.0.0.1 443', { source: '/curl' })).toBe('allow');
  expect(verdict([endpointRule('10.0.0.0/8', port(443)), bySource], '10.0.0.1 443', { source: '/curl' })).toBe('block');
  const audit = endpointRule('10.0.0.0/8', {}, { action: 'Audit' });
  expect(verdict([endpointRule('10.0.0.0/8', {}, { action: 'Allow' }), audit], '10.0.0.1 443')).toBe('audit');
});

test('what is left out of a block is decided by what lies around it', () => {
  const except = [{ version: 4 as const, value: 0x0a010000n, prefix: 16 }];
  const rules = [endpointRule('0.0.0.0/0', {}, { action: 'Audit' }), endpointRule('10.0.0.0/8', { except })];
  expect(['10.1.0.1 1', '10.2.0.1 1'].map((at) => verdict(rules, at))).toEqual(['audit', 'block']);
});

test('an endpoint rule beats a rule for a protocol, also for creating the socket', () => {
  const rules = [networkRule('tcp'), endpointRule('10.0.0.0/8', { protocol: 'tcp' }, { action: 'Allow' })];
  expect(verdict(rules, undefined)).toBe('allow');
  expect(verdict(rules, '10.0.0.1 443')).toBe('allow');
  expect(verdict(rules, '192.0.2.1 443')).toBe('block');
  expect(verdict(rules, undefined, { socket: UDP })).toBe('block');
  expect(verdict([networkRule('tcp'), endpointRule('10.0.0.0/8')], undefined)).toBe('block');
});

test('an Allow rule makes an allow-list of network, in which other sockets are left to the posture', () => {
  const rules = [endpointRule('10.0.0.0/8', { protocol: 'tcp' }, { action: 'Allow' })];
  expect(verdict(rules, '192.0.2.1 443', { posture: 'audit' })).toBe('audit');
  expect(verdict(rules, undefined, { socket: [1, 1, 0] })).toBe('block');
  expect(verdict(rules, '0.0.0.0 0', { operation: 'bind' })).toBe('allow');
  expect(verdict(rules, '0.0.0.0 80', { operation: 'bind' })).toBe('block');
  expect(verdict(rules, '0.0.0.0 0', { operation: 'listen' })).toBe('block');
});

test('a rule for connecting is about sending too, not the reverse', () => {
  const [connect, send] = [endpointRule('::/0', { operations: ['connect'] }), endpointRule('::/0', { operations: ['send'] })];
  expect(verdict([connect], '::1 53', { operation: 'send', socket: [10, 2, 17] })).toBe('block');
  expect(verdict([send], '::1 53', { operation: 'connect', socket: [10, 2, 17] })).toBe('none');
});

test('a rule with ports is not about what has none; a raw socket that carries any ports is blocked by it and not allowed', () => {
  const rules = [endpointRule('10.0.0.0/8', port(80))];
  expect(verdict(rules, '10.0.0.1 0', { operation: 'send', socket: [2, 3, 1] })).toBe('none');
  expect(verdict(rules, '10.0.0.1 0', { operation: 'send', socket: [2, 3, 6] })).toBe('block');
  expect(verdict(rules, '10.0.0.1 0', { operation: 'send', socket: [2, 3, 255] })).toBe('block');
  const allow = [endpointRule('10.0.0.0/8', port(80), { action: 'Allow' })];
  expect(verdict(allow, '10.0.0.1 0', { operation: 'send', socket: [2, 3, 6] })).toBe('block');
  expect(verdict([endpointRule('10.0.0.0/8', { protocol: 'udp' })], '10.0.0.1 0', { operation: 'send', socket: [2, 3, 255] })).toBe(
    'block',
  );
});

test('a rule for a protocol allows its own sockets only, and audits and blocks raw ones that carry it too', () => {
  const raw = { operation: 'send', socket: [2, 3, 6] } as const;
  const rule = (action: 'Allow' | 'Audit' | 'Block') => endpointRule('10.0.0.0/8', { protocol: 'tcp' }, { action });
  expect(verdict([rule('Allow')], '10.0.0.1 0', raw)).toBe('block');
  expect(verdict([rule('Allow')], undefined, raw)).toBe('block');
  expect(verdict([rule('Audit')], '10.0.0.1 0', raw)).toBe('audit');
  expect(verdict([rule('Block')], '10.0.0.1 0', raw)).toBe('block');
  expect(verdict([endpointRule('10.0.0.0/8', {}, { action: 'Allow' })], '10.0.0.1 0', raw)).toBe('allow');
  expect(verdict([networkRule('tcp', { action: 'Allow' })], undefined, raw)).toBe('block');
  expect(verdict([networkRule('tcp', { action: 'Allow' }), networkRule('raw', { action: 'Allow' })], undefined, raw)).toBe('allow');
});

test('who connects is a peer: its address, at the port that is listened at', () => {
  const rules = [
    endpointRule('10.0.0.0/8', { ...port(443), operations: ['accept'] }, { action: 'Allow' }),
    endpointRule('10.6.0.0/16', { operations: ['accept'] }),
  ];
  const peers = ['10.0.0.1 443', '10.0.0.1 80', '10.6.0.1 443', '192.0.2.1 443'];
  expect(peers.map((at) => verdict(rules, at, { operation: 'accept' }))).toEqual(['allow', 'block', 'block', 'block']);
});

test('rules for addresses are about internet sockets only', () => {
  expect(verdict([endpointRule('::/0'), endpointRule('0.0.0.0/0')], undefined, { socket: [1, 1, 0] })).toBe('none');
});
