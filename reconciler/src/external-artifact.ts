/** Flux's ExternalArtifact (`source.toolkit.fluxcd.io/v1`): what tells Flux where policies are to be had, and which commit they are of. */
import type { ApiObject, ApiObjectName } from './api-object.ts';
import { isCommitHash } from './source-url.ts';

export const ARTIFACT_KIND = { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'ExternalArtifact' } as const;
const SOURCE_KIND = { apiVersion: 'parapet.dev/v1alpha1', kind: 'PolicySource' } as const;

/** What Flux's notification-controller takes the commit from, whatever the revision says. */
const ORIGIN = 'org.opencontainers.image.revision';
/** How many policies are in the artifact: what would be lost with it. */
const POLICIES = 'parapet.dev/policies';

/** The PolicySource that an artifact is of, in whose namespace it is. */
export interface ArtifactOwner {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** A file that can be fetched. */
export interface StoredArtifact {
  /** SHA-256, hex. */
  readonly digest: string;
  /** In bytes. */
  readonly size: number;
  /** Relative to the store: `NAMESPACE/NAME/DIGEST.tar.gz`. */
  readonly path: string;
}

/** What an object says is to be had. */
export interface Published {
  readonly digest: string;
  readonly revision: string;
  readonly policies: number;
}

/** Why there is no (new) artifact: the reasons that Flux knows. */
export type ArtifactFailure = 'FetchFailed' | 'StorageOperationFailed' | 'VerificationFailed';

export interface ArtifactState {
  /** The object as it is: what did not change keeps its times. */
  readonly before: ApiObject;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export function artifactName(owner: ArtifactOwner, name: string): ApiObjectName {
  return { ...ARTIFACT_KIND, namespace: owner.namespace, name };
}

/** Flux's form of a commit: `main@sha1:HASH`; without a name of the reference, `sha1:HASH`. */
export function fluxRevision(ref: string | undefined, commit: string): string {
  const hash = `${commit.length === 64 ? 'sha256' : 'sha1'}:${commit}`;
  return ref === undefined || ref === '' || isCommitHash(ref) ? hash : `${ref}@${hash}`;
}

/** The object without its status. It goes when its PolicySource goes. */
export function externalArtifact(owner: ArtifactOwner, name: string): ApiObject {
  const { namespace, name: source, uid } = owner;
  return {
    ...ARTIFACT_KIND,
    metadata: {
      name,
      namespace,
      labels: { 'parapet.dev/source-namespace': namespace, 'parapet.dev/source-name': source },
      ownerReferences: [{ ...SOURCE_KIND, name: source, uid, controller: true }],
    },
    spec: { sourceRef: { ...SOURCE_KIND, name: source, namespace } },
  };
}

/** Whether an object of the name is this source's. */
export function isArtifactOf(object: ApiObject, owner: ArtifactOwner): boolean {
  const ref = recordOf(recordOf(object['spec'])['sourceRef']);
  const namespace = ref['namespace'] ?? owner.namespace;
  return (
    ref['kind'] === SOURCE_KIND.kind &&
    ref['apiVersion'] === SOURCE_KIND.apiVersion &&
    ref['name'] === owner.name &&
    namespace === owner.namespace
  );
}

/** Whether the object goes when its source goes: one that an earlier source of the name left has another owner. */
export function isOwnedBy(object: ApiObject, { uid }: ArtifactOwner): boolean {
  const owners: unknown = recordOf(object['metadata'])['ownerReferences'];
  return Array.isArray(owners) && owners.some((owner) => recordOf(owner)['uid'] === uid);
}

/** What the object says is to be had; `undefined` where it says nothing that we would have written. */
export function publishedIn(object: ApiObject | undefined): Published | undefined {
  const artifact = recordOf(recordOf(object?.['status'])['artifact']);
  const metadata = recordOf(artifact['metadata']);
  const [, digest] = /^sha256:([0-9a-f]{64})$/.exec(textOf(artifact['digest'])) ?? [];
  if (digest === undefined) return undefined;
  return { digest, revision: textOf(artifact['revision']), policies: Number.parseInt(textOf(metadata[POLICIES]), 10) || 0 };
}

/** The status of an artifact that can be fetched below `baseUrl`. */
export function artifactReady(
  made: { readonly artifact: StoredArtifact; readonly revision: string; readonly policies: number; readonly baseUrl: string },
  state: ArtifactState,
): ApiObject {
  const { artifact, revision, policies, baseUrl } = made;
  const old = recordOf(recordOf(state.before['status'])['artifact']);
  const digest = `sha256:${artifact.digest}`;
  const lastUpdateTime = old['digest'] === digest ? textOf(old['lastUpdateTime']) : timeText(state.now);
  const said = {
    digest,
    lastUpdateTime,
    path: artifact.path,
    revision,
    size: artifact.size,
    url: `${baseUrl.replace(/\/+$/, '')}/${artifact.path}`,
    metadata: { [ORIGIN]: revision, [POLICIES]: String(policies) },
  };
  return status(said, { status: 'True', reason: 'Succeeded', message: `stored artifact for revision ${revision}` }, state);
}

/** The status after a failure: what was to be had before still is. */
export function artifactFailed(failure: { readonly reason: ArtifactFailure; readonly message: string }, state: ArtifactState): ApiObject {
  const artifact = recordOf(recordOf(state.before['status'])['artifact']);
  return status(Object.keys(artifact).length === 0 ? undefined : artifact, { status: 'False', ...failure }, state);
}

/** Whether writing the status would change nothing but times. */
export function saysTheSame(before: ApiObject, after: ApiObject): boolean {
  const essence = (object: ApiObject): string => {
    const { artifact, conditions } = recordOf(object['status']);
    const { digest, path, revision, size, url, metadata } = recordOf(artifact);
    const ready = readyOf(conditions);
    return JSON.stringify([
      [digest, path, revision, size, url, Object.entries(recordOf(metadata)).sort()],
      ['status', 'reason', 'message', 'observedGeneration'].map((key) => ready[key]),
    ]);
  };
  return essence(before) === essence(after);
}

function status(
  artifact: ApiObject | undefined,
  ready: { readonly status: 'True' | 'False'; readonly reason: string; readonly message: string },
  { before, now }: ArtifactState,
): ApiObject {
  const { name, namespace, generation } = recordOf(before['metadata']);
  const old = readyOf(recordOf(before['status'])['conditions']);
  const lastTransitionTime = old['status'] === ready.status ? textOf(old['lastTransitionTime']) : timeText(now);
  const condition = {
    type: 'Ready',
    ...ready,
    message: ready.message.slice(0, 1024),
    ...(typeof generation === 'number' ? { observedGeneration: generation } : {}),
    lastTransitionTime,
  };
  return {
    ...ARTIFACT_KIND,
    metadata: { name, namespace },
    status: { ...(artifact === undefined ? {} : { artifact }), conditions: [condition] },
  };
}

function readyOf(conditions: unknown): Readonly<Record<string, unknown>> {
  const list: readonly unknown[] = Array.isArray(conditions) ? conditions : [];
  return list.map(recordOf).find(({ type }) => type === 'Ready') ?? {};
}

/** RFC 3339, whole seconds, as Kubernetes writes times. */
function timeText(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
