/** The API server goes away under a controller, and comes back: the same process goes on, with watches that miss nothing. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { HOME } from '../support/cluster/controller-process.ts';
import type { ControllerProcess } from '../support/cluster/controller-process.ts';
import { BUILD_PATIENCE, PATIENCE } from './manifests.ts';
import { isReady, program, World } from './world.ts';

jest.setTimeout(PATIENCE);

let world: World;
let controller: ControllerProcess;

beforeAll(async () => {
  world = await World.begin();
  controller = world.start();
}, BUILD_PATIENCE);
afterAll(() => world?.end(), PATIENCE);

test('after a crash of the API server a commit is applied, drift put right and a source taken back', async () => {
  const commit = world.repository.commit(program(['web']));
  await world.plane.apply([world.source('kept')]);
  await world.when('kept', (source) => isReady(source) && source.status?.lastAppliedRevision?.endsWith(commit) === true);

  await world.plane.stopApiServer('SIGKILL');
  // Long enough for requests to fail, and for a push that nobody can carry out yet.
  const next = world.repository.commit(program(['web', 'new']));
  await new Promise((resolve) => setTimeout(resolve, 3000));
  await world.plane.startApiServer();

  await world.sync('kept');
  await world.when('kept', (source) => isReady(source) && source.status?.lastAppliedRevision?.endsWith(next) === true);
  expect(await world.policies()).toEqual(['new', 'web']);
  await world.plane.must(['delete', 'ksp', 'web', '-n', 'default']);
  await world.until('the policies', () => world.policies(), { is: (names) => names.join() === 'new,web' });
  await world.plane.must(['delete', 'policysource', 'kept', '-n', HOME, '--timeout=60s']);
  expect(await world.policies()).toEqual([]);
  expect(controller.isRunning).toBe(true);
  expect(controller.noise).toBe('');
});
