/** PolicySources that are delivered for Argo CD or Flux to apply, by the controller's own process: a branch of a Git server, a file that is fetched. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { unpackFiles } from '../../reconciler/src/adapters/flux/tar.ts';
import { HOME } from '../support/cluster/controller-process.ts';
import type { ControllerProcess } from '../support/cluster/controller-process.ts';
import { EXTERNAL_ARTIFACT } from '../support/flux/definition.ts';
import { BUILD_PATIENCE, PATIENCE } from './manifests.ts';
import { condition, isReady, program, World } from './world.ts';

jest.setTimeout(PATIENCE);

const BASE = `http://parapet-artifacts.${HOME}.svc`;
let world: World;
let controller: ControllerProcess;

beforeAll(async () => {
  world = await World.begin({ flux: true, flags: ['--artifacts', '127.0.0.1:0'] });
  world.repository.git(['config', 'http.receivepack', 'true'], world.repository.bare);
  await world.plane.apply([EXTERNAL_ARTIFACT]);
  await world.plane.must(['wait', '--for=condition=Established', 'crd/externalartifacts.source.toolkit.fluxcd.io']);
  controller = world.start();
}, BUILD_PATIENCE);
afterAll(() => world?.end(), PATIENCE);

/** Once the source has carried out this commit. */
const carriedOut = (name: string, commit: string): Promise<unknown> =>
  world.when(name, (source) => isReady(source) && source.status?.lastAppliedRevision?.endsWith(commit) === true);

/** Files of the newest commit of a branch, by name. */
function filesOn(branch: string): Record<string, string> {
  const git = (...args: string[]): string => world.repository.git(args, world.repository.bare);
  const names = git('ls-tree', '-r', '--name-only', branch).split('\n');
  return Object.fromEntries(names.map((name) => [name, git('show', `${branch}:${name}`)]));
}

test('a rendered branch holds the policies of the newest commit, and the next commit is one more on it', async () => {
  const first = world.repository.commit(program(['api', 'web']));
  await world.plane.apply([world.source('rendered', { delivery: { mode: 'RenderedBranch', branch: 'rendered', path: 'out' } })]);
  await carriedOut('rendered', first);
  const before = filesOn('rendered');
  expect(Object.keys(before).filter((name) => name.endsWith('.yaml'))).toEqual(
    expect.arrayContaining(['out/default.api.yaml', 'out/default.web.yaml']),
  );
  expect(before['out/default.web.yaml']).toContain(`parapet.dev/commit: "${first}"`);
  expect(await world.policies()).toEqual([]);

  const second = world.repository.commit(program(['web', 'new'], { block: '/bin/ash' }));
  await world.sync('rendered');
  await carriedOut('rendered', second);
  const after = filesOn('rendered');
  expect(Object.keys(after)).not.toContain('out/default.api.yaml');
  expect(after['out/default.web.yaml']).toContain('/bin/ash');
  expect(world.repository.git(['rev-list', '--count', 'rendered'], world.repository.bare)).toBe('2');
  // looked at again, nothing is written
  const head = world.repository.git(['rev-parse', 'rendered'], world.repository.bare);
  await world.sync('rendered');
  expect(world.repository.git(['rev-parse', 'rendered'], world.repository.bare)).toBe(head);
});

test('a server that lets nothing be pushed is said, and the branch follows once it does', async () => {
  world.repository.git(['config', 'http.receivepack', 'false'], world.repository.bare);
  const commit = world.repository.commit(program(['late']));
  await world.plane.apply([world.source('shut', { delivery: { mode: 'RenderedBranch', branch: 'late' } })]);
  const stuck = await world.when('shut', (source) => condition(source, 'Ready').status === 'False');
  expect(condition(stuck, 'Ready').message).toMatch(/the branch "late" of .* can't be written/);
  world.repository.git(['config', 'http.receivepack', 'true'], world.repository.bare);
  await carriedOut('shut', commit);
  expect(Object.keys(filesOn('late'))).toContain('default.late.yaml');
});

interface Artifact {
  readonly status: { readonly artifact: { readonly url: string; readonly revision: string; readonly digest: string } };
}

/** The ExternalArtifact of a source, and the files that Flux would fetch. */
async function artifactOf(
  name: string,
): Promise<{ readonly revision: string; readonly digest: string; readonly files: Record<string, string> }> {
  const { status } = JSON.parse(await world.plane.must(['get', 'externalartifact', name, '-n', HOME, '-o', 'json'])) as Artifact;
  const { url, revision, digest } = status.artifact;
  expect(url.startsWith(`${BASE}/`)).toBe(true);
  const answer = await fetch(url.replace(BASE, `http://127.0.0.1:${await controller.port('artifacts')}`));
  expect(answer.status).toBe(200);
  return { revision, digest, files: Object.fromEntries(await unpackFiles(Buffer.from(await answer.arrayBuffer()), 10_000_000)) };
}

test('an ExternalArtifact names the commit and a file with its policies; a refused commit is told to Flux, and what was to be had stays', async () => {
  const commit = world.repository.commit(program(['api', 'web']));
  await world.plane.apply([world.source('flux', { delivery: { mode: 'FluxArtifact', artifactName: 'shop' } })]);
  await carriedOut('flux', commit);
  const before = await artifactOf('shop');
  expect(before.revision).toBe(`main@sha1:${commit}`);
  expect(before.files['default.web.yaml']).toContain(`parapet.dev/commit: "${commit}"`);
  await world.plane.must(['wait', '--for=condition=Ready', 'externalartifact/shop', '-n', HOME, '--timeout=30s']);

  world.repository.commit({ 'main.ts': 'throw new Error("no");\n' });
  await world.sync('flux');
  const message = ['get', 'externalartifact', 'shop', '-n', HOME, '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].message}'];
  await world.until('the ExternalArtifact', () => world.plane.must(message), { is: (text) => text.includes('the program threw no') });
  expect(await artifactOf('shop')).toEqual(before);

  const mended = world.repository.commit(program(['web']));
  await world.sync('flux');
  await carriedOut('flux', mended);
  const after = await artifactOf('shop');
  expect(after.revision).toBe(`main@sha1:${mended}`);
  expect(Object.keys(after.files)).not.toContain('default.api.yaml');
  expect(after.digest).not.toBe(before.digest);
});

test('a source that goes takes what it delivered along', async () => {
  await world.plane.must(['delete', 'policysource', 'flux', 'rendered', '-n', HOME, '--timeout=60s']);
  expect(Object.keys(filesOn('rendered')).filter((name) => name.startsWith('out/default.'))).toEqual([]);
});
