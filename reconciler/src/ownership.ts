/** Whose a policy in the cluster is: labels to find it by, and an annotation that a copy of the object does not satisfy. */
import type { PolicyRef } from '@parapet/policy';
import { fingerprint, recordOf, stamp } from './manifest.ts';
import { LABEL, MARK } from './marks.ts';

/** A PolicySource object. */
export interface SourceId {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

type Json = Readonly<Record<string, unknown>>;

/** What the owner annotation of this source's policy says. */
export function ownerMark(source: SourceId, { kind, namespace, name }: PolicyRef): string {
  return `${source.uid}/${kind}/${namespace}/${name}`;
}

/** The manifest as it is applied: with labels, marks and provenance, whatever it said about these itself. */
export function claim(manifest: unknown, ref: PolicyRef, by: { source: SourceId; repository: string; commit: string }): Json {
  const stamped = stamp(manifest, by);
  const metadata = stamped['metadata'] as Json;
  return {
    ...stamped,
    metadata: {
      ...metadata,
      labels: {
        ...recordOf(metadata['labels']),
        [LABEL.sourceNamespace]: by.source.namespace,
        [LABEL.sourceName]: by.source.name,
      },
      annotations: {
        ...recordOf(metadata['annotations']),
        [MARK.owner]: ownerMark(by.source, ref),
        [MARK.fingerprint]: fingerprint(manifest),
      },
    },
  };
}

/** The uid of the source that an object's marks name; `undefined` where there is none, or where they are another object's. */
export function ownerOf(ref: PolicyRef, annotations: Readonly<Record<string, string>>): string | undefined {
  const mark = Object.hasOwn(annotations, MARK.owner) ? annotations[MARK.owner] : undefined;
  const [uid = '', ...rest] = mark?.split('/') ?? [];
  return uid !== '' && rest.join('/') === `${ref.kind}/${ref.namespace}/${ref.name}` ? uid : undefined;
}
