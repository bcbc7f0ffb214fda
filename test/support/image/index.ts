/** Images for containers in tests, made from static busybox without any registry; `ctr images import` takes them. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { posix } from 'node:path';
import { tarArchive } from './tar.ts';
import type { TarEntry } from './tar.ts';

const BUSYBOX = '/bin/busybox';

/** A text file (mode 0644), or one with a mode of its own, or a symbolic link, or another name of a program or of a file before it. */
export type ImageFile =
  string | { readonly content: string; readonly mode: number } | { readonly link: string } | { readonly sameAs: string };

/** What an image holds. All paths are absolute; directories above a path are made as needed (mode 0755, `/tmp` 1777). */
export interface ImageContent {
  /** Name and tag, for instance `local.test/shop:1`. */
  readonly name: string;
  /**
   * Programs, each a copy of busybox (never a link), so that each path is its own executable for the kernel.
   * The last part of the path chooses the applet: `/bin/cat`, `/opt/shop/sh`.
   */
  readonly programs: readonly string[];
  readonly files?: Readonly<Record<string, ImageFile>> | undefined;
  readonly directories?: readonly string[] | undefined;
  /** What a container runs unless told otherwise. Default: `/bin/sleep 2147483647`. */
  readonly command?: readonly string[] | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

const DEFAULT_DIRECTORIES = ['/dev', '/etc', '/proc', '/root', '/run', '/sys', '/tmp', '/var'];
const DEFAULT_COMMAND = ['/bin/sleep', '2147483647'];
const SEARCH_PATH = 'PATH=/usr/local/bin:/usr/bin:/bin';

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

function checked(path: string): string {
  if (!path.startsWith('/') || posix.normalize(path) !== path || path === '/') throw new Error(`not an absolute, normal path: ${path}`);
  return path;
}

function fileEntry(path: string, file: ImageFile): TarEntry {
  const name = checked(path).slice(1);
  if (typeof file === 'string') return { name, kind: 'file', mode: 0o644, content: Buffer.from(file) };
  if ('sameAs' in file) return { name, kind: 'link', mode: 0o755, target: checked(file.sameAs).slice(1) };
  if ('link' in file) return { name, kind: 'symlink', mode: 0o777, target: file.link };
  return { name, kind: 'file', mode: file.mode, content: Buffer.from(file.content) };
}

/** Every directory that must be there, parents first. */
function directoriesOf(content: ImageContent): TarEntry[] {
  const paths = new Set<string>();
  const addWithParents = (path: string): void => {
    if (path === '/' || paths.has(path)) return;
    addWithParents(posix.dirname(path));
    paths.add(path);
  };
  for (const path of [...DEFAULT_DIRECTORIES, ...(content.directories ?? [])]) addWithParents(checked(path.replace(/(.)\/$/, '$1')));
  for (const path of [...content.programs, ...Object.keys(content.files ?? {})]) addWithParents(posix.dirname(checked(path)));
  return [...paths].map((path) => ({ name: path.slice(1), kind: 'directory', mode: path === '/tmp' ? 0o1777 : 0o755 }));
}

function layerOf(content: ImageContent, busybox: Uint8Array): Buffer {
  const programs = content.programs.map((path): TarEntry => ({
    name: checked(path).slice(1),
    kind: 'file',
    mode: 0o755,
    content: busybox,
  }));
  const files = Object.entries(content.files ?? {}).map(([path, file]) => fileEntry(path, file));
  return tarArchive([...directoriesOf(content), ...programs, ...files]);
}

/**
 * The archive of an image, as `docker save` writes them. `busybox` defaults to this machine's static one;
 * throws when that is missing or when a path is not absolute and normal.
 */
export function imageArchive(content: ImageContent, busybox: Uint8Array = readFileSync(BUSYBOX)): Buffer {
  const layer = layerOf(content, busybox);
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config: { Cmd: content.command ?? DEFAULT_COMMAND, Env: [SEARCH_PATH], Labels: content.labels ?? {} },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
  });
  const configName = `${sha256(config)}.json`;
  const manifest = JSON.stringify([{ Config: configName, RepoTags: [content.name], Layers: ['layer.tar'] }]);
  const file = (name: string, bytes: Uint8Array): TarEntry => ({ name, kind: 'file', mode: 0o644, content: bytes });
  return tarArchive([file('layer.tar', layer), file(configName, Buffer.from(config)), file('manifest.json', Buffer.from(manifest))]);
}

/** Writes `imageArchive(content)` to the file `out`. */
export function buildImage({ out, ...content }: ImageContent & { readonly out: string }): void {
  writeFileSync(out, imageArchive(content));
}
