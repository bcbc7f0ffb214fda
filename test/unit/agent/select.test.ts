import { expect, test } from '@jest/globals';
import { hooksLacking, missingHookProblem, selectPolicies } from '../../../agent/src/select.ts';
import { containerOf, manifest, policyOf } from '../../support/agent-fakes.ts';

const web = policyOf(manifest('web'));
const api = policyOf(
  manifest('api', {
    spec: { selector: { matchLabels: { app: 'api' } }, capabilities: { matchCapabilities: [{ capability: 'net_raw' }] } },
  }),
);

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

test('a blocked system call lacks the hook that holds it; an audited one needs none', () => {
  const rules = [{ syscall: ['mount'] }, { syscall: ['bpf', 'ptrace'], action: 'Block' }];
  const policy = policyOf(manifest('calls', { spec: { process: {}, syscalls: { matchSyscalls: rules } } }));
  expect(hooksLacking(policy, ['sb_mount', 'bpf', 'ptrace_traceme'])).toEqual(['bpf', 'ptrace_traceme']);
});
