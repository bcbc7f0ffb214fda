import { expect, test } from '@jest/globals';
import { OPEN_GATE } from '../../../reconciler/src/gate.ts';
import type { GateRules } from '../../../reconciler/src/gate.ts';
import { Judge } from '../../../reconciler/src/judge.ts';
import type { Judged } from '../../../reconciler/src/judge.ts';
import { manifest as made } from './builders.ts';

const manifest = (name: string, over: object = {}): object => ({ ...made(name), ...over });

const breathe = (): Promise<void> => Promise.resolve();

function judge(values: readonly unknown[], rules: GateRules = OPEN_GATE, by = new Judge()): Promise<readonly Judged[]> {
  return by.judge(
    values.map((value, index) => ({ value, file: 'shop.k8s.yaml', source: `main.ts:${index + 1}` })),
    rules,
    breathe,
  );
}
const codes = (all: readonly Judged[]): string[][] => all.map(({ problems }) => problems.map(({ code }) => code));

test('each manifest is judged by itself, at its line of the program', async () => {
  const bad = manifest('bad', { spec: { selector: { matchLabels: { app: 'a' } }, process: { matchPaths: [{ path: 'sh' }] } } });
  const [good, wrong] = await judge([manifest('good'), bad]);
  expect(good).toMatchObject({ accepted: true, problems: [], ref: { name: 'good' } });
  expect(wrong).toMatchObject({ accepted: false, ref: { name: 'bad' }, problems: [{ place: { file: 'main.ts', line: 2 } }] });
});

test('of two policies of one name the first is taken', async () => {
  const both = await judge([manifest('a'), manifest('a')]);
  expect(both.map(({ accepted }) => accepted)).toEqual([true, false]);
  expect(both[1]?.problems).toMatchObject([
    { code: 'duplicate-policy', message: 'the same policy is also at main.ts:1, and only that one is taken' },
  ]);
});

test('kinds and namespaces that the source may not have are refused by name', async () => {
  const rules: GateRules = { kinds: ['KubeArmorPolicy'], namespaces: ['shop'] };
  const host = { apiVersion: 'security.kubearmor.com/v1', kind: 'KubeArmorHostPolicy', metadata: { name: 'h' }, spec: {} };
  const elsewhere = manifest('a', { metadata: { name: 'a', namespace: 'kube-system' } });
  const [first, second] = codes(await judge([host, elsewhere], rules));
  expect(first).toContain('kind-not-allowed');
  expect(second).toEqual(['namespace-not-allowed']);
});

test('a target namespace is where every namespaced policy goes, and what the gate looks at', async () => {
  const rules: GateRules = { kinds: ['KubeArmorPolicy'], namespaces: ['team'], targetNamespace: 'team' };
  const [one] = await judge([manifest('a', { metadata: { name: 'a', namespace: 'kube-system' } })], rules);
  expect(one).toMatchObject({ accepted: true, ref: { namespace: 'team' }, value: { metadata: { namespace: 'team' } } });
});

test('what is no policy, and what has no name, is refused without a name', async () => {
  const all = await judge([{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' } }, 7, manifest('', {})]);
  expect(all.map(({ ref, accepted }) => [ref, accepted])).toEqual([
    [undefined, false],
    [undefined, false],
    [undefined, false],
  ]);
});

test('judging again what has not changed gives the same verdict', async () => {
  const by = new Judge();
  const values = [manifest('a'), manifest('b', { spec: {} })];
  const first = await judge(values, OPEN_GATE, by);
  expect(await judge(values, OPEN_GATE, by)).toEqual(first);
});

test('of the problems of a commit a thousand are listed, and then one of each manifest', async () => {
  const spec = {
    selector: { matchLabels: { app: 'a' } },
    process: { matchPaths: [{ path: 'a' }, { path: 'b' }, { path: 'c' }, { path: 'd' }] },
  };
  const all = await judge(Array.from({ length: 400 }, (_, index) => manifest(`p${index}`, { spec })));
  expect(all.every(({ accepted }) => !accepted)).toBe(true);
  expect(all.map(({ problems }) => problems.length)).toEqual([...Array<number>(250).fill(4), ...Array<number>(150).fill(1)]);
});

test('other work goes on after each manifest that is new, and what rejects then ends the judging', async () => {
  const by = new Judge();
  const manifests = ['a', 'b', 'c'].map((name) => ({ value: manifest(name), file: 'shop.k8s.yaml' }));
  let breaths = 0;
  const counting = (): Promise<void> => Promise.resolve(void (breaths += 1));
  await by.judge(manifests, OPEN_GATE, counting);
  await by.judge(manifests, OPEN_GATE, counting);
  expect(breaths).toBe(3);
  const ended = new Judge().judge(manifests, OPEN_GATE, () => Promise.reject(new Error('superseded')));
  await expect(ended).rejects.toThrow('superseded');
});
