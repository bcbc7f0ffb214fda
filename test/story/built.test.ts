/** The programs as they are installed: bundled, as `npm run build` leaves them. */
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { lock, palette, storeOf } from '../unit/reconciler/package-programs.ts';
import { repository } from '../unit/reconciler/synth-fixture.ts';

const PARAPET = resolve(import.meta.dirname, '../../cli/bin/parapet.js');

test('the built parapet runs a program whose package comes from a store', () => {
  const main = `import { App, Chart } from 'cdk8s';
import { ContainerPolicy } from '@parapet/sdk';
import { red } from 'palette';
const app = new App();
new ContainerPolicy(new Chart(app, 'chart'), 'paint', { select: { colour: red } }).blockExec('/bin/a');
app.synth();
`;
  const folder = repository({ 'main.ts': main, 'package-lock.json': lock });
  const made = execFileSync(process.execPath, [PARAPET, 'synth', folder, '--packages', storeOf(palette)], { encoding: 'utf8' });
  expect(made).toContain('colour: f00');
});
