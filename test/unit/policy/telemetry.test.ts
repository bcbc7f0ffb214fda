import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readTelemetry, readTelemetryLine } from '@parapet/policy';
import fc from 'fast-check';
import { accessOf } from '../../../policy/src/telemetry-access.ts';
import { actorOf } from '../../../policy/src/telemetry.ts';
import type { TelemetryRecord } from '../../../policy/src/telemetry.ts';
import { record } from './telemetry-records.ts';
import type { Json } from './telemetry-records.ts';

const GOLDEN = join(import.meta.dirname, '../../golden/alerts');

function read(value: Json): TelemetryRecord {
  const reading = readTelemetry(value);
  if ('fault' in reading) throw new Error(reading.fault);
  return reading.record;
}

/** The access and what is open, or why there is none. */
function told(change: Json): unknown {
  const found = accessOf(read(record(change)));
  return 'access' in found ? { ...found.access, open: found.open.map(({ what }) => what) } : found;
}

/** The same for a record of KubeArmor, which has no fields of Parapet. */
function toldByKubeArmor(value: Json): unknown {
  const found = accessOf(read({ Type: 'ContainerLog', NamespaceName: 'shop', ...value }));
  return 'access' in found ? { ...found.access, open: found.open.map(({ what }) => what) } : found;
}

const FILE = ['whether the user owns the file', 'whether there was a terminal'];

/** Every alert that the agent's golden tests hold: what it tells. */
const TOLD: Readonly<Record<string, object>> = {
  'denial.json': { access: { operation: 'exec', path: '/bin/sh', source: '/bin/init' } },
  'held-too-long.json': { unclear: 'the record does not say which program was executed' },
  'loss.json': { other: 'it tells of records that are missing' },
  'missed-run.json': { other: 'it tells of records that are missing' },
  'refused-argument.json': {
    access: { operation: 'exec', path: '/usr/bin/curl' },
    open: [{}, {}, { could: [{ arguments: ['https://evil.test'] }, { arguments: ['https://evil.test', '\0'] }] }],
  },
  'summary.json': { happened: { count: 9000, first: 1_699_999_999_310, last: 1_700_000_000_123 }, access: { path: '/bin/sh' } },
  'unknown-container.json': { access: { operation: 'exec', path: '/usr/bin/app' } },
};

test.each(readdirSync(GOLDEN))('the alert %s is read, and its access told or why there is none', (file) => {
  const reading = readTelemetryLine(readFileSync(join(GOLDEN, file), 'utf8'));
  if ('fault' in reading) throw new Error(reading.fault);
  expect({ happened: reading.happened, ...accessOf(reading.record) }).toMatchObject(TOLD[file] ?? { missing: 'in this table' });
});

test('an execution is its caller’s, and what it was told is open', () => {
  expect(told({})).toEqual({
    type: 'path',
    operation: 'exec',
    path: '/bin/sh',
    owner: false,
    source: '/bin/bash',
    open: [...FILE, 'all arguments'],
  });
});

test.each<[string, Json, unknown]>([
  ['a file that was opened', { operation: 'File', resource: '/etc/passwd', data: 'lsm=FILE_OPEN' }, { operation: 'read' }],
  ['a file that was removed', { operation: 'File', resource: '/etc/passwd', data: 'lsm=PATH_UNLINK' }, { operation: 'write' }],
  ['a directory', { operation: 'File', resource: '/etc/', data: 'lsm=PATH_MKDIR' }, { path: '/etc' }],
  ['the root', { operation: 'File', resource: '/', data: 'lsm=FILE_OPEN' }, { path: '/' }],
  [
    'a connection',
    {
      operation: 'Network',
      resource: 'domain=AF_INET type=SOCK_STREAM protocol=TCP sa_family=AF_INET sin_port=443 sin_addr=192.0.2.7',
      data: 'lsm=SOCKET_CONNECT',
    },
    {
      family: 2,
      socketType: 1,
      protocol: 6,
      endpoint: { operation: 'connect', address: { version: 4, value: 0xc000_0207n }, port: 443 },
      source: '/bin/sh',
    },
  ],
  [
    'a socket',
    { operation: 'Network', resource: 'domain=AF_UNIX type=SOCK_STREAM protocol=0', data: 'lsm=SOCKET_CREATE' },
    { family: 1, socketType: 1, protocol: 0, source: '/bin/sh' },
  ],
  [
    'an IPv4 address in the notation of IPv6',
    {
      operation: 'Network',
      resource: 'domain=AF_INET6 type=SOCK_DGRAM protocol=UDP sa_family=AF_INET6 sin6_port=53 sin6_addr=::ffff:10.0.0.1',
      data: 'lsm=SOCKET_SENDMSG',
    },
    { family: 10, endpoint: { operation: 'send', address: { version: 4, value: 0x0a00_0001n }, port: 53 } },
  ],
  [
    'a query',
    { operation: 'Network', resource: 'example.com', data: 'lsm=SOCKET_SENDMSG domain=example.com' },
    { type: 'dns', name: 'example.com' },
  ],
  ['a capability', { operation: 'Capabilities', resource: 'CAP_NET_RAW' }, { type: 'capability', capability: 13 }],
  ['a capability without a name', { operation: 'Capabilities', resource: 'CAP_63' }, { type: 'capability', capability: 63 }],
  ['a call', { operation: 'Syscall', resource: 'unlink', data: 'syscall=SYS_UNLINK' }, { type: 'syscall', syscall: 'unlink' }],
  ['a call on a path', { operation: 'Syscall', resource: '/x', data: 'syscall=SYS_UNLINK' }, { syscall: 'unlink', path: '/x' }],
  [
    'tracing',
    { operation: 'Hardening', resource: 'ptrace pid=4711', data: 'lsm=PTRACE_ACCESS_CHECK' },
    { type: 'switch', switch: 'ptrace' },
  ],
  ['a mount', { operation: 'Hardening', resource: '/mnt', data: 'lsm=SB_MOUNT' }, { type: 'switch', switch: 'mounts' }],
  ['a preset', { operation: 'File', resource: '/proc/1/environ', enforcer: 'PRESET-protectEnv' }, { type: 'switch', switch: 'protectEnv' }],
])('%s', (_name, change, access) => expect(told(change)).toMatchObject(access as object));

test.each<[string, Json, string]>([
  ['a library that was mapped', { data: 'lsm=MMAP_FILE' }, 'a program was mapped or named anew, which is not judged as executing it is'],
  ['a process that was held', { data: 'cgroup=7', processName: '', resource: '' }, 'the record does not say which program was executed'],
  ['a path that is none', { operation: 'File', resource: 'pipe:[4711]' }, 'the path of the file is none'],
  ['a path that leads up', { operation: 'File', resource: '/a/../b' }, 'the path of the file is none'],
  ['no socket', { operation: 'Network', resource: 'telepathy' }, 'the record does not say what socket it was'],
  ['an unknown capability', { operation: 'Capabilities', resource: 'CAP_FLY' }, 'its capability is not known'],
  ['an unknown call', { operation: 'Syscall', resource: 'x', data: 'syscall=SYS_FLY' }, 'its system call is not known'],
  ['an unknown preset', { enforcer: 'PRESET-fly' }, 'its preset is not known'],
  ['unknown hardening', { operation: 'Hardening', resource: 'fly', data: 'lsm=FLY' }, 'what was hardened is not known'],
])('%s is no access that can be judged', (_name, change, unclear) => expect(told(change)).toEqual({ unclear }));

test.each<[string, Json]>([
  ['lost records', { operation: 'AlertThreshold' }],
  ['a limit', { operation: 'Resource' }],
  ['a device', { operation: 'Device' }],
])('%s is no access', (_name, change) => expect(told(change)).toHaveProperty('other'));

test('KubeArmor tells all arguments, in one text', () => {
  const exec = {
    Operation: 'Process',
    Source: '/usr/bin/runc',
    ParentProcessName: '/usr/bin/runc',
    ProcessName: '/bin/sh',
    Data: 'syscall=SYS_EXECVE',
  };
  const found = accessOf(read({ Type: 'ContainerLog', ...exec, Resource: '/bin/sh -ec ls' }));
  const args = 'open' in found ? found.open.find(({ what }) => what === 'all arguments')?.could : [];
  expect(args).toEqual([{ arguments: ['-ec', 'ls'] }, { arguments: ['-ec ls'] }]);
  expect(toldByKubeArmor({ ...exec, Resource: '/usr/bin/dash -ec ls' })).toMatchObject({
    path: '/bin/sh',
    open: [...FILE, 'all arguments', 'by which path it was executed'],
  });
  expect(toldByKubeArmor({ ...exec, ProcessName: '', Resource: '/bin/sh -ec ls' })).toHaveProperty('unclear');
  expect(toldByKubeArmor({ ...exec, Resource: 'sh -ec ls', ParentProcessName: '', Source: '/bin/bash -c x' })).toMatchObject({
    path: '/bin/sh',
    source: '',
    open: [...FILE, 'all arguments', 'which program acted'],
  });
});

test.each<[string, Json, object]>([
  [
    'flags tell reading',
    { Operation: 'File', Resource: '/a', ProcessName: '/b', Data: 'syscall=SYS_OPENAT fd=-100 flags=O_RDONLY|O_CLOEXEC' },
    { operation: 'read', source: '/b', open: FILE },
  ],
  [
    'flags tell writing',
    { Operation: 'File', Resource: '/a', ProcessName: '/b', Data: 'syscall=SYS_OPENAT fd=-100 flags=O_RDONLY|O_CREAT' },
    { operation: 'write', open: FILE },
  ],
  [
    'no flags',
    { Operation: 'File', Resource: '/a', ProcessName: '/b', TTY: 'pts0', Data: 'syscall=SYS_OPEN' },
    { open: [...FILE, 'whether it was read or written'] },
  ],
  ['removing is writing', { Operation: 'File', Resource: '/a', Data: 'syscall=SYS_UNLINKAT flags=' }, { operation: 'write' }],
  ['two names', { Operation: 'File', Resource: '/a /b', Data: 'syscall=SYS_RENAME' }, { unclear: 'the record names two files at once' }],
  [
    'flags of a socket',
    { Operation: 'Network', Resource: 'domain=AF_UNIX type=SOCK_STREAM|SOCK_CLOEXEC protocol=0', Data: 'syscall=SYS_SOCKET' },
    { family: 1, socketType: 1, protocol: 0 },
  ],
  [
    'an address without a socket',
    {
      Operation: 'Network',
      ProcessName: '/b',
      Resource: 'sa_family=AF_INET sin_port=53 sin_addr=10.0.0.10',
      Data: 'syscall=SYS_CONNECT fd=10',
    },
    { family: 2, open: ['what type of socket it was', 'whether there was a terminal'] },
  ],
  [
    'a connection that was accepted',
    {
      Operation: 'Network',
      ProcessName: '/b',
      Resource: 'sa_family=AF_INET sin_port=53 sin_addr=10.0.0.10',
      Data: 'syscall=SYS_ACCEPT fd=10',
    },
    { open: ['what type of socket it was', 'whether there was a terminal', 'with which address the socket was used'] },
  ],
  [
    'a query with all it asks for',
    {
      Operation: 'Network',
      ProcessName: '/b',
      Resource: 'sa_family=AF_INET sin_port=53',
      Data: 'kfunc=UDP_SENDMSG,domain=google.com.default.svc.cluster.local,qtype=A',
    },
    { type: 'dns', name: 'google.com.default.svc.cluster.local', open: [] },
  ],
])('of KubeArmor: %s', (_name, value, access) => expect(toldByKubeArmor(value)).toMatchObject(access));

test.each<[string, Json, string]>([
  ['pods of a deployment are one workload', {}, 'default/web'],
  ['pods of a daemon set', { podName: 'logger-x2x4z' }, 'default/logger'],
  ['pods of a stateful set', { podName: 'db-0' }, 'default/db'],
  ['a name that only looks like it', { podName: 'front-table' }, 'default/front-table'],
  ['what made the pod, where that is told', { owner: { ref: 'Deployment', name: 'shop' } }, 'default/shop'],
  ['a container without a pod', { podName: '', containerName: 'c5' }, 'default/c5'],
  ['a node', { type: 'MatchedHostPolicy', namespaceName: '' }, 'node n1'],
  ['an endless name', { podName: 'x'.repeat(10_000) }, `default/${'x'.repeat(247)}…`],
])('%s', (_name, change, title) => expect(actorOf(read(record(change)))?.title).toBe(title));

test('a container that is not named is nobody', () => {
  expect(actorOf(read(record({ namespaceName: '' })))).toBeUndefined();
  expect(actorOf(read(record({ type: 'HostLog', hostName: '' })))).toBeUndefined();
});

test('labels are read as alerts write them, and only as own properties', () => {
  const { workload, labelled } = actorOf(read(record({ labels: 'app=web,args=a,b=c,__proto__=x' }))) ?? {};
  expect(labelled).toBe(true);
  expect(Object.entries(workload?.labels ?? {})).toEqual([
    ['app', 'web'],
    ['args', 'a'],
    ['b', 'c'],
    ['__proto__', 'x'],
  ]);
  expect(actorOf(read(record({ labels: 'args=a,b' })))?.workload.labels).toEqual({ args: 'a,b' });
  expect(actorOf(read(record({ labels: '' })))?.labelled).toBe(false);
});

test.each<[unknown, string]>([
  [null, 'it is not an object'],
  [[], 'it is not an object'],
  [{}, 'it is no alert and no log: type or operation is missing'],
  [record({ resource: 4 }), 'resource is not a text'],
  [record({ labels: 'x'.repeat(16_385) }), 'labels is longer than 16384 characters'],
])('%#: it is no record', (value, fault) => expect(readTelemetry(value)).toEqual({ fault }));

test('lines are read one by one', () => {
  expect(readTelemetryLine(JSON.stringify(record()))).toHaveProperty('record');
  expect(readTelemetryLine('{"type":')).toEqual({ fault: 'it is not JSON' });
  expect(readTelemetryLine(`"${'x'.repeat(262_144)}"`)).toEqual({ fault: 'it is longer than 262144 characters' });
});

test.each<[string, Json, object]>([
  ['its own times', { count: 9, firstSeen: '2023-11-14T22:13:19Z' }, { count: 9, first: 1_699_999_999_000, last: 1_700_000_000_123 }],
  ['only seconds', { updatedTime: undefined }, { count: 1, first: 1_700_000_000_000, last: 1_700_000_000_000 }],
  ['no time', { updatedTime: 'soon', timestamp: -1 }, { count: 1 }],
  ['a count that is none', { count: 1e300, updatedTime: '', timestamp: 0 }, { count: 1 }],
])('when and how often it happened, with %s', (_name, change, happened) => {
  expect(readTelemetry(record(change))).toMatchObject({ happened });
});

test('no value makes reading throw, and inherited fields do not count', () => {
  const keys = Object.keys(record());
  fc.assert(
    fc.property(fc.constantFrom(...keys, 'owner'), fc.anything({ withNullPrototype: true }), (key, value) => {
      const reading = readTelemetry(record({ [key]: value }));
      if ('record' in reading) {
        accessOf(reading.record);
        actorOf(reading.record);
      }
    }),
  );
  fc.assert(
    fc.property(
      fc.record({
        operation: fc.constantFrom('Process', 'File', 'Network', 'Syscall', 'Capabilities', 'Hardening'),
        resource: fc.string({ unit: 'binary' }),
        data: fc.string({ unit: 'binary' }),
        enforcer: fc.string(),
        processName: fc.string(),
      }),
      (change) => {
        expect(() => accessOf(read(record(change)))).not.toThrow();
      },
    ),
  );
  expect(readTelemetry(Object.create(record()))).toHaveProperty('fault');
});
