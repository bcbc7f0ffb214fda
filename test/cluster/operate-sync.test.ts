/** `parapet sync|suspend|resume` against a real API server, as a user with no more rights than they need; a stand-in answers for the reconciler. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { ControlPlane } from '../support/cluster/control-plane.ts';
import { Repository } from '../unit/reconciler/repositories.ts';
import { BUILD_PATIENCE, PATIENCE, startWithDefinitions } from './manifests.ts';
import { COMMIT, folderOf, HOME, parapet, programOf, source, StandIn, succeeded, THREE, userWith } from './operated.ts';
import type { Ended } from './operated.ts';

jest.setTimeout(PATIENCE);

let plane: ControlPlane;
let standIn: StandIn;
let operator: (...args: readonly string[]) => Promise<Ended>;

beforeAll(async () => {
  plane = await startWithDefinitions();
  standIn = new StandIn(plane);
  for (const namespace of [HOME, 'shop']) await plane.must(['create', 'namespace', namespace]);
  const kubeconfig = await userWith(plane, 'operator', 'ordinary');
  operator = (...args) => parapet(kubeconfig, ...args);
  await plane.apply([source('shop'), source('bank')]);
  expect(await standIn.carryOut('shop', folderOf(plane, programOf(THREE)), COMMIT)).toBe('3 added');
  await standIn.say('shop', succeeded());
}, BUILD_PATIENCE);
afterAll(() => plane?.stop(), PATIENCE);

describe('sync', () => {
  test('waits for the answer to its own request, and says how the run ended', async () => {
    const [ended] = await Promise.all([operator('sync', 'shop'), standIn.answer('shop', { kind: 'started' }, succeeded('no changes'))]);
    expect(ended).toEqual({
      status: 0,
      stderr: '',
      stdout: 'PolicySource parapet-system/shop is ready at main@sha1:cccccccccccc: no changes\n',
    });
    const [other] = await Promise.all([
      operator('sync', 'shop', '--wait'),
      standIn.answer('shop', { kind: 'failed', stage: 'fetch', retry: true, message: 'nobody answers', startedAt: new Date() }),
    ]);
    expect(other).toEqual({
      status: 1,
      stdout: '',
      stderr: 'PolicySource parapet-system/shop is not ready at main@sha1:cccccccccccc: FetchFailed: nobody answers\n',
    });
  });

  test('waits no longer than it may, and not at all where nobody wants to', async () => {
    expect(await operator('sync', 'shop', '--timeout', '600ms')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/has not answered in time; it says: nobody answers/) as unknown,
    });
    expect(await operator('sync', 'shop', '--no-wait')).toMatchObject({
      status: 0,
      stdout: 'PolicySource parapet-system/shop is asked for a run\n',
    });
    const { requestedAt, status } = await standIn.source('shop');
    expect(requestedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(requestedAt).not.toBe(status.lastHandledReconcileAt);
  });

  test('ends when the source is deleted meanwhile', async () => {
    await plane.apply([source('brief')]);
    const deleting = async (): Promise<void> => {
      while ((await standIn.source('brief')).requestedAt === undefined) await new Promise((resolve) => setTimeout(resolve, 50));
      await plane.must(['delete', 'psrc', 'brief', '-n', HOME]);
    };
    const [ended] = await Promise.all([operator('sync', 'brief'), deleting()]);
    expect(ended).toMatchObject({ status: 1, stderr: 'PolicySource parapet-system/brief was deleted\n' });
  });

  describe('a prune is confirmed', () => {
    const repository = new Repository();
    let commit = '';
    beforeAll(async () => {
      commit = repository.commit({ 'main.ts': programOf({ a: '/bin/sh' }) });
      await standIn.say('shop', {
        ...{ kind: 'failed', stage: 'target', reason: 'PruneNotConfirmed', retry: false, message: 'too many' },
        ...{ revision: `main@sha1:${commit}`, startedAt: new Date() },
      });
      // What is confirmed is the commit, whatever is in the folder by now.
      writeFileSync(join(repository.work, 'main.ts'), programOf(THREE));
    }, PATIENCE);
    afterAll(() => repository.remove());

    const confirmation = async (): Promise<string> =>
      plane.must(['get', 'psrc', 'shop', '-n', HOME, '-o', 'jsonpath={.metadata.annotations.reconcile\\.parapet\\.dev/confirmPrune}']);

    test('not without having been shown', async () => {
      const clone = new Repository();
      try {
        const { status, stderr } = await operator('sync', 'shop', '--confirm-prune', '--clone', clone.work);
        expect(status).toBe(1);
        expect(stderr).toMatch(/\[ref-not-found\]\n.*would remove is not known, so nothing is confirmed\n$/);
        expect(await confirmation()).toBe('');
      } finally {
        clone.remove();
      }
    });

    test('for the commit that was last tried, after what it removes', async () => {
      const ended = await operator('sync', 'shop', '--confirm-prune', '--clone', repository.work, '--no-wait');
      expect(ended).toEqual({
        status: 0,
        stderr: '',
        stdout: `would remove 2 policies:
  KubeArmorPolicy shop/b
  KubeArmorPolicy shop/c
PolicySource parapet-system/shop is asked for a run\n`,
      });
      expect(await confirmation()).toBe(commit);
    });

    test('and not where nothing was tried', async () => {
      expect(await operator('sync', 'bank', '--confirm-prune')).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/has not tried any commit yet/) as unknown,
      });
    });
  });
});

describe('suspend and resume', () => {
  test('change one field, as a field manager of their own, and sync leaves alone what is suspended', async () => {
    expect(await operator('suspend', 'shop')).toEqual({
      status: 0,
      stderr: '',
      stdout: 'PolicySource parapet-system/shop is suspended; what is applied stays: main@sha1:cccccccccccc\n',
    });
    const suspended = await standIn.source('shop');
    expect([suspended.isSuspended, suspended.suspendOwners]).toEqual([true, ['parapet-cli']]);
    expect(await operator('suspend', 'shop')).toMatchObject({ status: 0, stdout: expect.stringMatching(/suspended already/) as unknown });
    expect((await operator('get', 'shop')).stdout).toMatch(/\n?shop .* True +\S/);
    expect(await operator('sync', 'shop')).toEqual({
      status: 1,
      stdout: '',
      stderr: 'PolicySource parapet-system/shop is suspended, so there will be no run: parapet resume shop -n parapet-system\n',
    });
    expect((await standIn.source('shop')).requestedAt).toBe(suspended.requestedAt);
    const [resumed] = await Promise.all([operator('resume', 'shop'), standIn.answer('shop', succeeded('no changes'))]);
    expect(resumed).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(/is ready at .*: no changes\n$/) as unknown });
    expect(await operator('resume', 'shop')).toMatchObject({ status: 0, stdout: 'PolicySource parapet-system/shop is not suspended\n' });
  });

  test('warn where another tool says whether it is suspended', async () => {
    const flux = ['apply', '--server-side', '--field-manager=kustomize-controller', '--force-conflicts', '-f', '-'];
    await plane.must(flux, JSON.stringify(source('bank', { suspend: false })));
    const { status, stderr } = await operator('suspend', 'bank');
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: 'warning: kustomize-controller wrote spec.suspend and may put it back: change it where that has it from\n',
    });
  });
});
