/** Everything that a cluster needs for the reconciler, as objects and as YAML for people: the same bytes for the same options. */
import { customResourceDefinitions, isLabel, isSubdomain } from '@parapet/policy';
import type { Problem } from '@parapet/policy';
import { Document, isNode, isScalar, isSeq, visit } from 'yaml';
import { accessParts } from './access.ts';
import { networkParts } from './network.ts';
import { LABELS } from './part.ts';
import type { InstallObject, InstallOptions, InstallPart } from './part.ts';
import { workloadParts } from './workload.ts';

/** Lists of words, of which one a line would fill pages. */
const ON_ONE_LINE = new Set<unknown>(['enum', 'apiGroups', 'resources', 'verbs', 'required']);

const LEVELS = ['enforce', 'audit', 'warn'];

/** In an order in which they can be applied. */
export function installObjects(options: InstallOptions): readonly InstallObject[] {
  return installParts(options).map(({ object }) => object);
}

/** The definitions of our kinds alone, which must be there before anything of them is applied. */
export function definitionObjects(): readonly InstallObject[] {
  return definitionParts().map(({ object }) => object);
}

/** The same as YAML, with what each is for. */
export function renderInstall(options: InstallOptions): string {
  return render(installParts(options));
}

export function renderDefinitions(): string {
  return render(definitionParts());
}

/** What is wrong with options; nothing is rendered for such. */
export function checkInstall({ namespace, image, sourceNamespaces, packagesClaim }: InstallOptions): readonly Problem[] {
  const others = sourceNamespaces.filter((name) => name !== namespace);
  const names = [['namespace', namespace] as const, ...others.map((name) => ['source-namespace', name] as const)];
  const wrong = (field: string, message: string): Problem => ({ code: 'config-invalid', severity: 'error', place: { field }, message });
  const badNames = names
    .filter(([, name]) => !isLabel(name))
    .map(([field, name]) => wrong(field, `${JSON.stringify(name)} is not the name of a namespace`));
  const isImage = image.length <= 512 && /^[\w.-]+(:\d+)?(\/[\w.-]+)*(:[\w.-]+)?(@sha256:[0-9a-f]{64})?$/.test(image);
  const isClaim = packagesClaim === undefined || isSubdomain(packagesClaim);
  return [
    ...badNames,
    ...(isImage ? [] : [wrong('image', `${JSON.stringify(image)} is not the name of an image`)]),
    ...(isClaim ? [] : [wrong('packages-claim', `${JSON.stringify(packagesClaim)} is not the name of a PersistentVolumeClaim`)]),
  ];
}

function installParts(options: InstallOptions): readonly InstallPart[] {
  return [
    namespacePart(options.namespace),
    ...definitionParts(),
    ...accessParts(options),
    ...workloadParts(options),
    ...networkParts(options),
  ];
}

function namespacePart(name: string): InstallPart {
  const security = LEVELS.map((level) => [`pod-security.kubernetes.io/${level}`, 'restricted'] as const);
  return {
    about: 'Where the reconciler runs, and where sources are unless they are told of elsewhere.',
    object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { ...LABELS, ...Object.fromEntries(security) } } },
  };
}

function definitionParts(): readonly InstallPart[] {
  return customResourceDefinitions().map((definition) => ({
    about: definition.spec.versions[0].schema.openAPIV3Schema.description ?? '',
    object: { ...definition },
  }));
}

function render(parts: readonly InstallPart[]): string {
  return parts.map(renderPart).join('---\n');
}

function renderPart({ object, about, rules = [] }: InstallPart): string {
  const document = new Document(object, { aliasDuplicateObjects: false, compat: 'yaml-1.1' });
  if (isNode(document.contents)) document.contents.commentBefore = ` ${about}`;
  const written = document.get('rules');
  if (isSeq(written)) written.items.forEach((rule, index) => isNode(rule) && (rule.commentBefore = ` ${rules[index] ?? ''}`));
  visit(document, {
    Pair: (_key, { key, value }) => {
      if (isScalar(key) && ON_ONE_LINE.has(key.value) && isSeq(value)) value.flow = true;
    },
  });
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}
