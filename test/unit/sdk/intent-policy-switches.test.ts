import { expect, test } from '@jest/globals';
import { App, Chart } from 'cdk8s';
import { ContainerPolicy, Policies, policyMatchers } from '@parapet/sdk';

expect.extend(policyMatchers);

const newChart = (): Chart => new Chart(new App(), 'chart');
const newPolicy = (): ContainerPolicy => new ContainerPolicy(newChart(), 'p');
const specOf = (policy: ContainerPolicy): unknown => (policy.toJson() as { readonly spec: unknown }).spec;
const sh = { from: '/bin/sh' };

test('switches are set for the whole workload; a later call counts, and their places are kept', () => {
  const policy = newPolicy().blockFiles('/a').harden({ bpf: 'Audit', ptrace: 'Block' }).harden({ bpf: 'Block' });
  policy.blockPresets('exec', 'protectProc').auditPresets('protectEnv');
  expect(specOf(policy)).toMatchObject({
    hardening: { bpf: 'Block', ptrace: 'Block' },
    presets: [
      { name: 'exec', action: 'Block' },
      { name: 'protectProc', action: 'Block' },
      { name: 'protectEnv', action: 'Audit' },
    ],
  });
  const policies = Policies.of(policy);
  expect(policies).toBlock({ switch: 'bpf' });
  expect(policies).toAudit({ switch: 'protectEnv' });
  expect(policies).toPass({ switch: 'ioUring' });
  expect(policies).toBlock({ switch: 'mounts' }); // since a rule names a file
  expect(Policies.of(policy.harden({ mounts: 'Allow' }))).toPass({ switch: 'mounts' });
  for (const place of ['spec.hardening.bpf', 'spec.presets[2]']) expect(JSON.stringify(policy.toJson())).toContain(place);
});

test('switches that name nothing are a mistake', () => {
  const chart = newChart();
  new ContainerPolicy(chart, 'p').blockFiles('/a').harden({}).blockPresets();
  expect(() => Policies.of(chart)).not.toThrow();
  expect(() => (chart.node.root as App).synth()).toThrow(/harden: nothing is named[^]*blockPresets: nothing is named/);
});

test('system calls are audited, by rules that keep their places', () => {
  const policy = newPolicy().auditSyscalls('mount', 'ptrace').auditSyscalls('kill', sh).blockSyscalls('bpf');
  expect(specOf(policy)).toMatchObject({
    syscalls: {
      matchSyscalls: [
        { syscall: ['mount', 'ptrace'] },
        { syscall: ['kill'], fromSource: [{ path: '/bin/sh' }] },
        { syscall: ['bpf'], action: 'Block' },
      ],
    },
  });
  expect(JSON.stringify(policy.toJson())).toContain('spec.syscalls.matchSyscalls[1]');
});

test('system calls are audited on a path: of a file, or of a directory with all of it unless told otherwise', () => {
  const policy = newPolicy().auditSyscallsOn('/etc/passwd', 'unlink', 'rename', sh).auditSyscalls('kill');
  policy.auditSyscallsOn('/etc/', 'open').auditSyscallsOn('/srv/', 'open', { recursive: false });
  expect(specOf(policy)).toMatchObject({
    syscalls: {
      matchSyscalls: [{ syscall: ['kill'] }],
      matchPaths: [
        { path: '/etc/passwd', syscall: ['unlink', 'rename'], fromSource: [{ path: '/bin/sh' }] },
        { path: '/etc/', recursive: true, syscall: ['open'] },
        { path: '/srv/', syscall: ['open'] },
      ],
    },
  });
  expect(JSON.stringify(policy.toJson())).toContain('spec.syscalls.matchPaths[2]');
  const policies = Policies.of(policy);
  expect(policies).toAudit({ syscall: 'open', on: '/etc/a/b' });
  expect(policies).toAudit({ syscall: 'kill', on: '/x' });
  expect(policies).toPass({ syscall: 'open', on: '/srv/a/b' });
  expect(policies).toPass({ syscall: 'open' });
  expect(policies).toPass({ syscall: 'unlink', on: '/etc/passwd', from: '/bin/other' });
});

test('on a path, calls must be named, and only a directory is recursive', () => {
  const chart = newChart();
  new ContainerPolicy(chart, 'p').blockFiles('/a').auditSyscallsOn('/etc/').auditSyscallsOn('/a', 'open', { recursive: true });
  expect(() => (chart.node.root as App).synth()).toThrow(
    /auditSyscallsOn: nothing is named[^]*auditSyscallsOn: recursive is for directories/,
  );
});
