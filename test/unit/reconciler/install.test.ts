import { describe, expect, test } from '@jest/globals';
import { checkInstall, installObjects, renderInstall } from '../../../reconciler/src/install/install.ts';
import type { InstallObject, InstallOptions } from '../../../reconciler/src/install/part.ts';

const OPTIONS: InstallOptions = {
  namespace: 'security',
  image: 'parapet:1',
  sourceNamespaces: ['shop'],
  impersonation: false,
  flux: false,
};

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** `shop: get secrets` for everything that some role allows; cluster roles are for `*`. */
function allowed(options: InstallOptions): string[] {
  return installObjects(options)
    .filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole')
    .flatMap(({ metadata, rules }) =>
      (rules as readonly Rule[]).flatMap(({ resources, verbs }) =>
        resources.flatMap((resource) => verbs.map((verb) => `${metadata.namespace ?? '*'}: ${verb} ${resource}`)),
      ),
    );
}

const find = (kind: string, options = OPTIONS): InstallObject => installObjects(options).find((object) => object.kind === kind)!;

describe('access', () => {
  test('no role has a wildcard, and none grants rights or opens pods', () => {
    const all = allowed({ ...OPTIONS, impersonation: true, flux: true });
    expect(all.filter((one) => /[*]$|: \* |escalate|bind |pods|nodes|roles|deployments/.test(one))).toEqual([]);
  });

  test('Secrets are read where sources are, by name, and nowhere else', () => {
    expect(allowed(OPTIONS).filter((one) => one.includes('secrets'))).toEqual(['shop: get secrets']);
    const two = { ...OPTIONS, sourceNamespaces: ['shop', 'bank'] };
    expect(allowed(two).filter((one) => one.includes('secrets'))).toEqual(['shop: get secrets', 'bank: get secrets']);
  });

  test('nobody is impersonated, and Flux is not spoken to, unless asked for', () => {
    expect(allowed(OPTIONS).filter((one) => /impersonate|externalartifacts/.test(one))).toEqual([]);
    expect(allowed({ ...OPTIONS, impersonation: true })).toContain('shop: impersonate serviceaccounts');
    expect(allowed({ ...OPTIONS, flux: true })).toContain('shop: patch externalartifacts/status');
  });

  test('every role is bound to the one account', () => {
    const subjects = installObjects(OPTIONS)
      .filter(({ kind }) => kind.endsWith('Binding'))
      .map(({ subjects: bound }) => bound);
    expect(subjects).toEqual(Array(3).fill([{ kind: 'ServiceAccount', name: 'parapet-reconciler', namespace: 'security' }]));
  });

  test('every rule says why it is there', () => {
    const text = renderInstall({ ...OPTIONS, impersonation: true, flux: true });
    const lines = text.split('\n');
    const rules = lines.flatMap((line, index) => (line.startsWith('  - apiGroups:') ? [lines[index - 1] ?? ''] : []));
    expect(rules.length).toBeGreaterThan(10);
    expect(rules.filter((line) => !/^ {2}# \S/.test(line))).toEqual([]);
  });
});

test('everything but what belongs to the cluster is in the namespace, or where sources are', () => {
  const cluster = ['Namespace', 'CustomResourceDefinition', 'ClusterRole', 'ClusterRoleBinding'];
  const places = installObjects(OPTIONS).map(({ kind, metadata }) =>
    cluster.includes(kind) ? metadata.namespace === undefined : metadata.namespace,
  );
  expect(new Set(places)).toEqual(new Set([true, 'security', 'shop']));
});

test('services, the budget, the network policy and the pods mean the same labels', () => {
  const { spec } = find('Deployment') as unknown as {
    spec: { selector: { matchLabels: object }; template: { metadata: { labels: object } } };
  };
  const { matchLabels } = spec.selector;
  expect(spec.template.metadata.labels).toMatchObject(matchLabels);
  expect(find('Service')['spec']).toMatchObject({ selector: matchLabels });
  expect(find('PodDisruptionBudget')['spec']).toMatchObject({ selector: { matchLabels } });
  expect(find('NetworkPolicy')['spec']).toMatchObject({ podSelector: { matchLabels } });
});

test('options give the same bytes, always', () => {
  expect(renderInstall(OPTIONS)).toBe(renderInstall({ ...OPTIONS }));
});

test.each(['parapet', 'parapet:1.2', 'host:5000/a/b:v1', `host/a@sha256:${'a'.repeat(64)}`])('%s is an image', (image) => {
  expect(checkInstall({ ...OPTIONS, image })).toEqual([]);
});

test('the package store is mounted for reading only, where there is one', () => {
  const text = renderInstall({ ...OPTIONS, packagesClaim: 'npm' });
  expect(text).toMatch(/- --packages\n\s+- \/packages\n/);
  expect(text).toMatch(/- name: packages\n\s+mountPath: \/packages\n\s+readOnly: true\n/);
  expect(text).toMatch(/persistentVolumeClaim:\n\s+claimName: npm\n\s+readOnly: true\n/);
  expect(renderInstall(OPTIONS)).not.toContain('packages');
});

test('wrong options are told all at once', () => {
  const problems = checkInstall({ ...OPTIONS, namespace: 'a.b', image: 'a b\n', sourceNamespaces: ['ok', 'No'], packagesClaim: '../a' });
  expect(problems.map(({ place, message }) => `${place.field}: ${message}`)).toEqual([
    'namespace: "a.b" is not the name of a namespace',
    'source-namespace: "No" is not the name of a namespace',
    'image: "a b\\n" is not the name of an image',
    'packages-claim: "../a" is not the name of a PersistentVolumeClaim',
  ]);
});
