import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { NodeReport } from '@parapet/policy';
import { openReports } from '../../../agent/src/adapters/reports.ts';

let home = '';
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'parapet-reports-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const report = (policies: number): NodeReport => ({
  apiVersion: 'parapet.dev/v1alpha1',
  kind: 'NodeReport',
  metadata: { name: 'n1' },
  status: {
    observedAt: '2026-01-01T00:00:00.000Z',
    enforcer: 'BPF-LSM',
    kernel: '6.1',
    policies: Array.from({ length: policies }, (_, index) => ({
      kind: 'KubeArmorPolicy',
      namespace: 'shop',
      name: `p${index}`,
      state: 'Enforced',
      message: '',
      containers: 0,
    })),
    violations: [],
    counters: {},
  },
});

test('a reader sees one whole report or the next, and nothing else in the directory', async () => {
  const directory = join(home, 'new/reports');
  const sink = openReports(directory);
  await sink.write(report(2000));
  let writing = true;
  const writes = (async () => {
    for (let round = 0; round < 20; round += 1) await sink.write(report(round % 2 === 0 ? 1 : 2000));
    writing = false;
  })();
  let reads = 0;
  while (writing) {
    const read = JSON.parse(await readFile(join(directory, 'n1.json'), 'utf8')) as NodeReport;
    expect([1, 2000]).toContain(read.status.policies.length);
    reads += 1;
  }
  await writes;
  expect(reads).toBeGreaterThan(0);
  expect(await readdir(directory)).toEqual(['n1.json']);
});

test('a directory that cannot be written is an error that says which', async () => {
  await writeFile(join(home, 'file'), '');
  await expect(openReports(join(home, 'file/reports')).write(report(0))).rejects.toThrow(
    `the report cannot be written to ${home}/file/reports/n1.json`,
  );
});
