import { expect, test } from '@jest/globals';
import { CAPABILITIES, NETWORK_NAMES } from '@parapet/policy';
import { errorsOf, parsed, problemsOf } from './manifests.ts';

function pathErrors(path: unknown): string[] {
  return errorsOf({ spec: { file: { matchPaths: [{ path }] } } }).map(({ message, hint }) =>
    hint === undefined ? message : `${message} (${hint})`,
  );
}

function directoryErrors(dir: unknown): string[] {
  return errorsOf({ spec: { file: { matchDirectories: [{ dir }] } } }).map(({ message, hint }) =>
    hint === undefined ? message : `${message} (${hint})`,
  );
}

test.each([
  ['', 'must not be empty'],
  ['bin/sh', 'must be absolute, and "bin/sh" does not start with /'],
  ['/bin//sh', 'must not contain // (write "/bin/sh")'],
  ['/bin/./sh', 'must not contain the component . (write "/bin/sh")'],
  ['/bin/../sh', 'must not contain the component .. (write "/sh")'],
  ['/../sh', 'must not contain the component ..'],
  ['/bin/', 'must not end in / (for a directory use matchDirectories, for a file leave the last / out)'],
  ['/', "is a directory (use matchDirectories with dir: '/')"],
  ['/a\0b', 'must not contain a NUL character'],
  ['/a\ud800', 'is not valid Unicode'],
  [`/${'ü'.repeat(128)}`, 'has a component of 256 bytes, and a file name has at most 255'],
  [`${`/${'a'.repeat(255)}`.repeat(16)}/a`, 'has 4098 bytes, and a path has at most 4095'],
])('the path %j is refused with the reason', (path, message) => {
  expect(pathErrors(path)).toEqual([message]);
});

test.each([
  `/${'a'.repeat(255)}`,
  `/${'a/'.repeat(127)}a`,
  `${`/${'a'.repeat(254)}`.repeat(16)}/${'b'.repeat(14)}`,
  '/opt/ü x/…',
  '/a.b/..c/.d',
])('the path of a file that can exist passes (%#)', (path) => {
  expect(problemsOf({ spec: { file: { matchPaths: [{ path }] } } })).toEqual([]);
});

test.each([
  ['/bin', 'must end in / (write "/bin/")'],
  ['bin/', 'must be absolute, and "bin/" does not start with /'],
  ['//', 'must not contain // (write "/")'],
  [7, 'must be a text, not 7 (write it in quotes: "7")'],
  [undefined, 'is required'],
])('the directory %j is refused with the reason', (dir, message) => {
  expect(directoryErrors(dir)).toEqual([message]);
});

test('the root directory can be named', () => {
  const policy = parsed({ spec: { file: { matchDirectories: [{ dir: '/', recursive: true }] } } });
  expect(policy.rules).toMatchObject([{ match: { type: 'directory', dir: '/', recursive: true } }]);
});

test('a path that looks like a pattern is warned about', () => {
  const [problem] = problemsOf({ spec: { process: { matchPaths: [{ path: '/home/*/.bashrc' }] } } });
  expect(problem).toMatchObject({ code: 'pattern-in-path', severity: 'warning' });
});

test.each([
  [{ process: { matchPaths: [{}] } }, 'spec.process.matchPaths[0].path'],
  [{ network: { matchProtocols: [{}] } }, 'spec.network.matchProtocols[0].protocol'],
  [{ capabilities: { matchCapabilities: [{}] } }, 'spec.capabilities.matchCapabilities[0].capability'],
  [{ file: { matchPaths: [{ path: '/a', fromSource: [{}] }] } }, 'spec.file.matchPaths[0].fromSource[0].path'],
])('a rule without its subject is refused: %j', (spec, field) => {
  expect(errorsOf({ spec })).toMatchObject([{ code: 'missing-field', place: { field } }]);
});

test.each([
  [{ process: { matchPaths: {} } }, 'spec.process.matchPaths'],
  [{ process: { matchPaths: ['/bin/sh'] } }, 'spec.process.matchPaths[0]'],
  [{ file: { matchPaths: [{ path: '/a', readOnly: 'true' }] } }, 'spec.file.matchPaths[0].readOnly'],
  [{ file: { matchDirectories: [{ dir: '/a/', recursive: 1 }] } }, 'spec.file.matchDirectories[0].recursive'],
  [{ file: { matchPaths: [{ path: '/a', fromSource: null }] } }, 'spec.file.matchPaths[0].fromSource'],
  [{ file: { matchPaths: [{ path: '/a', fromSource: ['/b'] }] } }, 'spec.file.matchPaths[0].fromSource[0]'],
  [{ file: { matchPaths: [{ path: '/a', tags: [1] }] } }, 'spec.file.matchPaths[0].tags[0]'],
  [{ file: { matchPaths: [{ path: '/a', severity: '5' }] } }, 'spec.file.matchPaths[0].severity'],
  [{ file: { matchPaths: [{ path: '/a', message: 3 }] } }, 'spec.file.matchPaths[0].message'],
])('a value of the wrong type is refused at its field: %j', (spec, field) => {
  expect(errorsOf({ spec })).toMatchObject([{ code: 'wrong-type', place: { field } }]);
});

test('readOnly belongs to files only', () => {
  expect(errorsOf({ spec: { process: { matchPaths: [{ path: '/a', readOnly: true }] } } })).toMatchObject([{ code: 'unknown-field' }]);
});

test('comma lists of protocols and capabilities become a rule each, in any case and spelling', () => {
  const policy = parsed({
    spec: {
      network: { matchProtocols: [{ protocol: 'tcp, UDP,tcp' }, { protocol: 'Raw' }] },
      capabilities: { matchCapabilities: [{ capability: 'net_raw,CAP_SYS_ADMIN,cap_bpf' }] },
    },
  });
  expect(policy.rules.map((rule) => ('protocol' in rule ? rule.protocol : 'capability' in rule ? rule.capability : ''))).toEqual([
    'tcp',
    'udp',
    'raw',
    'net_raw',
    'sys_admin',
    'bpf',
  ]);
  expect(policy.rules[1]?.field).toBe('spec.network.matchProtocols[0]');
});

test('every protocol and capability is known', () => {
  const spec = {
    network: { matchProtocols: NETWORK_NAMES.map((protocol) => ({ protocol: protocol.toUpperCase() })) },
    capabilities: { matchCapabilities: CAPABILITIES.map((capability) => ({ capability })) },
  };
  expect(parsed({ spec }).rules).toHaveLength(NETWORK_NAMES.length + 41);
});

test('unknown protocols and capabilities are refused with what was meant', () => {
  const spec = {
    network: { matchProtocols: [{ protocol: 'xtcp' }, { protocol: '' }] },
    capabilities: { matchCapabilities: [{ capability: 'CAP_NET_RAWW' }] },
  };
  expect(errorsOf({ spec })).toMatchObject([
    { code: 'invalid-value', message: '"xtcp" is not a protocol or socket type', hint: 'did you mean tcp?' },
    { code: 'invalid-value' },
    { code: 'invalid-value', hint: 'did you mean net_raw?' },
  ]);
});

test('sources named twice count once', () => {
  const policy = parsed({
    spec: { process: { matchPaths: [{ path: '/a', fromSource: [{ path: '/s' }, { path: '/s' }, { path: '/t' }] }] } },
  });
  expect(policy.rules[0]?.from).toEqual(['/s', '/t']);
});
