import { expect, test } from '@jest/globals';
import { App, Chart } from 'cdk8s';
import type { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { ClusterPolicy, ContainerPolicy, HostPolicy, KubeArmorClusterPolicy, KubeArmorHostPolicy, KubeArmorPolicy } from '@parapet/sdk';

interface Manifest {
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly spec: Readonly<Record<string, unknown>>;
}
const newChart = (props = {}): Chart => new Chart(new App(), 'chart', props);
const jsonOf = (policy: ApiObject): Manifest => policy.toJson() as Manifest;

test("an object's name is its construct's id", () => {
  expect(new ContainerPolicy(newChart(), 'no-shell').name).toBe('no-shell');
});

test('inside another construct the name has the ids of both, which keeps instances apart', () => {
  const group = new Construct(newChart(), 'web');
  expect(new ContainerPolicy(group, 'no-shell').name).toBe('web-no-shell');
  expect(new ContainerPolicy(new Construct(group, 'Default'), 'Resource').name).toBe('web');
});

test('an id that is no valid name gets a generated one', () => {
  expect(new ContainerPolicy(newChart(), 'No Shell!').name).toMatch(/^chart-noshell-[0-9a-z]+$/);
});

test("a name given, or a chart's own way of naming, wins", () => {
  class Prefixed extends Chart {
    override generateObjectName(object: ApiObject): string {
      return `acme-${object.node.id}`;
    }
  }
  expect(new ContainerPolicy(newChart(), 'a', { metadata: { name: 'given' } }).name).toBe('given');
  expect(new ContainerPolicy(new Prefixed(new App(), 'chart'), 'a').name).toBe('acme-a');
});

test('a policy that was taken out of its tree leaves its name to another', () => {
  const app = new App();
  const one = new Chart(app, 'one');
  new ContainerPolicy(one, 'same').blockExec('/bin/a');
  new ContainerPolicy(new Chart(app, 'two'), 'same').blockExec('/bin/a');
  one.node.tryRemoveChild('same');
  expect(app.synthYaml()).toMatch(/name: same/);
  new ContainerPolicy(one, 'same').blockExec('/bin/a');
  expect(() => app.synthYaml()).toThrow(/\[one\/same\].*the name same is taken by two\/same/);
});

test('two policies of one name fail the synthesis, which names both', () => {
  const app = new App();
  new ContainerPolicy(new Chart(app, 'one'), 'same').blockExec('/bin/a');
  new ContainerPolicy(new Chart(app, 'two'), 'same').blockExec('/bin/a');
  expect(() => app.synthYaml()).toThrow(/\[two\/same\].*the name same is taken by one\/same/);
});

test('the same name in another namespace or of another kind is another policy', () => {
  const app = new App();
  new ContainerPolicy(new Chart(app, 'one'), 'same', { namespace: 'a' }).blockExec('/bin/a');
  new ContainerPolicy(new Chart(app, 'two'), 'same', { namespace: 'b' }).blockExec('/bin/a');
  new HostPolicy(new Chart(app, 'three'), 'same').blockExec('/bin/a');
  expect(app.synthYaml()).toContain('kind: KubeArmorHostPolicy');
});

test("a container policy lives in the chart's namespace unless it names its own; cluster and host policies in none", () => {
  const chart = newChart({ namespace: 'shop' });
  expect(jsonOf(new ContainerPolicy(chart, 'a')).metadata.namespace).toBe('shop');
  expect(jsonOf(new ContainerPolicy(chart, 'b', { namespace: 'own' })).metadata.namespace).toBe('own');
  expect(jsonOf(new ClusterPolicy(chart, 'c')).metadata).not.toHaveProperty('namespace');
  expect(jsonOf(new HostPolicy(chart, 'd')).metadata).not.toHaveProperty('namespace');
});

test('the construct path and the author’s line travel as annotations, beside the author’s own', () => {
  const { annotations } = jsonOf(new ContainerPolicy(newChart(), 'a', { metadata: { annotations: { mine: 'x' } } })).metadata;
  expect(annotations).toEqual({
    mine: 'x',
    'parapet.dev/construct': 'chart/a',
    'parapet.dev/source': expect.stringMatching(/policy-object\.test\.ts:\d+$/) as unknown,
  });
});

test('selectors are written as KubeArmor reads them', () => {
  const chart = newChart();
  const container = new ContainerPolicy(chart, 'a', {
    select: { app: 'web' },
    selectAny: { tier: ['front', 'edge'] },
    selectNone: { debug: 'true' },
    containers: ['main', 'side'],
  });
  expect(jsonOf(container).spec.selector).toEqual({
    matchLabels: { app: 'web', 'kubearmor.io/container.name': '[main,side]' },
    matchExpressions: [
      { key: 'label', operator: 'In', values: ['tier=front', 'tier=edge'] },
      { key: 'label', operator: 'NotIn', values: ['debug=true'] },
    ],
  });
  const cluster = new ClusterPolicy(chart, 'b', { namespaces: ['x', 'y'], select: { app: 'web' } });
  expect(jsonOf(cluster).spec.selector).toEqual({
    matchExpressions: [
      { key: 'namespace', operator: 'In', values: ['x', 'y'] },
      { key: 'label', operator: 'In', values: ['app=web'] },
    ],
  });
  expect(jsonOf(new HostPolicy(chart, 'c')).spec.nodeSelector).toEqual({ matchLabels: { 'kubernetes.io/hostname': '*' } });
});

test("KubeArmor's kinds take their spec as it is", () => {
  const chart = newChart();
  const process = { matchPaths: [{ path: '/bin/a' }] };
  const policy = new KubeArmorPolicy(chart, 'a', { spec: { selector: { matchLabels: { app: 'web' } }, process, action: 'Block' } });
  expect(policy.toJson()).toEqual({
    apiVersion: 'security.kubearmor.com/v1',
    kind: 'KubeArmorPolicy',
    metadata: { name: 'a', annotations: expect.anything() as unknown },
    spec: { selector: { matchLabels: { app: 'web' } }, process, action: 'Block' },
  });
  new KubeArmorClusterPolicy(chart, 'b', { spec: { process } });
  new KubeArmorHostPolicy(chart, 'c', { spec: { nodeSelector: { matchLabels: { edge: 'yes' } }, process } });
  expect((chart.toJson() as { kind: string }[]).map(({ kind }) => kind)).toEqual([
    'KubeArmorPolicy',
    'KubeArmorClusterPolicy',
    'KubeArmorHostPolicy',
  ]);
});

test('a field that is not enforced yet is refused by name, never ignored', () => {
  const chart = newChart();
  new KubeArmorPolicy(chart, 'a', {
    spec: { selector: { matchLabels: { app: 'web' } }, process: { matchPatterns: [{ pattern: 'x/*' }] } },
  });
  expect(() => chart.toJson() as unknown).toThrow(/\[chart\/a\].*policy-object\.test\.ts:\d+: spec\.process\.matchPatterns/);
});
