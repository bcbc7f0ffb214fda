import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Sought } from '../../../agent/src/adapters/containerd/cgroup.ts';
import { openCgroups, unifiedMount, unifiedPath } from '../../../agent/src/adapters/containerd/cgroup.ts';

let home = '';
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'parapet-cgroup-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

interface World {
  /** `/proc/PID/cgroup`, by process. */
  readonly processes: Readonly<Record<number, string>>;
  /** Cgroups that there are. */
  readonly cgroups?: readonly string[];
  /** Where what started process 7 is. */
  readonly shim?: string;
  /** The agent's own cgroup. */
  readonly own?: string;
}

/** A `/proc` with this process in the cgroup `/agent`, and a hierarchy of cgroups beside it. */
async function finder({ processes, cgroups: directories = [], shim, own = '/agent' }: World) {
  const mount = join(home, 'cgroup');
  const put = async (file: string, text: string): Promise<void> => {
    await mkdir(join(home, 'proc', file, '..'), { recursive: true });
    await writeFile(join(home, 'proc', file), text);
  };
  for (const directory of ['/default/web', ...directories]) await mkdir(join(mount, directory), { recursive: true });
  await put('self/mountinfo', `24 30 0:22 / /proc rw - proc proc rw\n35 24 0:30 / ${mount} rw,nosuid shared:9 - cgroup2 cgroup2 rw\n`);
  await put('self/cgroup', `0::${own}\n`);
  for (const [pid, text] of Object.entries(processes)) await put(`${pid}/cgroup`, text);
  if (shim !== undefined) {
    await put('7/stat', '7 (a) S 9 (b) S 6 7 7 0\n');
    await put('6/cgroup', `0::${shim}\n`);
  }
  return { cgroups: await openCgroups(join(home, 'proc')), mount };
}

const web = { pid: 7, id: 'web', cgroupsPath: '/default/web' };

/** Where a container is found whose first process is in `process`; its path from the root of the hierarchy. */
async function placeOf(
  process: string,
  over: Omit<World, 'processes'> & { readonly sought?: Partial<Sought> } = {},
): Promise<string | undefined> {
  const { cgroups, mount } = await finder({ ...over, processes: { 7: `0::${process}\n` }, cgroups: [process, ...(over.cgroups ?? [])] });
  const found = await cgroups.of({ ...web, ...over.sought });
  return typeof found === 'object' ? found.path.slice(mount.length) : found;
}

test('the unified hierarchy is found where it is mounted, not where a part of it is', () => {
  const part = '40 24 0:30 /docker/x /mnt/part rw - cgroup2 cgroup2 rw';
  const old = '41 24 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu';
  const whole = '42 24 0:30 / /sys/fs/cgroup/a\\040b rw shared:4 - cgroup2 none rw,nsdelegate';
  expect(unifiedMount([part, old, whole].join('\n'))).toBe('/sys/fs/cgroup/a b');
  expect(unifiedMount(`${part}\n${old}\n`)).toBeUndefined();
});

test('the path in the unified hierarchy is that of line 0, beside those of the old ones', () => {
  expect(unifiedPath('12:cpu:/x\n1:name=systemd:/y\n0::/default/web\n')).toBe('/default/web');
  expect(unifiedPath('0::/gone (deleted)\n')).toBe('/gone');
  expect(unifiedPath('12:cpu:/x\n')).toBeUndefined();
});

test('a container leads to the inode of its cgroup', async () => {
  const { cgroups, mount } = await finder({ processes: { 7: '0::/default/web\n' } });
  const path = join(mount, 'default/web');
  expect(await cgroups.of(web)).toEqual({ id: (await stat(path, { bigint: true })).ino, path, root: 'default', level: 2, depth: 0 });
});

test.each(['0::/\n', '0::/agent\n', '0::/../elsewhere\n', '3:cpu:/x\n'])('a container in %j cannot be told from the node', async (text) => {
  const { cgroups } = await finder({ processes: { 7: text } });
  expect(await cgroups.of({ pid: 7, id: 'other', cgroupsPath: '/default/gone/other' })).toBe('shared');
});

test('a container in whose cgroup the agent is cannot be told from the node', async () => {
  expect(await placeOf('/default/web', { own: '/default/web/agent' })).toBe('shared');
});

test('a process that is gone has no cgroup, and neither has one whose cgroup is gone', async () => {
  const { cgroups } = await finder({ processes: { 7: '0::/default/gone\n' } });
  const found = [8, 7, 0].map((pid) => cgroups.of({ pid, id: 'gone', cgroupsPath: '/default/gone' }));
  expect(await Promise.all(found)).toEqual([undefined, undefined, undefined]);
});

test('a first process in a nested cgroup is in the container’s, and it is known how deep', async () => {
  const { cgroups, mount } = await finder({ processes: { 7: '0::/default/web/a/b\n' } });
  expect(await cgroups.of(web)).toMatchObject({ path: join(mount, 'default/web'), root: 'default', level: 2, depth: 2 });
});

test('neither a nested cgroup’s name nor what it says of being deleted leads away from the container’s', async () => {
  expect(await placeOf('/default/web/default/web')).toBe('/default/web');
  expect(await placeOf('/default/web (deleted)')).toBe('/default/web');
  expect(await placeOf('/default/web/x (deleted)')).toBe('/default/web');
});

test('a first process below the unit that systemd’s form names is in that', async () => {
  const sought = { id: 'abc', cgroupsPath: 'kubepods-pod1.slice:cri-containerd:abc' };
  const scope = '/kubepods.slice/kubepods-pod1.slice/cri-containerd-abc.scope';
  expect(await placeOf(`${scope}/init.scope`, { sought })).toBe(scope);
});

test('a first process that went elsewhere leaves the container its cgroup', async () => {
  const { cgroups, mount } = await finder({ processes: { 7: '0::/\n' } });
  expect(await cgroups.of(web)).toMatchObject({ path: join(mount, 'default/web'), depth: undefined });
  for (const elsewhere of ['/agent', '/../out', '/evil/web/x', '/evil/default/web', '/default/web2']) {
    expect([elsewhere, await placeOf(elsewhere)]).toEqual([elsewhere, '/default/web']);
  }
});

test('what the specification says is not taken from afar where it does not name this container', async () => {
  expect(await placeOf('/', { sought: { id: 'other' } })).toBe('shared');
  expect(await placeOf('/x', { sought: { id: 'other' } })).toBe('/x');
});

test('in a node that is a container itself paths begin at that', async () => {
  const node = { shim: '/docker/node/containerd.service' };
  expect(await placeOf('/docker/node/default/web/init', node)).toBe('/docker/node/default/web');
  expect(await placeOf('/docker/node/default/web', { ...node, sought: { cgroupsPath: undefined } })).toBe('/docker/node/default/web');
});

test('a cgroup that what started the container is in is another’s, whatever its name', async () => {
  const node = { shim: '/default/web/containerd.service' };
  expect(await placeOf('/default/web/default/web/init', node)).toBe('/default/web/default/web');
  expect(await placeOf('/', { ...node, cgroups: ['/default/web/default/web'] })).toBe('/default/web/default/web');
});

test('a relative path begins beside what started the container', async () => {
  const sought = { cgroupsPath: 'web' };
  expect(await placeOf('/pods/web/init', { sought, shim: '/pods/shim' })).toBe('/pods/web');
  expect(await placeOf('/', { sought, shim: '/pods/shim', cgroups: ['/pods/web', '/web'] })).toBe('/pods/web');
});

test('where the specification leads nowhere, the cgroup of its name around the first process counts, else that process’s', async () => {
  const sought = { cgroupsPath: '/no/such/web' };
  expect(await placeOf('/user.slice/web/init/web', { sought })).toBe('/user.slice/web');
  expect(await placeOf('/user.slice/other', { sought })).toBe('/user.slice/other');
  expect(await placeOf('/user.slice/runc-web.scope/x', { sought: { cgroupsPath: undefined } })).toBe('/user.slice/runc-web.scope');
});

test('a node without the unified hierarchy is refused with what to do', async () => {
  await mkdir(join(home, 'proc/self'), { recursive: true });
  await writeFile(join(home, 'proc/self/mountinfo'), '');
  await expect(openCgroups(join(home, 'proc'))).rejects.toThrow('mount -t cgroup2');
});
