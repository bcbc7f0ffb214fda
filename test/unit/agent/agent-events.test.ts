/** The story's part about events: from the kernel's records to alerts, violations and reports. */
import { afterEach, expect, test } from '@jest/globals';
import { COUNTERS, LAYOUT, SITE } from '@parapet/policy';
import type { NodeReport, Table } from '@parapet/policy';
import { Agent } from '../../../agent/src/agent.ts';
import type { Alert } from '../../../agent/src/alert.ts';
import { containerOf, eventually, execRecord, fakePorts, fileOf, manifest } from '../../support/agent-fakes.ts';

let agent: Agent | undefined;
afterEach(() => agent?.stop({ keep: true }));

async function started() {
  const fakes = fakePorts();
  const postures = { file: 'block', network: 'block', capabilities: 'block' } as const;
  agent = new Agent(fakes.ports, { node: 'n1', cluster: 'default', postures, now: () => Date.now(), reportPause: 5 });
  await agent.start();
  return { ...fakes, agent, lastReport: () => fakes.reports.at(-1) as NodeReport | undefined };
}

/** With the policy `a` in force on a container. */
async function enforcing() {
  const all = await started();
  all.state.onContainers([containerOf(1)]);
  all.state.onFiles([fileOf('a.yaml', manifest('a'))]);
  await all.agent.wait({ policy: 'shop/a', timeoutMs: 1000 });
  const table: Table | undefined = all.enforcer.tables.get(1n);
  if (table === undefined) throw new Error('no table');
  return { ...all, table };
}

test('events become alerts and violations, also when they come before their table is known', async () => {
  const { state, enforcer, lines, table, lastReport } = await enforcing();
  let open: () => void = () => undefined;
  enforcer.busy = new Promise((resolve) => (open = resolve));
  state.onFiles([fileOf('a.yaml', manifest('a', { spec: { severity: 9 } }))]);
  await eventually('the swap', () => enforcer.calls.length === 3);
  enforcer.deliver([execRecord({ table, path: '/bin/sh', container: 1, generation: 3 })]);
  expect(lines).toEqual([]);
  open();
  await eventually('the alert', () => lines.length === 1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    policyName: 'a',
    severity: '9',
    resource: '/bin/sh',
    containerName: 'c1',
    hostName: 'n1',
  });
  await eventually('the report', () => lastReport()?.status.violations.length === 1, 4000);
});

test('a program that was refused before its container was known is told with the container, once the runtime tells of it', async () => {
  const { enforcer, lines, table } = await enforcing();
  const refused = execRecord({ table, path: '/usr/bin/app', container: 0, generation: 0 });
  const view = new DataView(refused.header.buffer);
  view.setUint8(LAYOUT.event.site, SITE.unjudged);
  view.setUint8(LAYOUT.event.reason, COUNTERS.indexOf('unknownDenied'));
  view.setBigUint64(LAYOUT.event.cgroup, containerOf(1).cgroup, true);
  enforcer.deliver([refused]);
  await eventually('the alert', () => lines.length === 1, 4000);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    containerName: 'c1',
    resource: '/usr/bin/app',
    action: 'Block',
    type: 'MatchedPolicy',
  });
});

test('a record that nobody can read is counted and told once', async () => {
  const { agent, enforcer, log, lines } = await started();
  const texts = { resource: '', executable: '', parentExecutable: '' };
  const record = { time: 0, firstTime: 0, count: 1, container: 1, generation: 1, header: new Uint8Array(3), ...texts };
  enforcer.deliver([record, record]);
  await eventually('the count', () => agent.status().counters['eventsUnreadable'] === 2, 4000);
  expect(log.filter((line) => line.includes('cannot be read'))).toHaveLength(1);
  expect(lines).toEqual([]);
});

test('a summary is one alert line, and counts as many violations as it stands for', async () => {
  const { enforcer, lines, table, lastReport } = await enforcing();
  const generation = enforcer.calls.findIndex(({ cgroup }) => cgroup === 1n) + 1;
  const record = execRecord({ table, path: '/bin/sh', container: 1, generation });
  enforcer.deliver([record, { ...record, count: 41, firstTime: record.time - 1000 }]);
  await eventually('the alerts', () => lines.length === 2, 4000);
  expect(lines.map((line) => (JSON.parse(line) as Alert).count)).toEqual([1, 41]);
  await eventually('the report', () => lastReport()?.status.violations[0]?.count === 42, 4000);
});

test('a denial that the kernel lost is told loudly: an alert, the log, the status, the report', async () => {
  const { agent, enforcer, lines, log, lastReport } = await started();
  enforcer.counted = { events: 1, ringFullBlock: 3 };
  await eventually('the alert', () => lines.length === 1, 4000);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ type: 'SystemEvent', operation: 'AlertThreshold', hostName: 'n1', count: 3 });
  expect(log.filter((line) => line.startsWith('LOST: 3 denials have no record'))).toHaveLength(1);
  expect(agent.status().drops.denials).toBe(3);
  await eventually('the report', () => lastReport()?.status.counters['ringFullBlock'] === 3, 4000);
});
