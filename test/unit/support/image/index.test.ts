import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { imageArchive } from '../../../support/image/index.ts';
import type { ImageContent } from '../../../support/image/index.ts';

const BUSYBOX = Buffer.from('not really busybox');
const CONTENT: ImageContent = {
  name: 'local.test/unit:1',
  programs: ['/bin/sh', '/usr/bin/deep/cat'],
  files: {
    '/etc/app/app.conf': 'listen 8080\n',
    '/opt/run': { content: '#!/bin/sh\n', mode: 0o755 },
    '/etc/link': { link: 'app/app.conf' },
  },
  directories: ['/var/data/'],
  command: ['/bin/sh'],
  labels: { tier: 'web' },
};

function tar(archive: Uint8Array, ...words: string[]): Buffer {
  const { status, stdout, stderr } = spawnSync('tar', [...words], { input: archive, env: { ...process.env, TZ: 'UTC' } });
  expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: '' });
  return stdout;
}
const member = (archive: Uint8Array, name: string): Buffer => tar(archive, '-xOf', '-', name);

interface Manifest {
  readonly Config: string;
  readonly RepoTags: string[];
  readonly Layers: string[];
}

const archive = imageArchive(CONTENT, BUSYBOX);
const [manifest] = JSON.parse(member(archive, 'manifest.json').toString()) as [Manifest];
const layer = member(archive, 'layer.tar');

test('programs are files of their own, with every directory above them', () => {
  const listing = tar(layer, '-tvf', '-')
    .toString()
    .trim()
    .split('\n')
    .map((line) => line.replace(/^(\S+) root\/root +(\d+) \S+ \S+ /, '$1 $2 '));
  expect(listing).toEqual(
    expect.arrayContaining([
      `-rwxr-xr-x ${BUSYBOX.length} bin/sh`,
      `-rwxr-xr-x ${BUSYBOX.length} usr/bin/deep/cat`,
      'drwxr-xr-x 0 usr/bin/deep/',
      'drwxr-xr-x 0 var/data/',
      'drwxrwxrwt 0 tmp/',
      '-rw-r--r-- 12 etc/app/app.conf',
      '-rwxr-xr-x 10 opt/run',
      'lrwxrwxrwx 0 etc/link -> app/app.conf',
    ]),
  );
  expect(listing.indexOf('drwxr-xr-x 0 usr/')).toBeLessThan(listing.indexOf('drwxr-xr-x 0 usr/bin/'));
});

test('the manifest names the image, its configuration and its layer by digest', () => {
  const config = member(archive, manifest.Config);
  expect(manifest).toMatchObject({ RepoTags: ['local.test/unit:1'], Layers: ['layer.tar'] });
  expect(manifest.Config).toBe(`${createHash('sha256').update(config).digest('hex')}.json`);
  expect(JSON.parse(config.toString())).toMatchObject({
    architecture: 'amd64',
    os: 'linux',
    config: { Cmd: ['/bin/sh'], Labels: { tier: 'web' } },
    rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(layer).digest('hex')}`] },
  });
});

test('the same content gives the same bytes', () => {
  expect(imageArchive(CONTENT, BUSYBOX).equals(archive)).toBe(true);
});

test.each(['bin/sh', '/bin/../sh', '/bin//sh', '/'])('a path that is not absolute and normal is refused: %s', (path) => {
  expect(() => imageArchive({ ...CONTENT, programs: [path] }, BUSYBOX)).toThrow(`not an absolute, normal path: ${path}`);
});

test('a path too long for the format is refused, one that can be split is not', () => {
  const long = `/${'a'.repeat(90)}/${'b'.repeat(90)}`;
  expect(tar(member(imageArchive({ ...CONTENT, files: { [long]: 'x' } }, BUSYBOX), 'layer.tar'), '-tf', '-').toString()).toContain(
    long.slice(1),
  );
  expect(() => imageArchive({ ...CONTENT, files: { [`/${'c'.repeat(120)}`]: 'x' } }, BUSYBOX)).toThrow('too long for a tar archive');
});
