import { expect, test } from '@jest/globals';
import { hooksLacking, selectPolicies } from '../../../agent/src/select.ts';
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
  expect(hooksLacking(web, ['capable', 'lsm/bprm_check_security'])).toEqual(['bprm_check_security']);
  expect(hooksLacking(api, ['CAPABLE', 'file_open'])).toEqual(['capable']);
  expect(hooksLacking(web, ['SECURITY_BPRM_CHECK'])).toEqual(['bprm_check_security']);
  expect(hooksLacking(web, ['file_truncate'])).toEqual([]);
});
