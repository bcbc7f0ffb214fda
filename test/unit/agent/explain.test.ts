import { expect, test } from '@jest/globals';
import { CLASS, LAYOUT, SITE, VERDICT } from '@parapet/policy';
import { explain } from '../../../agent/src/explain.ts';
import { containerOf, execRecord, manifest, policyOf, tableOf } from '../../support/agent-fakes.ts';

const policy = policyOf(manifest('no-shell'));
const table = tableOf(policy);
const origin = { container: containerOf(5), table, nodeBase: 0 };
const record = execRecord({ table, path: '/bin/sh', container: 5, generation: 1 });

function changed(field: keyof typeof LAYOUT.event, value: number): typeof record {
  const header = record.header.slice();
  header[LAYOUT.event[field]] = value;
  return { ...record, header };
}

test('a denial is explained by the rule that gave it', () => {
  expect(explain(record, origin)).toMatchObject({ action: 'Block', why: { type: 'rule', policy, rule: policy.rules[0] } });
});

test('node ids are those of the table, less its base in the kernel', () => {
  expect(explain(record, { ...origin, nodeBase: 7 })?.why).toEqual({ type: 'unknown' });
});

test('the default posture is laid to the policy that makes the class an allow-list', () => {
  const allow = policyOf(manifest('allow', { spec: { process: { matchPaths: [{ path: '/bin/ls', action: 'Allow' }] } } }));
  const both = tableOf(policy, allow);
  expect(explain(changed('site', SITE.default), { ...origin, table: both })?.why).toEqual({ type: 'posture', policy: allow });
});

test('tracing that is refused for the sake of sources is laid to the policy that has them', () => {
  const rule = { protocol: 'tcp', action: 'Allow', fromSource: [{ path: '/bin/ls' }] };
  const sourced = policyOf(manifest('sourced', { spec: { process: {}, network: { matchProtocols: [rule, { protocol: 'raw' }] } } }));
  const header = changed('site', SITE.switch).header;
  header[LAYOUT.event.class] = CLASS.hardening;
  header.fill(0, LAYOUT.event.detail, LAYOUT.event.detail + 4); // the switch ptrace
  expect(explain({ ...record, header }, { ...origin, table: tableOf(sourced) })?.why).toEqual({ type: 'posture', policy: sourced });
});

test('what could not be judged names a policy that has rules of the class, and none where none has', () => {
  expect(explain(changed('site', SITE.unjudged), origin)?.why).toEqual({ type: 'unjudged', policy });
  const header = changed('site', SITE.unjudged).header;
  header[LAYOUT.event.class] = CLASS.network;
  expect(explain({ ...record, header }, origin)?.why).toEqual({ type: 'unjudged', policy: undefined });
});

test('without an origin the event is still told', () => {
  expect(explain(record, undefined)).toMatchObject({ action: 'Block', why: { type: 'unknown' } });
});

test('what was allowed is no event to tell', () => {
  expect(explain(changed('verdict', VERDICT.allow), origin)).toBeUndefined();
});

test('a record that is not of this ABI is refused', () => {
  expect(() => explain({ ...record, header: new Uint8Array(4) }, origin)).toThrow(RangeError);
});
