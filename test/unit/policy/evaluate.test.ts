import { expect, test } from '@jest/globals';
import { DEFAULT_POSTURES, evaluate } from '@parapet/policy';
import type { Access, PathOperation, Rule } from '@parapet/policy';
import { capabilityRule, fileRule, nameRule, networkRule, pathRule, patternRule, policyOf } from './builders.ts';

interface Attempt {
  readonly owner?: boolean;
  readonly source?: string;
}

function on(operation: PathOperation, path: string, { owner = false, source = '/bin/any' }: Attempt = {}): Access {
  return { type: 'path', operation, path, owner, source };
}

/** The verdict, or `posture:…` where the posture gave it. */
function verdict(access: Access, ...rules: readonly Rule[]): string {
  const decision = evaluate({ policies: [policyOf(...rules)], postures: { ...DEFAULT_POSTURES, file: 'block' }, access });
  return 'posture' in decision ? `posture:${decision.verdict}` : decision.verdict;
}

test('a path rule is about that path and no other', () => {
  const rule = pathRule('/bin/sh');
  expect(verdict(on('exec', '/bin/sh'), rule)).toBe('block');
  expect(verdict(on('exec', '/bin/sh2'), rule)).toBe('none');
  expect(verdict(on('exec', '/bin'), rule)).toBe('none');
  expect(verdict(on('exec', '/bin/sh/x'), rule)).toBe('none');
  expect(verdict(on('read', '/bin/sh'), rule)).toBe('none');
});

test('a directory rule is about the directory and its children, with recursive about everything below', () => {
  expect(verdict(on('read', '/etc'), fileRule('/etc/'))).toBe('block');
  expect(verdict(on('read', '/etc/a'), fileRule('/etc/'))).toBe('block');
  expect(verdict(on('read', '/etc/a/b'), fileRule('/etc/'))).toBe('none');
  expect(verdict(on('read', '/etc/a/b'), fileRule('/etc/**'))).toBe('block');
  expect(verdict(on('read', '/etcetera'), fileRule('/etc/**'))).toBe('none');
  expect(verdict(on('read', '/'), fileRule('/'))).toBe('block');
  expect(verdict(on('read', '/a/b'), fileRule('/**'))).toBe('block');
});

test('a directory is moved by nobody when a rule refuses something below it, whatever an allow-list says', () => {
  expect(verdict(on('move', '/etc'), fileRule('/etc/nginx/conf', { from: ['/bin/a'] }))).toBe('block');
  expect(verdict(on('move', '/etc/nginx'), pathRule('/etc/nginx/run', { action: 'Audit' }))).toBe('audit');
  expect(verdict(on('move', '/etc'), fileRule('/etc/nginx/', { action: 'Allow' }))).toBe('none');
  expect(verdict(on('move', '/etc'), fileRule('/etc/nginx/', { action: 'Allow', ownerOnly: true }))).toBe('block');
  expect(verdict(on('move', '/et'), fileRule('/etc/nginx/'))).toBe('none');
  expect(verdict(on('move', '/etc'), fileRule('/etc/'))).toBe('none');
});

test('the directory that a pattern hangs from stays, with those above it', () => {
  expect(verdict(on('move', '/etc/nginx'), patternRule('/etc/nginx/*.conf'))).toBe('block');
  expect(verdict(on('move', '/etc'), patternRule('/etc/nginx/*.conf'))).toBe('block');
  expect(verdict(on('move', '/etc/nginx/a.conf'), patternRule('/etc/nginx/*.conf'))).toBe('none');
  expect(verdict(on('move', '/etc/n'), patternRule('/etc/n*/x'))).toBe('none');
  expect(verdict(on('move', '/bin'), nameRule('sh'))).toBe('none');
});

test('a pattern beats the directory it hangs from and yields to everything deeper', () => {
  const pattern = patternRule('/etc/*/conf', { action: 'Audit' });
  expect(verdict(on('read', '/etc/a/conf'), pattern, fileRule('/etc/**'))).toBe('audit');
  expect(verdict(on('read', '/etc/a/conf'), pattern, fileRule('/etc/a/', { action: 'Allow' }))).toBe('allow');
  expect(verdict(on('read', '/etc/a/conf'), pattern, patternRule('/etc/a/c*', { action: 'Allow' }))).toBe('allow');
  expect(verdict(on('read', '/etc/a/conf'), pattern, patternRule('/etc/**', { action: 'Allow' }))).toBe('audit');
  expect(verdict(on('read', '/etc/a/conf2'), pattern)).toBe('none');
});

test('an execname beats everything but the whole path, and ties with a pattern in the file’s own directory', () => {
  const name = nameRule('sh', { action: 'Audit' });
  expect(verdict(on('exec', '/bin/sh'), name, pathRule('/bin/**'))).toBe('audit');
  expect(verdict(on('exec', '/bin/sh'), name, pathRule('/bin/sh', { action: 'Allow' }))).toBe('allow');
  const pattern = pathRule('/', { match: { type: 'pattern', pattern: '/bin/*' } });
  expect(verdict(on('exec', '/bin/sh'), name, pattern)).toBe('block');
  expect(verdict(on('exec', '/bin/sh', { source: '/a' }), nameRule('sh', { action: 'Allow', from: ['/a'] }), pattern)).toBe('allow');
  expect(verdict(on('exec', '/bin/x/sh'), name, pattern)).toBe('audit');
  expect(verdict(on('exec', '/'), nameRule('sh'))).toBe('none');
});

test('the deepest match wins, whatever it says and however it was written', () => {
  const rules = [fileRule('/etc/**'), fileRule('/etc/nginx/', { action: 'Allow' }), fileRule('/etc/nginx/conf', { action: 'Audit' })];
  expect(verdict(on('read', '/etc/a'), ...rules)).toBe('block');
  expect(verdict(on('read', '/etc/nginx/a'), ...rules)).toBe('allow');
  expect(verdict(on('read', '/etc/nginx/conf'), ...rules)).toBe('audit');
  expect(verdict(on('read', '/etc/nginx/a/b'), ...rules)).toBe('block');
});

test('a deeper rule for any source beats a shallower one for this source', () => {
  const rules = [fileRule('/etc/**', { from: ['/bin/a'], action: 'Allow' }), fileRule('/etc/x')];
  expect(verdict(on('read', '/etc/x', { source: '/bin/a' }), ...rules)).toBe('block');
});

test('at equal depth a rule for this source beats one for any, even Allow over Block', () => {
  const rules = [pathRule('/bin/sh'), pathRule('/bin/sh', { from: ['/sbin/init'], action: 'Allow' })];
  expect(verdict(on('exec', '/bin/sh', { source: '/sbin/init' }), ...rules)).toBe('allow');
  expect(verdict(on('exec', '/bin/sh', { source: '/bin/other' }), ...rules)).toBe('block');
});

test('of equal rules Block beats Audit beats Allow, and the first of those is named', () => {
  const rules = [
    pathRule('/a', { action: 'Allow' }),
    pathRule('/a', { action: 'Audit' }),
    pathRule('/a'),
    pathRule('/a', { message: 'later' }),
  ];
  const decision = evaluate({ policies: [policyOf(...rules)], postures: DEFAULT_POSTURES, access: on('exec', '/a') });
  expect(decision).toMatchObject({ verdict: 'block', rule: rules[2] });
  expect(verdict(on('exec', '/a'), ...rules.slice(0, 2))).toBe('audit');
});

test.each([
  ['Block', { readOnly: false, ownerOnly: false }, ['block', 'block', 'block', 'block']],
  ['Audit', { readOnly: false, ownerOnly: false }, ['audit', 'audit', 'audit', 'audit']],
  ['Allow', { readOnly: false, ownerOnly: false }, ['allow', 'allow', 'allow', 'allow']],
  ['Block', { readOnly: true, ownerOnly: false }, ['allow', 'block', 'allow', 'block']],
  ['Audit', { readOnly: true, ownerOnly: false }, ['allow', 'audit', 'allow', 'audit']],
  ['Allow', { readOnly: true, ownerOnly: false }, ['allow', 'block', 'allow', 'block']],
  ['Block', { readOnly: false, ownerOnly: true }, ['allow', 'allow', 'block', 'block']],
  ['Audit', { readOnly: false, ownerOnly: true }, ['allow', 'allow', 'audit', 'audit']],
  ['Allow', { readOnly: false, ownerOnly: true }, ['allow', 'allow', 'block', 'block']],
  ['Block', { readOnly: true, ownerOnly: true }, ['allow', 'block', 'block', 'block']],
  ['Audit', { readOnly: true, ownerOnly: true }, ['allow', 'audit', 'audit', 'audit']],
  ['Allow', { readOnly: true, ownerOnly: true }, ['allow', 'block', 'block', 'block']],
] as const)('%s with %j gives owner read, owner write, read, write: %j', (action, flags, expected) => {
  const rule = fileRule('/f', { action, ...flags });
  const cases = [on('read', '/f', { owner: true }), on('write', '/f', { owner: true }), on('read', '/f'), on('write', '/f')];
  expect(cases.map((access) => verdict(access, rule))).toEqual(expected);
});

test.each([
  ['Block', ['allow', 'block', 'allow', 'block']],
  ['Audit', ['allow', 'audit', 'allow', 'audit']],
  ['Allow', ['allow', 'block', 'allow', 'block']],
] as const)('%s without a terminal gives read and write, each without and with one: %j', (action, expected) => {
  const rule = fileRule('/f', { action, noTerminal: true });
  const cases = (['read', 'write'] as const).flatMap((operation) =>
    [false, true].map((terminal) => ({ ...on(operation, '/f'), terminal })),
  );
  expect(cases.map((access) => verdict(access, rule))).toEqual(expected);
  expect(verdict(on('move', '/a'), fileRule('/a/f', { action, noTerminal: true }))).toBe(action === 'Audit' ? 'audit' : 'block');
});

test('a socket is refused to a terminal where its rule says so', () => {
  const rule = networkRule('udp', { noTerminal: true });
  expect(verdict(socket(2, 2), rule)).toBe('allow');
  expect(verdict({ ...socket(2, 2), terminal: true } as Access, rule)).toBe('block');
});

test('one Allow rule makes its class an allow-list, and only its class', () => {
  const allow = fileRule('/srv/**', { action: 'Allow' });
  expect(verdict(on('read', '/srv/a'), allow)).toBe('allow');
  expect(verdict(on('read', '/etc'), allow)).toBe('posture:block');
  expect(verdict(on('exec', '/bin/sh'), allow)).toBe('none');
  expect(verdict(on('exec', '/bin/sh'), pathRule('/bin/ls', { action: 'Allow' }))).toBe('posture:block');
  expect(verdict(socket(2, 1), networkRule('udp', { action: 'Allow' }))).toBe('posture:audit');
  expect(verdict({ type: 'capability', capability: 13, source: '/a' }, capabilityRule('chown', { action: 'Allow' }))).toBe('posture:audit');
});

test('a read-only rule is no Allow rule: what it does not match passes', () => {
  expect(verdict(on('read', '/x'), fileRule('/etc/', { readOnly: true }))).toBe('none');
});

function socket(family: number, socketType: number, source = '/a'): Access {
  return { type: 'network', family, socketType, protocol: 0, source };
}

test('network rules match by any of the names a socket has; the source decides before the action', () => {
  expect(verdict(socket(2, 1), networkRule('tcp'))).toBe('block');
  expect(verdict(socket(1, 1), networkRule('tcp'))).toBe('none');
  expect(verdict(socket(1, 1), networkRule('stream', { action: 'Allow' }), networkRule('all'))).toBe('block');
  expect(verdict(socket(1, 1, '/b'), networkRule('stream', { action: 'Allow', from: ['/b'] }), networkRule('all'))).toBe('allow');
});

test('capabilities match by number', () => {
  const rule = capabilityRule('net_raw');
  expect(verdict({ type: 'capability', capability: 13, source: '/a' }, rule)).toBe('block');
  expect(verdict({ type: 'capability', capability: 12, source: '/a' }, rule)).toBe('none');
  expect(verdict({ type: 'capability', capability: 99, source: '/a' }, rule)).toBe('none');
});
