/** Alert lines, byte for byte: what log systems parse. `UPDATE_GOLDEN=1` writes them anew, to be reviewed like code. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { COUNTERS, LAYOUT, SITE } from '@parapet/policy';
import { alertLine, toAlert } from '../../agent/src/alert.ts';
import { explain } from '../../agent/src/explain.ts';
import { toHoldAlert } from '../../agent/src/hold-alert.ts';
import { Losses } from '../../agent/src/losses.ts';
import type { KernelEvent } from '../../agent/src/ports.ts';
import { containerOf, execRecord, manifest, policyOf, tableOf } from '../support/agent-fakes.ts';

const place = { node: 'n1', cluster: 'default' };
const policy = policyOf(
  manifest('no-shell', {
    metadata: {
      annotations: {
        'parapet.dev/repository': 'https://git.test/shop',
        'parapet.dev/commit': '0123456789abcdef0123456789abcdef01234567',
        'parapet.dev/source': 'main.ts:3',
      },
    },
    spec: { severity: 7, tags: ['NIST'], message: 'no shells here' },
  }),
);
const table = tableOf(policy);
const record = execRecord({ table, path: '/bin/sh', container: 5, generation: 1 });

function lineOf(over: Partial<KernelEvent>): string {
  const explained = explain({ ...record, ...over }, { container: containerOf(5), table, nodeBase: 0 });
  if (explained === undefined) throw new Error('no alert');
  return alertLine(toAlert(explained, place));
}

function lossLine(counted: Readonly<Record<string, number>>): string {
  const losses = new Losses(place);
  const counters = Object.fromEntries(COUNTERS.map((name) => [name, 0]));
  losses.look(counters, record.time - 1000);
  const [loss] = losses.look({ ...counters, ...counted }, record.time);
  if (loss === undefined) throw new Error('no alert');
  return alertLine(loss);
}

/** The program that is told what its rule does not list: the kernel's record has the argument after the path. */
function argumentLine(): string {
  const path = '/usr/bin/curl';
  const listing = policyOf(
    manifest('told', { spec: { process: { matchPaths: [{ path, allowedArgs: ['--version'] }] }, message: 'curl tells its version' } }),
  );
  const table = tableOf(listing);
  const told = execRecord({ table, path: `${path}\0https://evil.test`, container: 5, generation: 1 });
  const list = table.arguments.lists[0];
  const view = new DataView(told.header.buffer);
  view.setUint8(LAYOUT.event.site, SITE.arguments);
  view.setUint32(LAYOUT.event.node, list?.id ?? 0, true);
  view.setUint32(LAYOUT.event.detail, 1, true);
  const explained = explain(told, { container: containerOf(5), table, nodeBase: 0 });
  if (explained === undefined) throw new Error('no alert');
  return alertLine(toAlert(explained, place));
}

/** A program of a container that the agent does not know. */
function unknownLine(): string {
  const refused = execRecord({ table, path: '/usr/bin/app', container: 0, generation: 0 });
  const view = new DataView(refused.header.buffer);
  view.setUint8(LAYOUT.event.site, SITE.unjudged);
  view.setUint8(LAYOUT.event.reason, COUNTERS.indexOf('unknownDenied'));
  view.setBigUint64(LAYOUT.event.cgroup, 5n, true);
  const explained = explain(refused, undefined);
  if (explained === undefined) throw new Error('no alert');
  return alertLine(toAlert(explained, { ...place, containerIn: (cgroup) => (cgroup === 5n ? containerOf(5) : undefined) }));
}

function heldLine(): string {
  const process = { pid: 4242, cgroup: 7n, waited: 10_001, known: false };
  return alertLine(toHoldAlert({ process, ended: true }, { ...place, now: record.time }));
}

test.each([
  ['denial', () => lineOf({})],
  ['summary', () => lineOf({ count: 9000, firstTime: record.time - 812.5 })],
  ['loss', () => lossLine({ ringFullBlock: 4211, unrecordedBlock: 2, lostBlock: 2 })],
  ['missed-run', () => lossLine({ runsMissed: 2 })],
  ['refused-argument', argumentLine],
  ['unknown-container', unknownLine],
  ['held-too-long', heldLine],
])('the line of a %s is as it was reviewed', (name, make) => {
  const file = path.join(import.meta.dirname, 'alerts', `${name}.json`);
  const line = `${make()}\n`;
  if (process.env['UPDATE_GOLDEN'] !== undefined) {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, line);
  }
  expect(line).toBe(readFileSync(file, 'utf8'));
});
