import { expect, test } from '@jest/globals';
import { parseAddress } from '@parapet/policy';
import { argumentOf, capabilityText, dataText, enforcerText, hookText, networkText, operationText, programOf } from '@parapet/policy';
import { resourceText, SWITCH } from '@parapet/policy';

test.each<[[number, number, number], string]>([
  [[2, 1, 6], 'domain=AF_INET type=SOCK_STREAM protocol=TCP'],
  [[2, 1, 0], 'domain=AF_INET type=SOCK_STREAM protocol=TCP'],
  [[10, 2, 0], 'domain=AF_INET6 type=SOCK_DGRAM protocol=UDP'],
  [[2, 3, 1], 'domain=AF_INET type=SOCK_RAW protocol=ICMP'],
  [[2, 3, 200], 'domain=AF_INET type=SOCK_RAW protocol=200'],
  [[1, 1, 0], 'domain=AF_UNIX type=SOCK_STREAM protocol=0'],
  [[16, 3, 6], 'domain=AF_NETLINK type=SOCK_RAW protocol=6'],
  [[99, 42, 0], 'domain=99 type=42 protocol=0'],
])('the socket %j is called %s', (socket, text) => {
  expect(networkText(...socket)).toBe(text);
});

test('capabilities, hooks and operations are called as in alerts of KubeArmor', () => {
  expect(capabilityText(13)).toBe('CAP_NET_RAW');
  expect(capabilityText(64)).toBe('CAP_64');
  expect(hookText('FILE_OPEN')).toBe('lsm=FILE_OPEN');
  expect(
    (['process', 'file', 'network', 'capabilities', 'syscalls', 'hardening'] as const).map((section) =>
      operationText({ section, detail: [0, 0, 0] }),
    ),
  ).toEqual(['Process', 'File', 'Network', 'Capabilities', 'Syscall', 'Hardening']);
});

test('a preset is the enforcer, as KubeArmor has it, and its operation is what it keeps', () => {
  const event = (number: number) => ({ section: 'presets', detail: [number, 0, 0] }) as const;
  expect(enforcerText(event(SWITCH.filelessExec))).toBe('PRESET-filelessExec');
  expect(operationText(event(SWITCH.filelessExec))).toBe('Process');
  expect(operationText(event(SWITCH.protectEnv))).toBe('File');
  expect(operationText(event(SWITCH.protectProc))).toBe('File');
  expect(enforcerText({ section: 'hardening', detail: [SWITCH.bpf, 0, 0] })).toBe('BPFLSM');
});

test('the resource of a switch is its file, else its name and the process it was about', () => {
  expect(resourceText({ section: 'presets', detail: [SWITCH.protectEnv, 0, 0] }, '/proc/1/environ')).toBe('/proc/1/environ');
  expect(resourceText({ section: 'hardening', detail: [SWITCH.ptrace, 4711, 0] }, '')).toBe('ptrace pid=4711');
  expect(resourceText({ section: 'presets', detail: [SWITCH.protectProc, 4711, 0] }, '')).toBe('protectProc pid=4711');
  expect(resourceText({ section: 'hardening', detail: [SWITCH.userNamespaces, 0, 0] }, '')).toBe('userNamespaces');
  expect(resourceText({ section: 'hardening', detail: [15, 0, 0] }, '')).toBe('15');
});

test('a refused argument follows its program, from which it can be told', () => {
  const resource = '/usr/bin/python3\0-m pydoc';
  expect(resourceText({ section: 'process', detail: [1, 0, 0] }, resource)).toBe('/usr/bin/python3 -m pydoc');
  expect([programOf(resource), argumentOf(resource)]).toEqual(['/usr/bin/python3', '-m pydoc']);
  expect([programOf('/bin/sh'), argumentOf('/bin/sh')]).toEqual(['/bin/sh', undefined]);
});

test('the resource of an event is its path, its socket or its capability', () => {
  expect(resourceText({ section: 'file', detail: [0, 0, 0] }, '/etc/passwd')).toBe('/etc/passwd');
  expect(resourceText({ section: 'capabilities', detail: [21, 0, 0] }, '')).toBe('CAP_SYS_ADMIN');
  expect(resourceText({ section: 'network', detail: [17, 3, 3] }, '')).toBe('domain=AF_PACKET type=SOCK_RAW protocol=3');
});

test.each([
  ['192.0.2.7', 'domain=AF_INET type=SOCK_STREAM protocol=TCP sa_family=AF_INET sin_port=443 sin_addr=192.0.2.7'],
  ['fd00::7', 'domain=AF_INET type=SOCK_STREAM protocol=TCP sa_family=AF_INET6 sin6_port=443 sin6_addr=fd00::7'],
])('a socket that was used with %s names the address and the port', (text, resource) => {
  const endpoint = { operation: 'connect' as const, address: parseAddress(text)!, port: 443 };
  expect(resourceText({ section: 'network', detail: [2, 1, 0], endpoint }, '')).toBe(resource);
});

test('a system call is named by its number in either table, and in the data as KubeArmor names it', () => {
  const event = (number: number, compat: number) => ({ section: 'syscalls', detail: [number, compat, 0], hook: 'SYS_ENTER' }) as const;
  expect(resourceText(event(87, 0), '')).toBe('unlink');
  expect(resourceText(event(10, 1), '')).toBe('unlink');
  expect(resourceText(event(515, 1), '')).toBe('connect');
  expect(resourceText(event(575, 1), '')).toBe('compat 575');
  expect(dataText(event(87, 0), '')).toBe('syscall=SYS_UNLINK');
  expect(resourceText(event(87, 0), '/etc/passwd')).toBe('/etc/passwd');
  expect(dataText(event(87, 0), '/etc/passwd')).toBe('syscall=SYS_UNLINK');
  expect(dataText({ section: 'file', detail: [0, 0, 0], hook: 'FILE_OPEN' }, '')).toBe('lsm=FILE_OPEN');
});
