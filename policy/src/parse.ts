/** Manifests to policies: everything that is wrong is said at once, and nothing is ignored. */
import { DEFAULT_MANNER, INHERITED_FIELDS, readManner } from './inherit.ts';
import { isLabel, isSubdomain } from './kubernetes-name.ts';
import { API_VERSION } from './model.ts';
import type { Policy, PolicyKind } from './model.ts';
import { readSection, SECTIONS } from './parse-rules.ts';
import { readHardening, readPresets } from './parse-switches.ts';
import { readSyscalls } from './parse-syscalls.ts';
import { readTarget } from './parse-target.ts';
import type { Problem } from './problem.ts';
import { readProvenance } from './provenance.ts';
import {
  at,
  checkFields,
  isAbsent,
  readNeededString,
  readObject,
  readString,
  refuse,
  refuseMissing,
  refuseNotYet,
  show,
  warn,
} from './reading.ts';
import type { Cursor, Fields, ManifestContext } from './reading.ts';
import { refKey } from './ref.ts';
import { readResources } from './resources.ts';
import { closest } from './suggest.ts';

export const POLICY_KINDS: readonly PolicyKind[] = ['KubeArmorPolicy', 'KubeArmorClusterPolicy', 'KubeArmorHostPolicy'];

/** Kinds of the API that are not enforced yet. */
const OTHER_KINDS: readonly string[] = ['KubeArmorNetworkPolicy'];

/** What KubeArmor calls the namespace of containers outside Kubernetes. */
const CONTAINER_NAMESPACE = 'container_namespace';

const CONTAINER_SPEC: Fields = {
  known: [...INHERITED_FIELDS, 'selector', ...SECTIONS, 'syscalls', 'hardening', 'presets', 'resources'],
  notYet: ['apparmor'],
  hints: { nodeSelector: 'nodes are selected by a KubeArmorHostPolicy' },
};
const HOST_SPEC: Fields = {
  known: [...INHERITED_FIELDS, 'nodeSelector', ...SECTIONS, 'syscalls', 'hardening'],
  notYet: ['apparmor', 'device'],
  hints: {
    selector: 'containers are selected by a KubeArmorPolicy; a host policy has a nodeSelector',
    presets: 'presets are for containers',
  },
};

/** Whether a value claims to be a policy of this API, so that the parser is the one to judge it. */
export function isPolicyManifest(value: unknown): boolean {
  const { apiVersion, kind } = identityOf(value);
  return apiVersion === API_VERSION && typeof kind === 'string' && kind.startsWith('KubeArmor');
}

/**
 * Parses one manifest (YAML or JSON already read into a value). Collects all problems; there is a policy exactly when none of them is an
 * error. Never throws, whatever the value.
 */
export function parsePolicy(value: unknown, context: ManifestContext): { policy?: Policy; problems: Problem[] } {
  const problems: Problem[] = [];
  const root: Cursor = { reading: { context, object: objectText(value), problems }, path: [], value };
  const policy = readPolicy(root);
  return policy === undefined || hasErrors(problems) ? { problems } : { policy, problems };
}

function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some(({ severity }) => severity === 'error');
}

function readPolicy(root: Cursor): Policy | undefined {
  if (readObject(root) === undefined) {
    if (isAbsent(root)) refuseMissing(root);
    return undefined;
  }
  checkFields(root, { known: ['apiVersion', 'kind', 'metadata', 'spec', 'status'] });
  const kind = readKind(root);
  if (kind === undefined) return undefined;
  const { name, namespace } = readMetadata(at(root, 'metadata'), kind);
  const provenance = readProvenance(at(root, 'metadata'));
  const specField = at(root, 'spec');
  if (isAbsent(specField)) refuseMissing(specField);
  const spec = readObject(specField);
  if (spec === undefined) return undefined;
  checkFields(spec, kind === 'KubeArmorHostPolicy' ? HOST_SPEC : CONTAINER_SPEC);
  const target = readTarget(spec, { kind, namespace });
  const manner = readManner(spec, DEFAULT_MANNER);
  const rules = [
    ...SECTIONS.flatMap((section) => readSection(section, at(spec, section), manner)),
    ...readSyscalls(at(spec, 'syscalls'), manner),
    ...readHardening(at(spec, 'hardening'), manner),
    ...(kind === 'KubeArmorHostPolicy' ? [] : readPresets(at(spec, 'presets'), manner)),
  ];
  const resources = kind === 'KubeArmorHostPolicy' ? undefined : readResources(at(spec, 'resources'));
  if (rules.length === 0 && resources === undefined && !hasErrors(root.reading.problems)) {
    warn(spec, { code: 'no-rules', message: 'the policy has no rule, so it changes nothing' });
  }
  return { kind, namespace, name, target, rules, ...(resources === undefined ? {} : { resources }), provenance };
}

function readKind(root: Cursor): PolicyKind | undefined {
  const version = at(root, 'apiVersion');
  const apiVersion = readNeededString(version, { hint: `write apiVersion: ${API_VERSION}` });
  if (apiVersion !== undefined && apiVersion !== API_VERSION) {
    refuse(version, { code: 'wrong-api-version', message: `must be ${API_VERSION}, not ${show(apiVersion)}` });
  }
  const cursor = at(root, 'kind');
  const text = readNeededString(cursor, { hint: `one of ${POLICY_KINDS.join(', ')}` });
  if (text === undefined) return undefined;
  const kind = POLICY_KINDS.find((known) => known === text);
  if (kind !== undefined) return kind;
  if (OTHER_KINDS.includes(text)) {
    refuseNotYet({ ...cursor, path: [text] }, 'remove the policy; without it the cluster would be less guarded than it reads');
  } else {
    const meant = closest(text, POLICY_KINDS);
    const hint = meant === undefined ? `known: ${POLICY_KINDS.join(', ')}` : `did you mean ${meant}?`;
    refuse(cursor, { code: 'unknown-kind', message: `${show(text)} is not a kind of policy`, hint });
  }
  return undefined;
}

function readMetadata(cursor: Cursor, kind: PolicyKind): { name: string; namespace: string } {
  if (isAbsent(cursor)) refuseMissing(cursor, { hint: 'a policy needs at least metadata.name' });
  const metadata = readObject(cursor);
  if (metadata === undefined) return { name: '', namespace: '' };
  const nameField = at(metadata, 'name');
  const name = readNeededString(nameField);
  if (name !== undefined && !isSubdomain(name)) refuseName(nameField, name);
  const namespaceField = at(metadata, 'namespace');
  const written = readString(namespaceField);
  if (kind !== 'KubeArmorPolicy') {
    if (written !== undefined) warnNamespace(namespaceField, kind);
    return { name: name ?? '', namespace: '' };
  }
  const namespace = namespaceOf(written);
  if (!isLabel(namespace)) refuseName(namespaceField, namespace);
  return { name: name ?? '', namespace };
}

/** No namespace, and KubeArmor's namespace for containers outside Kubernetes, both mean `default`. */
function namespaceOf(written: string | undefined): string {
  return written === undefined || written === '' || written === CONTAINER_NAMESPACE ? 'default' : written;
}

function warnNamespace(cursor: Cursor, kind: PolicyKind): void {
  warn(cursor, {
    code: 'ignored-namespace',
    message: `a ${kind} has no namespace, so this one does not narrow it`,
    hint: kind === 'KubeArmorClusterPolicy' ? 'select namespaces with matchExpressions: key namespace' : 'remove it',
  });
}

function refuseName(cursor: Cursor, name: string): void {
  const hint = 'lower-case letters, digits, - and (in a name) ., first and last a letter or digit';
  refuse(cursor, { code: 'invalid-name', message: `${show(name)} is not a Kubernetes name`, hint });
}

/** The parts of a manifest that say what it is, wherever they are there at all. */
export function identityOf(value: unknown): { apiVersion: unknown; kind: unknown; namespace: unknown; name: unknown } {
  const root: Cursor = { reading: { context: {}, object: '', problems: [] }, path: [], value };
  const metadata = at(root, 'metadata');
  return {
    apiVersion: at(root, 'apiVersion').value,
    kind: at(root, 'kind').value,
    namespace: at(metadata, 'namespace').value,
    name: at(metadata, 'name').value,
  };
}

/** A manifest's kind, namespace and name with the defaults filled in; undefined where it has no name or is of another kind. */
export function claimedRef(value: unknown): { kind: PolicyKind; namespace: string; name: string } | undefined {
  const { kind: text, namespace, name } = identityOf(value);
  const kind = POLICY_KINDS.find((known) => known === text);
  if (kind === undefined || typeof name !== 'string' || name === '') return undefined;
  const written = typeof namespace === 'string' ? namespace : undefined;
  return { kind, namespace: kind === 'KubeArmorPolicy' ? namespaceOf(written) : '', name };
}

function objectText(value: unknown): string {
  const ref = claimedRef(value);
  if (ref !== undefined) return refKey({ ...ref, namespace: short(ref.namespace), name: short(ref.name) });
  const { kind, name } = identityOf(value);
  return [kind, name]
    .filter((part) => typeof part === 'string')
    .map(short)
    .join(' ');
}

/** Names go into one line of a message: hostile ones are cut and lose their control characters. */
function short(text: string): string {
  return text.slice(0, 253).replace(/\p{C}/gu, '?');
}
