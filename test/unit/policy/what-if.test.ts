import { expect, test } from '@jest/globals';
import { WhatIf } from '@parapet/policy';
import type { Judgement, Policy, PolicySet, Rule } from '@parapet/policy';
import { endpointRule, fileRule, networkRule, nameRule, pathRule, policyOf, switchRule, syscallPathRule, syscallRule } from './builders.ts';
import { record } from './telemetry-records.ts';
import type { Json } from './telemetry-records.ts';

type Said = readonly Rule[] | Policy;
const setOf = (said: Said): PolicySet => ({ policies: ['rules' in said ? said : policyOf(...said)] });

/** What becomes of a record, by what was said before and what is said after. */
function judged(change: Json, before: Said | PolicySet, after: Said | PolicySet): Judgement {
  const sets = [before, after].map((one) => ('policies' in one ? one : setOf(one)));
  const judgement = new WhatIf({ before: sets[0]!, after: sets[1]! }).add(record(change));
  if ('fault' in judgement) throw new Error(judgement.fault);
  return judgement;
}

const outcome = (...args: Parameters<typeof judged>): string => {
  const { outcome: of, why } = judged(...args);
  return why === undefined ? of : `${of}: ${why}`;
};
const shell = (action: 'Allow' | 'Audit' | 'Block' = 'Block', more = {}): Rule => pathRule('/bin/sh', { action, ...more });
const allowing = pathRule('/bin/ls', { action: 'Allow' });

test.each<[string, Said | PolicySet, Said | PolicySet, string]>([
  ['a rule is added', [], [shell()], 'would-block'],
  ['a rule that audits', [], [shell('Audit')], 'would-audit'],
  ['a rule that audits blocks', [shell('Audit')], [shell()], 'would-block'],
  ['a rule is removed', [shell()], [], 'no-longer-blocked'],
  ['a rule only audits', [shell()], [shell('Audit')], 'no-longer-blocked'],
  ['an audit is removed', [shell('Audit')], [], 'no-longer-audited'],
  ['nothing is changed', [shell()], [shell()], 'unchanged'],
  ['a rule is added for something else', [shell()], [shell(), pathRule('/bin/ls')], 'unchanged'],
  ['an allow-list does not name it', [], [allowing], 'would-audit'],
  [
    'an allow-list, where such is blocked',
    [],
    { policies: [policyOf(allowing)], postures: { file: 'block', network: 'audit', capabilities: 'audit' } },
    'would-block',
  ],
  [
    'an allow-list, in a namespace where such is blocked',
    [],
    { policies: [policyOf(allowing)], namespaces: new Map([['default', { file: 'block' as const }]]) },
    'would-block',
  ],
  [
    'only the posture of a namespace',
    [allowing],
    { policies: [policyOf(allowing)], namespaces: new Map([['default', { file: 'block' as const }]]) },
    'would-block',
  ],
  [
    'the policy is for other labels',
    [],
    { ...policyOf(shell()), target: { labels: { app: 'db' }, expressions: [], containers: [] } },
    'unchanged',
  ],
  [
    'the policy is for these labels',
    [],
    { ...policyOf(shell()), target: { labels: { app: 'web' }, expressions: [], containers: [] } },
    'would-block',
  ],
  [
    'the policy is for another container',
    [],
    { ...policyOf(shell()), target: { labels: {}, expressions: [], containers: ['db'] } },
    'unchanged',
  ],
  ['the policy is in another namespace', [], { ...policyOf(shell()), namespace: 'shop' }, 'unchanged'],
  ['a rule for its name', [], [nameRule('sh')], 'would-block'],
  ['a rule for its caller', [], [shell('Block', { from: ['/bin/bash'] })], 'would-block'],
  ['a rule for another caller', [], [shell('Block', { from: ['/bin/dash'] })], 'unchanged'],
])('of a shell that was executed, when %s', (...[, before, after, said]) => expect(outcome({}, before, after)).toBe(said));

test('the rule that decides is named with where it is written, and the workload', () => {
  const rule = shell();
  const policy = { ...policyOf(rule), provenance: { source: 'main.ts:3', rules: { [rule.field]: 'main.ts:12' } } };
  expect(judged({}, [], policy)).toEqual({
    outcome: 'would-block',
    workload: 'default/web',
    by: { policy: { kind: 'KubeArmorPolicy', namespace: 'default', name: 'p' }, rule: rule.field, source: 'main.ts:12' },
  });
  expect(judged({}, policy, [])).toMatchObject({ outcome: 'no-longer-blocked', by: { source: 'main.ts:12' } });
  expect(judged({}, [], [allowing])).toMatchObject({ by: { policy: { name: 'p' }, rule: 'DefaultPosture' } });
});

const says = (what: string): string => `undecidable: the record does not say ${what}`;
const opened = { operation: 'File', resource: '/etc/passwd', data: 'lsm=FILE_OPEN' };
const labelled = (rule: Rule, value = 'web'): Policy => ({
  ...policyOf(rule),
  target: { labels: { app: value }, expressions: [], containers: [] },
});

test.each<[string, Json, Said, Said, string]>([
  ['the owner', {}, [], [shell('Block', { ownerOnly: true })], says('whether the user owns the file')],
  ['the terminal', {}, [], [shell('Block', { noTerminal: true })], says('whether there was a terminal')],
  ['the arguments', {}, [], [shell('Block', { allowedArgs: ['-c'] })], says('all arguments')],
  ['reading or writing', opened, [], [fileRule('/etc/passwd', { readOnly: true })], says('whether it was read or written')],
  [
    'owner and operation',
    opened,
    [],
    [fileRule('/etc/passwd', { readOnly: true, ownerOnly: true })],
    says('whether the user owns the file and whether it was read or written'),
  ],
  ['the labels', { labels: '' }, [], labelled(shell()), says("all of the workload's labels and names")],
  ['the actor', { parentProcessName: '', source: '' }, [], [shell('Block', { from: ['/bin/bash'] })], says('which program acted')],
  [
    'an address',
    { operation: 'Network', resource: 'domain=AF_INET type=SOCK_STREAM protocol=TCP', data: 'lsm=SOCKET_CONNECT' },
    [],
    [endpointRule('10.0.0.0/8')],
    says('with which address the socket was used'),
  ],
  [
    'a directory',
    { ...opened, resource: '/etc', data: 'lsm=PATH_RENAME' },
    [],
    [fileRule('/etc/passwd')],
    says('whether a directory was moved'),
  ],
  [
    'links',
    { processName: '/usr/bin/sh', resource: '/usr/bin/sh' },
    [],
    [shell()],
    says('whether /bin and the like are links to /usr there'),
  ],
  ['the workload', { namespaceName: '' }, [], [shell()], says('whose access it was')],
  [
    'the access',
    { data: 'lsm=MMAP_FILE' },
    [],
    [shell()],
    'undecidable: a program was mapped or named anew, which is not judged as executing it is',
  ],
])('an access is undecidable where its fate hangs on what the record does not say: %s', (...[, change, before, after, said]) => {
  expect(outcome(change, before, after)).toBe(said);
  expect(outcome(change, before, before)).toBe('unchanged');
  expect(outcome(change, after, after)).toBe('unchanged');
});

test.each<[string, Json, Said, Said, string]>([
  ['the owner, who is refused either way', {}, [], [shell('Block', { ownerOnly: true }), shell()], 'would-block'],
  ['a terminal that there was', { tty: 'pts0' }, [], [shell('Block', { noTerminal: true })], 'would-block'],
  ['an argument that no list has', { resource: '/bin/sh -x' }, [], [shell('Block', { allowedArgs: ['-c'] })], 'would-block'],
  [
    'an argument that a list has, among others perhaps',
    { resource: '/bin/sh -c' },
    [],
    [shell('Block', { allowedArgs: ['-c'] })],
    says('all arguments'),
  ],
  ['writing', { ...opened, data: 'lsm=PATH_UNLINK' }, [], [fileRule('/etc/passwd', { readOnly: true })], 'would-block'],
  ['the labels, of a policy that says nothing of it', { labels: '' }, [], labelled(pathRule('/bin/ls')), 'unchanged'],
  [
    'the labels, of a policy that was there before',
    { labels: '' },
    labelled(shell()),
    labelled(shell('Block', { severity: 9 })),
    'unchanged',
  ],
  ['the terminal, for rules of another class', {}, [], [networkRule('tcp', { noTerminal: true }), shell()], 'would-block'],
  ['links, of a rule for /usr', { processName: '/usr/bin/sh', resource: '/usr/bin/sh' }, [], [pathRule('/usr/bin/sh')], 'would-block'],
  ['links, of a file that is in /bin itself', {}, [], [pathRule('/bin/sh')], 'would-block'],
])('what a record does not say is no matter where the fate does not hang on it: %s', (...[, change, before, after, said]) => {
  expect(outcome(change, before, after)).toBe(said);
});

test('which of two policies chooses a workload without labels is tried in every way', () => {
  const [web, db] = [labelled(shell()), { ...labelled(shell(), 'db'), name: 'q' }];
  const none = { policies: [] };
  expect(outcome({ labels: '' }, none, { policies: [web, db] })).toBe(says("all of the workload's labels and names"));
  expect(outcome({ labels: '' }, none, { policies: [web, db, { ...policyOf(shell()), name: 'r' }] })).toBe('would-block');
  const many = Array.from({ length: 12 }, (_, index) => ({ ...labelled(shell(), `v${index}`), name: `p${index}` }));
  expect(outcome({ labels: '' }, none, { policies: many })).toBe(says("all of the workload's labels and names"));
});

test('the node itself is judged by host policies, whose other labels nobody tells', () => {
  const host = { type: 'MatchedHostPolicy', namespaceName: '', labels: '' };
  const policy = (labels: Record<string, string>): Policy => ({
    ...policyOf(shell()),
    kind: 'KubeArmorHostPolicy',
    namespace: '',
    target: { labels, expressions: [], containers: [] },
  });
  expect(judged(host, [], policy({ 'kubernetes.io/hostname': 'n1' }))).toMatchObject({ outcome: 'would-block', workload: 'node n1' });
  expect(outcome(host, [], policy({ 'kubernetes.io/hostname': '*' }))).toBe('would-block');
  expect(outcome(host, [], policy({ 'kubernetes.io/hostname': 'n2' }))).toBe('unchanged');
  expect(outcome(host, [], policy({ disk: 'ssd' }))).toBe(says("all of the workload's labels and names"));
  expect(outcome({}, [], policy({ 'kubernetes.io/hostname': 'n1' }))).toBe('unchanged');
  expect(outcome(host, [], [shell()])).toBe('unchanged');
});

test('in a container that is only audited nothing would be blocked', () => {
  expect(outcome({ action: 'Audit (Block)' }, [], [shell()])).toBe('would-audit');
  expect(outcome({ action: 'Audit (Block)' }, [shell('Audit')], [shell()])).toBe('unchanged');
});

test('calls, mounts and other switches are judged too', () => {
  const unlinked = { operation: 'Syscall', resource: 'unlink', data: 'syscall=SYS_UNLINK' };
  expect(outcome(unlinked, [], [syscallRule(['unlink'], { action: 'Block' })])).toBe('would-block');
  expect(outcome({ ...unlinked, resource: '/a/b' }, [], [syscallPathRule('/a/', ['unlink'])])).toBe('would-audit');
  expect(outcome({ operation: 'Hardening', resource: 'ptrace pid=7' }, [], [switchRule('ptrace')])).toBe('would-block');
  // Rules about files refuse mounts by themselves.
  expect(outcome({ operation: 'Hardening', resource: '/mnt', data: 'lsm=SB_MOUNT' }, [], [fileRule('/etc/')])).toBe('would-block');
});

const commit = '0123456789abcdef0123456789abcdef01234567';
const evidence = (rule: Rule, change: Json): [Json, Policy] => [
  { policyKind: 'KubeArmorPolicy', policyNamespace: 'default', policyName: 'p', rule: rule.field, commit, ...change },
  { ...policyOf(rule), provenance: { commit, rules: {} } },
];

test('a rule that decided then is about the file by whatever name, where the policies before still have it', () => {
  const dash = { processName: '/usr/bin/dash', resource: '/usr/bin/dash', action: 'Block' };
  const [told, policy] = evidence(shell(), dash);
  expect(outcome(told, policy, [])).toBe('no-longer-blocked');
  expect(outcome(told, policy, { ...policy, rules: [shell('Audit')] })).toBe('no-longer-blocked');
  expect(outcome(told, policy, policy)).toBe('unchanged');
  expect(outcome({ ...told, commit: 'f'.repeat(40) }, policy, [])).toBe('unchanged');
  const [below, directory] = evidence(pathRule('/bin/'), { processName: '/usr/bin/ls', resource: '/usr/bin/ls' });
  expect(outcome(below, directory, [])).toBe('no-longer-blocked');
  const [far, elsewhere] = evidence(pathRule('/opt/'), { processName: '/srv/x', resource: '/srv/x' });
  expect(outcome(far, elsewhere, [])).toBe('undecidable: its rule met the file by another path, which the record does not say');
});
