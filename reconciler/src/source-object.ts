/**
 * A PolicySource as it comes from the API, to what it asks for. Its definition in the cluster may be of another version than this program, so
 * nothing is believed to have been validated; everything that is wrong is said at once.
 */
import { POLICY_KINDS, reading, REPORT_API_VERSION } from '@parapet/policy';
import type { Problem } from '@parapet/policy';
import semver from 'semver';
import { readDelivery } from './source-delivery.ts';
import {
  readDuration,
  readGitUrl,
  readName,
  readNeededSecretRef,
  readPath,
  readRefName,
  readSecretRef,
  readSwitch,
  readWhole,
} from './source-fields.ts';
import { readStatusHost } from './source-host.ts';
import type { GitRef, PullRequestSpec, SourceSpec, Verification } from './source-spec.ts';
import { isCommitHash } from './source-url.ts';

const { at, checkFields, isAbsent, readChoice, readList, readNeededString, readObject, readString, refuse, refuseMissing, show, warn } =
  reading;
type Cursor = reading.Cursor;

/** Annotations by which people tell the reconciler something. */
export const REQUESTED_AT = 'reconcile.parapet.dev/requestedAt';
export const CONFIRM_PRUNE = 'reconcile.parapet.dev/confirmPrune';

const MINUTE = 60_000;
const MAX_IGNORE = 65_536;
const MAX_DEPENDENCIES = 32;
const REFS = ['branch', 'tag', 'semver', 'commit', 'name'] as const;

/** Who a source is, and what was told it besides its spec. There is one also where the spec is wrong. */
export interface SourceIdentity {
  readonly namespace: string;
  readonly name: string;
  /** The server's own name of this object: another one after it was deleted and made anew. */
  readonly uid: string;
  readonly generation: number;
  /** Somebody has deleted it, and it waits for its finalizers. */
  readonly isDeleted: boolean;
  readonly finalizers: readonly string[];
  /** Whatever it is: another one than was last handled asks for a run at once. */
  readonly requestedAt?: string;
  /** The commit that may remove more than the limit. */
  readonly confirmPrune?: string;
}

export interface ReadSource {
  /** Absent where the object is no PolicySource or has no name. */
  readonly identity?: SourceIdentity;
  /** Present exactly when no problem is an error. */
  readonly spec?: SourceSpec;
  readonly problems: readonly Problem[];
}

/** Characters of a label's value. */
const MAX_LABEL = 63;

/** Never throws, whatever the value. */
export function readSourceObject(value: unknown): ReadSource {
  const problems: Problem[] = [];
  const identity = readIdentity({ reading: { context: {}, object: '', problems }, path: [], value });
  if (identity === undefined) return { problems };
  const root: Cursor = {
    reading: { context: {}, object: `PolicySource ${identity.namespace}/${identity.name}`, problems },
    path: [],
    value,
  };
  const confirmPrune = readConfirmation(root);
  const specField = at(root, 'spec');
  if (isAbsent(specField)) refuseMissing(specField);
  const body = readObject(specField);
  const spec = body === undefined ? undefined : readSpec(body, identity);
  const isGood = !problems.some(({ severity }) => severity === 'error');
  return {
    identity: { ...identity, ...(confirmPrune === undefined ? {} : { confirmPrune }) },
    ...(isGood && spec !== undefined ? { spec } : {}),
    problems,
  };
}

function readIdentity(root: Cursor): SourceIdentity | undefined {
  const { problems } = root.reading;
  const version = at(root, 'apiVersion');
  if (version.value !== REPORT_API_VERSION) {
    refuse(version, { code: 'wrong-api-version', message: `must be ${REPORT_API_VERSION}, not ${show(version.value)}` });
  }
  const kind = at(root, 'kind');
  if (kind.value !== 'PolicySource') refuse(kind, { code: 'unknown-kind', message: `must be PolicySource, not ${show(kind.value)}` });
  const metadata = at(root, 'metadata');
  const name = readName({ ...at(metadata, 'name'), value: at(metadata, 'name').value ?? '' });
  const namespace = readName({ ...at(metadata, 'namespace'), value: at(metadata, 'namespace').value ?? '' }, 'namespace');
  // Its policies carry it as a label. The definition says so too, to whoever writes one.
  if (name !== undefined && name.length > MAX_LABEL) {
    refuse(at(metadata, 'name'), {
      code: 'invalid-value',
      message: `must have at most ${MAX_LABEL} characters: it is the value of a label`,
    });
  }
  if (problems.length > 0 || name === undefined || namespace === undefined) return undefined;
  const { value: uid } = at(metadata, 'uid');
  const { value: generation } = at(metadata, 'generation');
  const { value: finalizers } = at(metadata, 'finalizers');
  const requestedAt = at(at(metadata, 'annotations'), REQUESTED_AT).value;
  return {
    namespace,
    name,
    uid: typeof uid === 'string' ? uid : '',
    generation: Number.isSafeInteger(generation) ? (generation as number) : 0,
    isDeleted: !isAbsent(at(metadata, 'deletionTimestamp')),
    finalizers: Array.isArray(finalizers) ? finalizers.filter((finalizer) => typeof finalizer === 'string') : [],
    // What the status repeats must fit there.
    ...(typeof requestedAt === 'string' ? { requestedAt: requestedAt.slice(0, 1024) } : {}),
  };
}

function readConfirmation(root: Cursor): string | undefined {
  const field = at(at(at(root, 'metadata'), 'annotations'), CONFIRM_PRUNE);
  if (isAbsent(field)) return undefined;
  if (typeof field.value === 'string' && isCommitHash(field.value)) return field.value;
  warn(field, { code: 'invalid-value', message: 'is not a full commit hash, so it confirms nothing' });
  return undefined;
}

// prettier-ignore
const FIELDS = [
  'url', 'ref', 'path', 'interval', 'retryInterval', 'timeout', 'suspend', 'prune', 'pruneLimit', 'deletionPolicy', 'force', 'drift',
  'allowEmpty', 'dependsOn', 'targetNamespace', 'serviceAccountName', 'secretRef', 'verify', 'ignore', 'allow', 'delivery', 'statuses',
  'pullRequests', 'webhook',
];

function readSpec(body: Cursor, { namespace, name }: SourceIdentity): SourceSpec | undefined {
  checkFields(body, { known: FIELDS, hints: { branch: 'ref: { branch: … }', sourceRef: 'url names the repository itself' } });
  const field = (key: string): Cursor => at(body, key);
  const urlField = field('url');
  if (isAbsent(urlField)) refuseMissing(urlField, { hint: 'https://, ssh://, file:// or user@host:path' });
  const url = readGitUrl(urlField);
  const ref = readRef(field('ref'));
  const interval = readDuration(field('interval')) ?? MINUTE;
  const secret = readSecretRef(field('secretRef'));
  const statuses = readStatusHost(field('statuses'), url);
  const spec = {
    ref,
    path: readPath(field('path')) ?? '.',
    interval,
    retryInterval: readDuration(field('retryInterval')) ?? interval,
    timeout: readDuration(field('timeout')) ?? MINUTE,
    suspend: readSwitch(field('suspend'), false),
    prune: readSwitch(field('prune'), true),
    pruneLimit: readWhole(field('pruneLimit'), { least: 0, most: 100 }) ?? 50,
    deletionPolicy: readWord(field('deletionPolicy'), ['MirrorPrune', 'Delete', 'Orphan']),
    force: readSwitch(field('force'), false),
    drift: readWord(field('drift'), ['Correct', 'Report']),
    allowEmpty: readSwitch(field('allowEmpty'), false),
    dependsOn: readDependencies(field('dependsOn'), { namespace, name }),
    ...present('targetNamespace', readName(field('targetNamespace'), 'namespace')),
    ...present('serviceAccountName', readName(field('serviceAccountName'))),
    ...present('secret', secret),
    ...present('verify', readVerification(field('verify'), ref)),
    ...present('ignore', readIgnore(field('ignore'))),
    allow: readAllowed(field('allow')),
    delivery: readDelivery(field('delivery'), { name, ref, secret }),
    ...present('statuses', statuses),
    ...present('pullRequests', readPullRequests(field('pullRequests'), field('statuses'))),
    ...present('webhookSecret', readWebhook(field('webhook'))),
  };
  return url === undefined ? undefined : { url, ...spec };
}

/** The field where it has a value: absent ones stay absent. */
function present<Key extends string, Value>(key: Key, value: Value | undefined): Partial<Record<Key, Value>> {
  return value === undefined ? {} : ({ [key]: value } as Record<Key, Value>);
}

/** One of a few words; the first where nothing is written. */
function readWord<Word extends string>(cursor: Cursor, words: readonly [Word, ...Word[]]): Word {
  return isAbsent(cursor) ? words[0] : (readChoice(cursor, words) ?? words[0]);
}

function readRef(cursor: Cursor): GitRef {
  const body = readObject(cursor);
  if (body === undefined) return { kind: 'default' };
  checkFields(body, { known: REFS });
  const written = REFS.filter((kind) => !isAbsent(at(body, kind)));
  const [kind] = written;
  if (kind === undefined || written.length > 1) {
    const found = written.length === 0 ? 'nothing' : written.join(' and ');
    refuse(body, { code: 'invalid-value', message: `must have exactly one of ${REFS.join(', ')}, and has ${found}` });
    return { kind: 'default' };
  }
  const field = at(body, kind);
  const value = kind === 'commit' || kind === 'semver' ? readNeededString(field) : readRefName(field);
  if (value === undefined) return { kind: 'default' };
  if (kind === 'commit' && !isCommitHash(value)) {
    refuse(field, {
      code: 'invalid-value',
      message: `${show(value)} is not a full commit hash`,
      hint: '40 or 64 digits, a to f in lower case',
    });
  }
  if (kind === 'semver' && (value.length > 256 || semver.validRange(value) === null)) {
    refuse(field, { code: 'invalid-value', message: `${show(value)} is not a range of versions`, hint: 'such as 1.x or >=1.2.0 <2' });
  }
  if (kind === 'name' && !value.startsWith('refs/')) {
    refuse(field, {
      code: 'invalid-value',
      message: `${show(value)} is not a full name`,
      hint: `refs/heads/… or refs/pull/42/head; or branch: ${value}`,
    });
  }
  return { kind, value };
}

function readDependencies(cursor: Cursor, own: { readonly namespace: string; readonly name: string }): SourceSpec['dependsOn'] {
  const elements = readList(cursor);
  if (elements.length > MAX_DEPENDENCIES) refuse(cursor, { code: 'invalid-value', message: `has more than ${MAX_DEPENDENCIES} entries` });
  const found = elements.slice(0, MAX_DEPENDENCIES).flatMap((element) => {
    const body = readObject(element);
    if (body === undefined) return [];
    checkFields(body, { known: ['name', 'namespace'] });
    if (isAbsent(at(body, 'name'))) refuseMissing(at(body, 'name'));
    const name = readName(at(body, 'name'));
    const namespace = readName(at(body, 'namespace'), 'namespace') ?? own.namespace;
    if (name === own.name && namespace === own.namespace)
      refuse(element, { code: 'invalid-value', message: 'a source cannot wait for itself' });
    return name === undefined ? [] : [{ name, namespace }];
  });
  return [...new Map(found.map((one) => [`${one.namespace}/${one.name}`, one])).values()];
}

function readVerification(cursor: Cursor, ref: GitRef): Verification | undefined {
  const body = readObject(cursor);
  if (body === undefined) return undefined;
  checkFields(body, { known: ['mode', 'secretRef'], hints: { provider: 'OpenPGP and ssh signatures are told apart by themselves' } });
  const mode = readWord(at(body, 'mode'), ['Head', 'Tag', 'TagAndHead']);
  const hasTag = ref.kind === 'tag' || ref.kind === 'semver' || (ref.kind === 'name' && ref.value.startsWith('refs/tags/'));
  if (mode !== 'Head' && !hasTag) {
    refuse(at(body, 'mode'), {
      code: 'invalid-value',
      message: `${mode} needs a tag, and ref names none`,
      hint: 'ref: { tag: … }, or mode: Head',
    });
  }
  const secret = readNeededSecretRef(at(body, 'secretRef'), 'a Secret with the public keys of the signers');
  return secret === undefined ? undefined : { mode, secret };
}

/** Many lines, so unlike every other text. */
function readIgnore(cursor: Cursor): string | undefined {
  const text = readString(cursor);
  if (text === undefined || text.length <= MAX_IGNORE) return text;
  refuse(cursor, { code: 'invalid-value', message: `has ${text.length} characters, and at most ${MAX_IGNORE} are taken` });
  return undefined;
}

function readAllowed(cursor: Cursor): SourceSpec['allow'] {
  const everything: SourceSpec['allow'] = { kinds: POLICY_KINDS, namespaces: 'all' };
  const body = readObject(cursor);
  if (body === undefined) return everything;
  checkFields(body, { known: ['kinds', 'namespaces'] });
  const some = <Value>(key: string, read: (element: Cursor) => Value | undefined): readonly Value[] | undefined => {
    const list = at(body, key);
    if (isAbsent(list)) return undefined;
    const elements = readList(list);
    if (Array.isArray(list.value) && elements.length === 0) {
      refuse(list, { code: 'invalid-value', message: 'allows nothing at all', hint: 'leave it out to allow everything' });
    }
    return [...new Set(elements.map(read).filter((value) => value !== undefined))];
  };
  const kinds = some('kinds', (element) => readChoice(element, POLICY_KINDS));
  const namespaces = some('namespaces', (element) => readName(element, 'namespace'));
  return { kinds: kinds ?? everything.kinds, namespaces: namespaces ?? 'all' };
}

function readPullRequests(cursor: Cursor, statuses: Cursor): PullRequestSpec | undefined {
  const body = readObject(cursor);
  if (body === undefined) return undefined;
  checkFields(body, { known: ['comment', 'limit'] });
  if (isAbsent(statuses)) refuseMissing(statuses, { hint: 'pullRequests needs to know the host' });
  return { comment: readSwitch(at(body, 'comment'), true), limit: readWhole(at(body, 'limit'), { least: 1, most: 100 }) ?? 20 };
}

function readWebhook(cursor: Cursor): SourceSpec['webhookSecret'] {
  const body = readObject(cursor);
  if (body === undefined) return undefined;
  checkFields(body, { known: ['secretRef'] });
  return readNeededSecretRef(at(body, 'secretRef'), 'a Secret with token');
}
