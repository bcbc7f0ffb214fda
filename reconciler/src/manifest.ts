/** Manifests as they are stored: stamped with where they came from, one YAML file each, the same bytes for the same input. */
import { createHash } from 'node:crypto';
import { ANNOTATION } from '@parapet/policy';
import type { PolicyRef } from '@parapet/policy';
import { stringify } from 'yaml';
import { OURS } from './marks.ts';

/** A file of the policies directory. */
export interface StoredFile {
  readonly file: string;
  readonly content: string;
}

type Json = Record<string, unknown>;

/** The manifest with the annotations that say which commit of which repository it is from. Others are kept. */
export function stamp(manifest: unknown, from: { readonly repository: string; readonly commit: string }): Json {
  const object = recordOf(manifest);
  const metadata = recordOf(object['metadata']);
  const annotations = { ...recordOf(metadata['annotations']), [ANNOTATION.repository]: from.repository, [ANNOTATION.commit]: from.commit };
  return { ...object, metadata: { ...metadata, annotations } };
}

/** YAML with every string quoted, and keys where need be, so that no reader, of whatever YAML version, takes one for a number or a boolean. */
export function render(manifest: unknown): string {
  return stringify(manifest, {
    defaultStringType: 'QUOTE_DOUBLE',
    defaultKeyType: 'PLAIN',
    compat: 'yaml-1.1',
    lineWidth: 0,
    aliasDuplicateObjects: false,
  });
}

/** A file name that is unique for the policy and safe on every file system: `default.no-shell.yaml`, `_cluster.edge.yaml`, `_host.edge.yaml`. */
export function fileNameOf({ kind, namespace, name }: PolicyRef): string {
  // An underscore is in no namespace's name, so a namespace called `host` can't collide.
  const prefix = { KubeArmorPolicy: namespace, KubeArmorClusterPolicy: '_cluster', KubeArmorHostPolicy: '_host' }[kind];
  const plain = `${prefix}.${name}`;
  // Names may hold dots, so `a.b` in `c` and `b` in `c.a` must differ too: anything but the ordinary case gets a hash.
  const ordinary = kind === 'KubeArmorPolicy' ? /^[a-z0-9-]{1,63}\.[a-z0-9-]{1,120}$/ : /^_[a-z]+\.[a-z0-9-]{1,120}$/;
  if (ordinary.test(plain)) return `${plain}.yaml`;
  const hash = createHash('sha256').update(`${kind}\0${namespace}\0${name}`).digest('hex').slice(0, 16);
  return `${plain.replace(/[^a-z0-9_-]/g, '-').slice(0, 120)}.${hash}.yaml`;
}

/** Hash of what a manifest says, without the annotations that say where it was written. Key order doesn't matter. */
export function fingerprint(manifest: unknown): string {
  const object = recordOf(manifest);
  const metadata = recordOf(object['metadata']);
  const foreign = (from: unknown): Json => Object.fromEntries(Object.entries(recordOf(from)).filter(([key]) => !OURS.has(key)));
  const { labels: written, ...rest } = metadata;
  const labels = foreign(written);
  const said = { ...rest, annotations: foreign(metadata['annotations']), ...(Object.keys(labels).length === 0 ? {} : { labels }) };
  return hashOf(canonical({ ...object, metadata: said }));
}

/** Hash of a JSON value, whatever the order of its keys. */
export function hashOfValue(value: unknown): string {
  return hashOf(canonical(value));
}

/** Hash of a whole revision: names and bytes of its files. */
export function digestOf(files: readonly StoredFile[]): string {
  const sorted = [...files].sort((a, b) => (a.file < b.file ? -1 : 1));
  return hashOf(JSON.stringify(sorted.map(({ file, content }) => [file, content])));
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Own properties only: what comes from a policy program may have any shape. */
export function recordOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
