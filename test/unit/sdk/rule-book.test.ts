import { expect, test } from '@jest/globals';
import { RuleBook } from '../../../sdk/src/rule-book.ts';

const site = 'main.ts:1';

test('a trailing slash makes a directory, with everything below unless told otherwise', () => {
  const book = new RuleBook();
  book.addPath('file', '/etc/', { action: 'Block', site });
  book.addPath('file', '/srv/', { action: 'Block', recursive: false, site });
  book.addPath('file', '/etc/shadow', { action: 'Block', site });
  expect(book.render().rules).toEqual({
    file: {
      matchDirectories: [
        { dir: '/etc/', recursive: true, action: 'Block' },
        { dir: '/srv/', action: 'Block' },
      ],
      matchPaths: [{ path: '/etc/shadow', action: 'Block' }],
    },
  });
});

test('every rule knows where it was written', () => {
  const book = new RuleBook();
  book.addPath('process', '/bin/a', { action: 'Block', site: 'main.ts:1' });
  book.addName('network', 'udp', { action: 'Block', site: 'main.ts:2' });
  book.addPath('process', '/bin/b', { action: 'Block', site: 'main.ts:3' });
  book.addPath('process', '/bin/c', { action: 'Block', site: undefined });
  expect(book.render().sources).toEqual({
    'spec.process.matchPaths[0]': 'main.ts:1',
    'spec.network.matchProtocols[0]': 'main.ts:2',
    'spec.process.matchPaths[1]': 'main.ts:3',
  });
});

test('options that say nothing are left out', () => {
  const book = new RuleBook();
  book.addPath('file', '/a', { action: 'Block', from: [], ownerOnly: false, readOnly: true, severity: undefined, site });
  expect(book.render().rules).toEqual({ file: { matchPaths: [{ path: '/a', action: 'Block', readOnly: true }] } });
});

test('an exception keeps its class open with the weakest rule there is, once', () => {
  const book = new RuleBook();
  book.markException('process', 'main.ts:4');
  book.markException('process', 'main.ts:5');
  book.markException('network', 'main.ts:6');
  expect(book.render()).toEqual({
    rules: {
      process: { matchDirectories: [{ dir: '/', recursive: true, action: 'Allow' }] },
      network: { matchProtocols: [{ protocol: 'all', action: 'Allow' }] },
    },
    sources: { 'spec.process.matchDirectories[0]': 'main.ts:4', 'spec.network.matchProtocols[0]': 'main.ts:6' },
  });
});

test('an exception in an allow-list opens nothing, whichever was written first', () => {
  const book = new RuleBook();
  book.markException('file', site);
  book.markAllowList('file');
  expect(book.render().rules).toEqual({});
});

test('an exception for a capability keeps all others usable', () => {
  const book = new RuleBook();
  book.addName('capabilities', 'net_raw', { action: 'Block', site });
  book.addName('capabilities', 'net_raw', { action: 'Allow', from: ['/bin/ping'], site });
  book.markException('capabilities', site);
  const rules = book.render().rules.capabilities?.matchCapabilities ?? [];
  expect(rules[1]).toEqual({ capability: 'net_raw', fromSource: [{ path: '/bin/ping' }], action: 'Allow' });
  expect(rules.slice(2).every(({ action, fromSource }) => action === 'Allow' && fromSource === undefined)).toBe(true);
  expect(rules).toHaveLength(2 + 41);
});

test('a source with a / at its end is every program of that directory', () => {
  const book = new RuleBook();
  book.addName('capabilities', 'net_raw', { action: 'Block', from: ['/opt/tools/', '/bin/ping'], site });
  expect(book.render().rules.capabilities?.matchCapabilities).toEqual([
    { capability: 'net_raw', fromSource: [{ dir: '/opt/tools/', recursive: true }, { path: '/bin/ping' }], action: 'Block' },
  ]);
});
