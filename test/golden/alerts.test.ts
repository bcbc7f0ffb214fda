/** Alert lines, byte for byte: what log systems parse. `UPDATE_GOLDEN=1` writes them anew, to be reviewed like code. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { COUNTERS } from '@parapet/policy';
import { alertLine, toAlert } from '../../agent/src/alert.ts';
import { explain } from '../../agent/src/explain.ts';
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

function lossLine(): string {
  const losses = new Losses(place);
  const counters = Object.fromEntries(COUNTERS.map((name) => [name, 0]));
  losses.look(counters, record.time - 1000);
  const loss = losses.look({ ...counters, ringFullBlock: 4211, unrecordedBlock: 2, lostBlock: 2 }, record.time);
  if (loss === undefined) throw new Error('no alert');
  return alertLine(loss);
}

test.each([
  ['denial', () => lineOf({})],
  ['summary', () => lineOf({ count: 9000, firstTime: record.time - 812.5 })],
  ['loss', lossLine],
])('the line of a %s is as it was reviewed', (name, make) => {
  const file = path.join(import.meta.dirname, 'alerts', `${name}.json`);
  const line = `${make()}\n`;
  if (process.env['UPDATE_GOLDEN'] !== undefined) {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, line);
  }
  expect(line).toBe(readFileSync(file, 'utf8'));
});
