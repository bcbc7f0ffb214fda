/** Selectors as written, to the target that they mean. */
import type { LabelExpression, PolicyKind, Target } from './model.ts';
import {
  at,
  checkFields,
  isAbsent,
  readChoice,
  readList,
  readObject,
  readString,
  readStrings,
  refuse,
  refuseMissing,
  show,
  warn,
} from './reading.ts';
import type { Cursor } from './reading.ts';

const CONTAINER_NAME = 'kubearmor.io/container.name';
const HOSTNAME_PATTERNS = ['kubearmor.io/hostnamereg', 'kubernetes.io/hostnamereg'];
const NOBODY: Target = { labels: {}, expressions: [], containers: [] };

interface NamespaceSet {
  readonly operator: 'In' | 'NotIn';
  readonly values: readonly string[];
}

/** The target of a policy from its `spec`. */
export function readTarget(spec: Cursor, policy: { readonly kind: PolicyKind; readonly namespace: string }): Target {
  if (policy.kind === 'KubeArmorHostPolicy') return readNodeTarget(at(spec, 'nodeSelector'));
  const own: Target =
    policy.kind === 'KubeArmorPolicy' ? { ...NOBODY, namespaces: { operator: 'In', values: [policy.namespace] } } : NOBODY;
  const selector = readObject(at(spec, 'selector'));
  if (selector === undefined) return own;
  if (policy.kind === 'KubeArmorPolicy') {
    checkFields(selector, { known: ['matchLabels', 'matchExpressions'], hints: { app: 'labels go under matchLabels' } });
    const { namespaces, expressions } = readExpressions(at(selector, 'matchExpressions'), ['label']);
    return { ...own, ...readLabels(at(selector, 'matchLabels')), expressions, ...(namespaces === undefined ? {} : { namespaces }) };
  }
  checkFields(selector, {
    known: ['matchExpressions'],
    hints: { matchLabels: 'a cluster policy selects with matchExpressions: key label, operator In, values [key=value]' },
  });
  return { ...own, ...readExpressions(at(selector, 'matchExpressions'), ['namespace', 'label']) };
}

function readNodeTarget(cursor: Cursor): Target {
  if (isAbsent(cursor)) refuseMissing(cursor, { hint: 'to mean every node: nodeSelector: { matchLabels: {} }' });
  const selector = readObject(cursor);
  if (selector === undefined) return NOBODY;
  checkFields(selector, { known: ['matchLabels'], hints: { matchExpressions: 'a host policy selects with matchLabels' } });
  const labels = at(selector, 'matchLabels');
  for (const key of HOSTNAME_PATTERNS) {
    const pattern = at(labels, key);
    const hint = 'list the names: kubernetes.io/hostname: a,b';
    if (!isAbsent(pattern)) refuse(pattern, { code: 'not-enforced-yet', message: 'patterns of host names are not enforced yet', hint });
  }
  return { ...NOBODY, labels: readTextMap(labels) };
}

function readLabels(cursor: Cursor): Pick<Target, 'labels' | 'containers'> {
  const all = readTextMap(cursor);
  const labels = Object.fromEntries(Object.entries(all).filter(([key]) => key !== CONTAINER_NAME));
  const names = at(cursor, CONTAINER_NAME);
  return { labels, containers: typeof names.value === 'string' ? readContainerNames(names, names.value) : [] };
}

/** Names from `[a, b]`, or one bare name. None (also for an empty list) means every container, as in KubeArmor. */
function readContainerNames(cursor: Cursor, text: string): readonly string[] {
  const listed = /^\[(.*)\]$/s.exec(text.trim());
  const names = listed === null ? [text.trim()] : (listed[1] ?? '').split(',').map((name) => name.trim());
  const wanted = names.filter((name) => name !== '');
  for (const name of wanted.filter((candidate) => !/^[A-Za-z0-9][\w.-]*$/.test(candidate))) {
    if (listed === null && name.includes(',')) {
      refuse(cursor, {
        code: 'invalid-value',
        message: `${show(name)} is not a container name`,
        hint: `for several containers write "[${name}]"`,
      });
    } else {
      refuse(cursor, { code: 'not-enforced-yet', message: `${show(name)} is not a container name, and patterns are not enforced yet` });
    }
  }
  return [...new Set(wanted)];
}

function readTextMap(cursor: Cursor): Readonly<Record<string, string>> {
  const map = readObject(cursor);
  if (map === undefined) return {};
  const entries = Object.keys(map.value as object).map((key) => [key, readString(at(map, key))] as const);
  return Object.fromEntries(entries.filter((entry): entry is readonly [string, string] => entry[1] !== undefined));
}

function readExpressions(cursor: Cursor, keys: readonly string[]): Pick<Target, 'expressions' | 'namespaces'> {
  const expressions: LabelExpression[] = [];
  let namespaces: NamespaceSet | undefined;
  // Some policies say `matchExpressions: null`, and KubeArmor's own tools do; it selects as nothing written there does.
  for (const element of cursor.value === null ? [] : readList(cursor)) {
    const expression = readExpression(element, keys);
    if (expression?.key === 'label') expressions.push({ operator: expression.operator, values: expression.values });
    if (expression?.key === 'namespace') namespaces = both(namespaces, expression);
  }
  if (namespaces?.operator === 'In' && namespaces.values.length === 0) {
    warn(cursor, { code: 'selects-nothing', message: 'these namespace expressions exclude each other, so the policy is for no container' });
  }
  return { expressions, ...(namespaces === undefined ? {} : { namespaces }) };
}

function readExpression(cursor: Cursor, keys: readonly string[]): (NamespaceSet & { readonly key: string }) | undefined {
  const expression = readObject(cursor);
  if (expression === undefined) return undefined;
  checkFields(expression, { known: ['key', 'operator', 'values'] });
  const key = readChoice(at(expression, 'key'), keys);
  const operator = readChoice(at(expression, 'operator'), ['In', 'NotIn'] as const);
  const list = at(expression, 'values');
  const values = readStrings(list);
  if (isAbsent(list) || (Array.isArray(list.value) && values.length === 0)) refuseMissing(list, { hint: 'name at least one value' });
  if (key === 'label') refuseBareLabels(list, values);
  return key === undefined || operator === undefined ? undefined : { key, operator, values };
}

function refuseBareLabels(list: Cursor, values: readonly string[]): void {
  values.forEach((value, index) => {
    if (value.indexOf('=') > 0) return;
    refuse(at(list, index), { code: 'invalid-value', message: `${show(value)} is not a label`, hint: 'write key=value' });
  });
}

/** What both sets hold. */
function both(a: NamespaceSet | undefined, { operator, values }: NamespaceSet): NamespaceSet {
  const b: NamespaceSet = { operator, values };
  if (a === undefined) return b;
  if (a.operator === 'NotIn' && b.operator === 'NotIn') return { operator: 'NotIn', values: [...new Set([...a.values, ...b.values])] };
  const [listed, other] = a.operator === 'In' ? [a, b] : [b, a];
  const kept = listed.values.filter((name) => other.values.includes(name) === (other.operator === 'In'));
  return { operator: 'In', values: kept };
}
