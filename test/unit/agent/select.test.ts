import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import type { Policy } from '@parapet/policy';
import { HARDENING_NAMES, PRESET_NAMES } from '@parapet/policy';
import { hooksLacking, missingHookProblem, selectPolicies } from '../../../agent/src/select.ts';
import { containerOf, manifest, policyOf } from '../../support/agent-fakes.ts';

const web = policyOf(manifest('web'));
const api = policyOf(
  manifest('api', {
    spec: { selector: { matchLabels: { app: 'api' } }, capabilities: { matchCapabilities: [{ capability: 'net_raw' }] } },
  }),
);

/** Policies with rules of every kind. */
const EVERYTHING = [
  web,
  api,
  ...[
    { file: { matchPaths: [{ path: '/etc/secret' }] } },
    { network: { matchEndpoints: [{ cidr: '10.0.0.0/8', operations: ['accept'] }] } },
    { hardening: Object.fromEntries(HARDENING_NAMES.map((name) => [name, 'Block'])) },
    { presets: PRESET_NAMES.map((name) => ({ name })) },
  ].map((spec) => policyOf(manifest('all', { spec: { process: {}, ...spec } }))),
];

test('a cgroup gets the policies of each of its containers', () => {
  const one = containerOf(1).workload;
  const other = containerOf(1, { labels: { app: 'api' } }).workload;
  expect(selectPolicies([web, api], [one])).toEqual([web]);
  expect(selectPolicies([web, api], [one, other])).toEqual([web, api]);
  expect(selectPolicies([web, api], [])).toEqual([]);
});

test('a policy lacks only the hooks that its own rules need', () => {
  expect(hooksLacking(web, [])).toEqual([]);
  expect(hooksLacking(web, ['capable', 'bprm_check_security'])).toEqual(['bprm_check_security']);
  expect(hooksLacking(api, ['capable', 'file_open'])).toEqual(['capable']);
  expect(hooksLacking(web, ['file_truncate', 'path_rename'])).toEqual(['path_rename']);
});

test('rules for the network need the hook of SCTP’s own lists of addresses', () => {
  const spec = { process: {}, network: { matchProtocols: [{ protocol: 'tcp' }] } };
  expect(hooksLacking(policyOf(manifest('net', { spec })), ['sctp_bind_connect', 'file_open'])).toEqual(['sctp_bind_connect']);
});

/** Hooks of the kernel half that no rule needs: what guards the rules themselves, and what a substitute sees as well where a kernel lacks it. */
const OF_NO_RULE = [
  ...['bpf_map', 'bpf_prog', 'file_send_sigiotask', 'task_kill', 'task_prctl'],
  ...['task_setioprio', 'task_setnice', 'task_setrlimit', 'task_setscheduler'],
  ...['file_ioctl_compat', 'file_truncate', 'inode_remove_acl', 'inode_set_acl'],
];

test('every hook of the kernel half is needed by some rule, or is known to be of none', () => {
  const source = new URL('../../../bpf/', import.meta.url);
  const texts = readdirSync(source)
    .filter((name) => /\.[ch]$/.test(name))
    .map((name) => readFileSync(new URL(name, source), 'utf8'));
  const hooks = [...texts.join('\n').matchAll(/^SEC\("lsm\/(\w+)"\)/gm)].map(([, hook]) => hook ?? '');
  const needed = new Set(EVERYTHING.flatMap((policy) => hooksLacking(policy, hooks)));
  expect(hooks.length).toBeGreaterThan(50);
  expect(hooks.filter((hook) => !needed.has(hook)).sort()).toEqual([...OF_NO_RULE].sort());
});

test('without the hooks that label tasks no policy for containers is held, whatever its rules', () => {
  expect(hooksLacking(api, ['sched_process_fork', 'bprm_committed_creds'])).toEqual(['bprm_committed_creds', 'sched_process_fork']);
  const spec = { nodeSelector: { matchLabels: { zone: 'edge' } }, process: { matchPaths: [{ path: '/bin/sh' }] } };
  const host = policyOf({ apiVersion: 'security.kubearmor.com/v1', kind: 'KubeArmorHostPolicy', metadata: { name: 'edge' }, spec });
  expect(hooksLacking(host, ['sched_process_fork'])).toEqual([]);
});

test('what is lacking is a problem of the policy that names the hooks', () => {
  expect(missingHookProblem(web, ['capable'])).toBeUndefined();
  const problem = missingHookProblem(api, ['capable']);
  expect(problem).toMatchObject({ code: 'hook-missing', severity: 'warning', place: { object: 'KubeArmorPolicy shop/api' } });
  expect(problem?.message).toContain('capable');
});

test('a switch lacks only the hooks at which it is judged', () => {
  const spec = { process: {}, hardening: { userNamespaces: 'Block' }, presets: [{ name: 'anonymousMapExec' }] };
  const hardened = policyOf(manifest('hardened', { spec }));
  expect(hooksLacking(hardened, ['perf_event_open', 'capable', 'sb_mount'])).toEqual([]);
  expect(hooksLacking(hardened, ['userns_create', 'file_mprotect', 'uring_sqpoll'])).toEqual(['userns_create', 'file_mprotect']);
});

test('a rule that allows something to a source lacks the hooks at which tracing it is refused', () => {
  const toSource = (action: string): Policy =>
    policyOf(
      manifest('sources', {
        spec: { process: {}, network: { matchProtocols: [{ protocol: 'tcp', action, fromSource: [{ path: '/a' }] }] } },
      }),
    );
  expect(hooksLacking(toSource('Allow'), ['ptrace_traceme'])).toEqual(['ptrace_traceme']);
  expect(hooksLacking(toSource('Block'), ['ptrace_traceme'])).toEqual([]);
});

test('a blocked system call lacks the hook that holds it; an audited one needs none', () => {
  const rules = [{ syscall: ['mount'] }, { syscall: ['bpf', 'ptrace'], action: 'Block' }];
  const policy = policyOf(manifest('calls', { spec: { process: {}, syscalls: { matchSyscalls: rules } } }));
  expect(hooksLacking(policy, ['sb_mount', 'bpf', 'ptrace_traceme'])).toEqual(['bpf', 'ptrace_traceme']);
});

test('a system call on a path lacks the hook that tells of it; one of two will do where kernels differ', () => {
  const matchPaths = [{ path: '/etc/', syscall: ['unlink', 'ftruncate'] }];
  const policy = policyOf(manifest('calls', { spec: { process: {}, syscalls: { matchPaths } } }));
  expect(hooksLacking(policy, ['path_unlink', 'path_rename', 'file_truncate'])).toEqual(['path_unlink']);
});

test('a rule about who connects lacks the hooks where peers are judged, of its protocol; other rules for addresses need none', () => {
  const both = ['inet_conn_request', 'sctp_assoc_request'];
  const lacking = (rule: object): readonly string[] =>
    hooksLacking(
      policyOf(manifest('peers', { spec: { process: {}, network: { matchEndpoints: [{ cidr: '10.0.0.0/8', ...rule }] } } })),
      both,
    );
  expect(lacking({ operations: ['accept'] })).toEqual(both);
  expect(lacking({ operations: ['accept'], protocol: 'tcp' })).toEqual(['inet_conn_request']);
  expect(lacking({ operations: ['accept'], protocol: 'sctp' })).toEqual(['sctp_assoc_request']);
  expect(lacking({ operations: ['accept'], protocol: 'udp' })).toEqual([]);
  expect(lacking({ operations: ['connect', 'listen'] })).toEqual([]);
});
