import { expect, test } from '@jest/globals';
import type { ContainerRecord } from '../../../agent/src/adapters/containerd/api.ts';
import { cgroupsPathOf, isNamed, isWithin, namesOf, placesOf } from '../../../agent/src/adapters/containerd/cgroups-path.ts';

const places = (cgroupsPath: string | undefined, shim?: string): readonly string[] => placesOf({ id: 'c1', cgroupsPath }, shim);

function record(spec: unknown): ContainerRecord {
  return { id: 'c1', labels: {}, image: 'i', spec: { value: Buffer.from(JSON.stringify(spec)) } };
}

test('the path is what the specification says, where it says one', () => {
  expect(cgroupsPathOf(record({ linux: { cgroupsPath: '/default/web' } }))).toBe('/default/web');
  for (const spec of [{}, { linux: null }, { linux: {} }, { linux: { cgroupsPath: 7 } }, []])
    expect(cgroupsPathOf(record(spec))).toBeUndefined();
  expect(cgroupsPathOf({ id: 'c1', labels: {}, image: 'i' })).toBeUndefined();
});

test.each([
  ['/kubepods/pod1/abc', '/kubepods/pod1/abc'],
  ['/default//web/', '/default/web'],
  ['/default/../../web', '/web'],
  [
    'kubepods-besteffort-pod1.slice:cri-containerd:abc',
    '/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1.slice/cri-containerd-abc.scope',
  ],
  ['system.slice:docker:abc', '/system.slice/docker-abc.scope'],
  [':docker:abc', '/system.slice/docker-abc.scope'],
  ['-.slice:docker:abc', '/docker-abc.scope'],
  ['machine.slice::abc', '/machine.slice/-abc.scope'],
  ['user.slice:docker:abc.slice', '/user.slice/abc.slice'],
])('the path %j is %s', (said, place) => {
  expect(places(said)[0]).toBe(place);
});

test.each(['a--b.slice:docker:abc', '-a.slice:docker:abc', 'a/b.slice:docker:abc', 'noslice:docker:abc', '.slice:docker:abc', 'a.slice:b'])(
  'what is no slice with a prefix and a name is a path as it stands: %j',
  (said) => {
    expect(places(said)).toEqual([`/${said}`]);
  },
);

test('a path with colons is one as it stands too, as runc without systemd takes it', () => {
  expect(places('system.slice:docker:abc')).toContain('/system.slice:docker:abc');
  expect(places('/a:b:c')).toEqual(['/a:b:c']);
});

test('a relative path begins beside what started the container, or at any cgroup above it', () => {
  expect(places('web', '/pods/shim/x')).toEqual(['/pods/shim/web', '/web', '/pods/web', '/pods/shim/x/web']);
  expect(places('web', '/')).toEqual(['/web']);
});

test('an absolute path begins at the root, or at any cgroup above what started the container, which may be in a container itself', () => {
  expect(places('/default/web', '/docker/node/shim')).toEqual([
    '/default/web',
    '/docker/default/web',
    '/docker/node/default/web',
    '/docker/node/shim/default/web',
  ]);
});

test('where what started the container cannot be seen from here, paths begin at the root', () => {
  expect(places('/default/web', '/../elsewhere')).toEqual(['/default/web']);
});

test('without a path the container’s id names the cgroup', () => {
  for (const said of [undefined, '']) expect(places(said, '/')).toEqual(['/system.slice/runc-c1.scope', '/c1']);
});

test('the root is no container’s', () => {
  for (const said of ['/', '/..', '.', '-.slice::.slice']) expect(places(said)).not.toContain('/');
});

test('the last name of a path is the cgroup’s', () => {
  expect(namesOf({ id: 'c1', cgroupsPath: '/default/web' })).toEqual(['web']);
  expect(namesOf({ id: 'c1', cgroupsPath: 'a.slice:p:c1' })).toEqual(['p-c1.scope', 'a.slice:p:c1']);
});

test('a name is a container’s own where it says its id', () => {
  for (const place of ['/default/c1', '/a.slice/p-c1.scope', '/a.slice:p:c1']) expect([place, isNamed(place, 'c1')]).toEqual([place, true]);
  for (const place of ['/c1/x', '/default/xc1', '/p-c1.scope/y', '/p-xc1.scope'])
    expect([place, isNamed(place, 'c1')]).toEqual([place, false]);
});

test('a cgroup lies within itself and those above it, not within one whose name merely begins like its own', () => {
  expect([isWithin('/a/b', '/a/b'), isWithin('/a/b/c', '/a/b'), isWithin('/a/bc', '/a/b'), isWithin('/a', '/a/b')]).toEqual([
    true,
    true,
    false,
    false,
  ]);
});
