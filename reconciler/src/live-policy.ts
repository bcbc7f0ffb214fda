/** A policy as it is in the cluster: little enough of it to keep every policy in memory, and enough to see without asking whether it is as it should be. */
import { POLICY_KINDS } from '@parapet/policy';
import type { PolicyKind, PolicyRef } from '@parapet/policy';
import type { Desired, Existing } from './delivery.ts';
import { hashOfValue, recordOf } from './manifest.ts';
import { MARK, OURS } from './marks.ts';
import { ownerOf } from './ownership.ts';

type Texts = Readonly<Record<string, string>>;

export interface LivePolicy extends PolicyRef {
  readonly uid: string;
  readonly generation: number;
  /** The uid of the source that made it. */
  readonly owner: string | undefined;
  /** Hash of its spec. */
  readonly spec: string;
  readonly labels: Texts;
  /** Without those that may be large. */
  readonly annotations: Texts;
}

/** Takes what is needed of an object that the API server gave; `undefined` for what is no policy. */
export function livePolicy(kind: PolicyKind, object: unknown): LivePolicy | undefined {
  const { metadata, spec } = recordOf(object);
  const { name, namespace, uid, generation, labels, annotations } = recordOf(metadata);
  if (typeof name !== 'string' || typeof uid !== 'string' || !POLICY_KINDS.includes(kind)) return undefined;
  const ref: PolicyRef = { kind, namespace: kind === 'KubeArmorPolicy' && typeof namespace === 'string' ? namespace : '', name };
  const marks = texts(annotations);
  return {
    ...ref,
    uid,
    generation: typeof generation === 'number' ? generation : 0,
    owner: ownerOf(ref, marks),
    // An object may be older than the definition that asks for a spec.
    spec: hashOfValue(spec ?? null),
    labels: texts(labels),
    annotations: Object.fromEntries(Object.entries(marks).map(([key, value]) => [key, value.length > 512 ? hashOfValue(value) : value])),
  };
}

/** How the live policy looks to a plan of the source with this uid. */
export function existingOf(live: LivePolicy, source: string, wanted: Desired | undefined): Existing {
  const { kind, namespace, name } = live;
  const owner = live.owner === source ? 'ours' : live.owner === undefined ? 'nobody' : 'another source';
  const base = { kind, namespace, name, owner } as const;
  const applied = live.annotations[MARK.fingerprint] ?? '';
  if (wanted === undefined) return { ...base, fingerprint: applied };
  if (isAsWanted(live, wanted)) return { ...base, fingerprint: wanted.fingerprint };
  return { ...base, fingerprint: `not ${wanted.fingerprint}`, drifted: owner === 'ours' && applied === wanted.fingerprint };
}

/** Whether everything that the commit says is so; labels and annotations of others do no harm, and provenance may be an older commit's. */
export function isAsWanted(live: LivePolicy, wanted: Desired): boolean {
  const metadata = recordOf(wanted.manifest['metadata']);
  if (live.annotations[MARK.fingerprint] !== wanted.fingerprint || live.spec !== specHash(wanted)) return false;
  const labels = Object.entries(recordOf(metadata['labels']));
  if (!labels.every(([key, value]) => live.labels[key] === value)) return false;
  return Object.entries(recordOf(metadata['annotations'])).every(([key, value]) => {
    if (OURS.has(key) && key !== MARK.owner) return Object.hasOwn(live.annotations, key);
    return live.annotations[key] === (typeof value === 'string' && value.length > 512 ? hashOfValue(value) : value);
  });
}

const hashes = new WeakMap<Desired, string>();

function specHash(wanted: Desired): string {
  const known = hashes.get(wanted) ?? hashOfValue(wanted.manifest['spec']);
  hashes.set(wanted, known);
  return known;
}

function texts(value: unknown): Texts {
  return Object.fromEntries(Object.entries(recordOf(value)).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
