import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openCgroups, unifiedMount, unifiedPath } from '../../../agent/src/adapters/containerd/cgroup.ts';

let home = '';
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'parapet-cgroup-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** A `/proc` with this process in the cgroup `/agent`, and a hierarchy of cgroups beside it. */
async function finder(processes: Record<number, string>) {
  const mount = join(home, 'cgroup');
  const put = async (file: string, text: string): Promise<void> => {
    await mkdir(join(home, 'proc', file, '..'), { recursive: true });
    await writeFile(join(home, 'proc', file), text);
  };
  await mkdir(join(mount, 'default/web'), { recursive: true });
  await put('self/mountinfo', `24 30 0:22 / /proc rw - proc proc rw\n35 24 0:30 / ${mount} rw,nosuid shared:9 - cgroup2 cgroup2 rw\n`);
  await put('self/cgroup', '0::/agent\n');
  for (const [pid, text] of Object.entries(processes)) await put(`${pid}/cgroup`, text);
  return { cgroups: await openCgroups(join(home, 'proc')), mount };
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

test('a process leads to the inode of its cgroup', async () => {
  const { cgroups, mount } = await finder({ 7: '0::/default/web\n' });
  const path = join(mount, 'default/web');
  expect(await cgroups.of(7)).toEqual({ id: (await stat(path, { bigint: true })).ino, path, root: 'default' });
});

test.each(['0::/\n', '0::/agent\n', '0::/../elsewhere\n', '3:cpu:/x\n'])('a container in %j cannot be told from the node', async (text) => {
  const { cgroups } = await finder({ 7: text });
  expect(await cgroups.of(7)).toBe('shared');
});

test('a process that is gone has no cgroup, and neither has one whose cgroup is gone', async () => {
  const { cgroups } = await finder({ 7: '0::/default/gone\n' });
  expect([await cgroups.of(8), await cgroups.of(7), await cgroups.of(0)]).toEqual([undefined, undefined, undefined]);
});

test('a node without the unified hierarchy is refused with what to do', async () => {
  await mkdir(join(home, 'proc/self'), { recursive: true });
  await writeFile(join(home, 'proc/self/mountinfo'), '');
  await expect(openCgroups(join(home, 'proc'))).rejects.toThrow('mount -t cgroup2');
});
