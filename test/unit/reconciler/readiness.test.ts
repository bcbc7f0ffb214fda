import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { READINESS_SETTINGS } from '../../../reconciler/src/readiness.ts';
import { hash, policyReport, violation } from './builders.ts';
import { folded, holds, ReadinessWorld, reportOf } from './readiness-world.ts';

const { patience, interval } = READINESS_SETTINGS;
const [web, db] = [folded('web'), folded('db')];
let world: ReadinessWorld;
beforeEach(() => {
  world = new ReadinessWorld();
});
afterEach(() => world.stop());

test('nothing is written before all reports are known, and then every policy’s status, of whomever it is', async () => {
  world.run();
  world.readiness.policyTold(web);
  world.readiness.policyTold(db);
  world.report('n1', web, db);
  await world.pass(interval * 3);
  expect(world.writes).toEqual([]);
  world.report('n2', web);
  world.nodes.onSynced();
  await world.pass();
  expect([world.writes, world.enforced('web'), world.enforced('db')]).toEqual([[2], 'True AllNodes 2/2', 'False NotYet 1/2']);
});

test('changes that come together are one write, and what says the same is none', async () => {
  await world.start([web, db], 'n1');
  world.report('n1', web, db);
  await world.pass(interval);
  expect(world.writes).toEqual([2]);
  for (const node of ['n2', 'n3', 'n4']) world.report(node, web, db);
  await world.pass();
  expect([world.writes, world.enforced('web')]).toEqual([[2, 2], 'True AllNodes 4/4']);
});

test('a status that the object has from an earlier process is not written again, and one that somebody took away is', async () => {
  await world.start([web], 'n1');
  const written = world.statuses.get('KubeArmorPolicy shop/web');
  const next = new ReadinessWorld();
  await next.start([{ ...web, written }], 'n1');
  expect(next.writes).toEqual([]);
  next.readiness.policyTold(web);
  await next.pass();
  expect([next.writes, next.enforced('web')]).toEqual([[1], 'True AllNodes 1/1']);
  await next.stop();
});

test('a changed policy is pending until nodes have read it, and one that is gone is written no more', async () => {
  await world.start([web], 'n1');
  const changed = folded('web', { generation: 2 });
  world.readiness.policyTold(changed);
  await world.pass();
  expect(world.enforced('web')).toBe('False NotYet 0/1');
  world.report('n1', changed);
  await world.pass();
  expect(world.enforced('web')).toBe('True AllNodes 1/1');
  world.readiness.policyTold(folded('web', { generation: 3 }));
  world.readiness.policyGone(web);
  await world.pass(interval);
  expect(world.writes).toHaveLength(3);
});

test('a node that goes quiet counts no more by time alone, and one that is gone at once', async () => {
  await world.start([web], 'n1', 'n2', 'n3');
  world.nodes.onGone('n3');
  await world.pass();
  expect(world.enforced('web')).toBe('True AllNodes 2/2');
  await world.pass(patience - interval);
  world.report('n1', web);
  await world.pass(interval * 2);
  expect(world.enforced('web')).toBe('True AllNodes 1/1');
  expect(JSON.stringify(world.statuses.get('KubeArmorPolicy shop/web'))).toContain(
    '1 node not counted, which has not reported for 60 seconds: n2',
  );
});

test('a node that had died before the start does not count, though its report is there', async () => {
  world.run();
  world.readiness.policyTold(web);
  world.say(reportOf('dead', []), world.clock.now() - patience - 1);
  world.say(reportOf('n1', [holds(web)]), world.clock.now() - 1000);
  // A server whose clock is ahead of ours.
  world.say(reportOf('n2', [holds(web)]), world.clock.now() + 3_600_000);
  world.nodes.onSynced();
  await world.pass();
  expect(world.enforced('web')).toBe('True AllNodes 2/2');
  world.say(reportOf('dead', []), world.clock.now() - patience - 1);
  await world.pass();
  expect(world.enforced('web')).toBe('False NotYet 2/3');
});

test('what is no report is told once and stops nothing; its node stays what it was until that is stale', async () => {
  await world.start([web], 'n1', 'n2');
  for (const value of [null, 'x', { kind: 'NodeReport' }]) {
    world.nodes.onReport('n2', value, undefined);
    world.nodes.onReport('n2', value, undefined);
  }
  await world.pass();
  expect(world.enforced('web')).toBe('True AllNodes 2/2');
  expect(world.log.events.map(({ message }) => message)).toEqual([
    'the report of node n2 is ignored: it is not a NodeReport of parapet.dev/v1alpha1',
  ]);
  world.report('n2', web);
  world.nodes.onReport('n2', null, undefined);
  expect(world.log.events).toHaveLength(2);
});

test('a status that can’t be written is tried again ever later and told of once; others are not held up', async () => {
  world.fault = (name) => (name === 'web' ? 'the API server does not answer' : undefined);
  await world.start([web, db], 'n1');
  expect([world.enforced('web'), world.enforced('db')]).toEqual(['none', 'True AllNodes 1/1']);
  await world.pass(patience / 2);
  expect(world.writes.length).toBeGreaterThan(2);
  expect(world.writes.length).toBeLessThan(8);
  world.report('n1', web);
  await world.pass();
  expect(world.enforced('db')).toBe('False NotYet 0/1');
  world.fault = () => undefined;
  await world.pass(patience * 2);
  expect(world.enforced('web')).not.toBe('none');
  expect(world.log.events.map(({ level, message }) => `${level} ${message}`)).toEqual([
    "warn the status of KubeArmorPolicy shop/web can't be written, and will be tried again: the API server does not answer",
    'info the statuses of policies are written again',
  ]);
});

test('while many statuses are written what nodes report is folded, and sources hear of it', async () => {
  await world.start([web, db], 'n1');
  world.readiness.expect('s', { commit: hash('c'), policies: [web, db] });
  world.writing = 3000;
  world.report('n2', web, db);
  await world.pass();
  world.report('n2', web);
  await world.pass();
  expect([world.enforced('web'), world.readiness.countsOf('s', [])]).toEqual([
    'True AllNodes 1/1',
    expect.objectContaining({ enforced: 1, pending: 1 }),
  ]);
  await world.pass(interval * 3);
  expect([world.enforced('web'), world.enforced('db')]).toEqual(['True AllNodes 2/2', 'False NotYet 1/2']);
});

test('a source is told of when its own policies have changed, and now and then', async () => {
  world.readiness.expect('shop', { commit: hash('c'), policies: [web] });
  world.readiness.expect('bank', { commit: hash('d'), policies: [db] });
  expect(world.readiness.countsOf('shop', [])).toBeUndefined();
  await world.start([web, db], 'n1');
  expect(world.told).toEqual(['shop', 'bank']);
  world.readiness.policyTold(folded('web', { generation: 2 }));
  await world.pass();
  expect(world.told.splice(0)).toEqual(['shop', 'bank', 'shop']);
  world.say(reportOf('n1', [holds(web), holds(db)], { violations: [violation({ name: 'db' })] }));
  await world.pass();
  expect(world.told.splice(0)).toEqual(['bank']);
  await world.pass(interval * 2);
  expect(world.told.splice(0)).toEqual(['shop', 'bank']);
  world.readiness.forget('shop');
  await world.pass(interval * 2);
  expect([new Set(world.told), world.readiness.viewOf('shop')]).toEqual([new Set(['bank']), undefined]);
});

test('a source’s policies count as what they are, and those that its commit could not apply as refused', async () => {
  const policies = [folded('good'), folded('worse'), folded('late', { fingerprint: 'old' }), folded('bad', { refused: 'no rules' })];
  world.run();
  for (const policy of policies) world.readiness.policyTold(policy);
  const said = policies.map((policy) => ({ ...holds(policy), ...(policy.name === 'worse' ? { state: 'Degraded' as const } : {}) }));
  world.say(reportOf('n1', said));
  world.nodes.onSynced();
  const applied = [...['good', 'worse', 'bad', 'missing'].map((name) => folded(name)), folded('late', { fingerprint: 'new' })];
  world.readiness.expect('s', { commit: hash('c'), policies: [...applied, { ...folded('typo'), refused: 'bad action' }] });
  await world.pass();
  expect(world.readiness.countsOf('s', [])).toEqual({ total: 6, enforced: 1, degraded: 1, refused: 2, pending: 2 });
  expect(world.readiness.viewOf('s')?.enforced).toEqual({ state: 'failure', description: 'typo: refused: bad action' });
});

test('of a source that wants nothing now, such as a suspended one after a restart, its policies count as they are there', async () => {
  await world.start([web, db], 'n1');
  expect(world.readiness.countsOf('s', [web, db])).toEqual({ total: 2, enforced: 2, degraded: 0, refused: 0, pending: 0 });
});

test('policies that a newer commit left as they were count, and so do violations of them; those of a version that is not wanted do not', async () => {
  const old = folded('web', { commit: hash('a'), fingerprint: 'f' });
  const stale = folded('db', { commit: hash('a'), fingerprint: 'old' });
  await world.start([old, stale], 'n1');
  const violations = [violation({ commit: hash('a') }), violation({ commit: hash('a'), name: 'db' })];
  world.say(reportOf('n1', [holds(old), holds(stale)], { violations }));
  world.readiness.expect('s', { commit: hash('b'), policies: [old] });
  await world.pass();
  const view = world.readiness.viewOf('s');
  expect([view?.commit, view?.enforced, view?.watched]).toEqual([hash('b'), { state: 'success', description: '1 of 1 nodes' }, true]);
  world.readiness.expect('s', { commit: hash('b'), policies: [old, { ...stale, fingerprint: 'new' }] });
  expect(world.readiness.viewOf('s')?.hits.map(({ violation: { name } }) => name)).toEqual(['web']);
});

test('more violations than there is room for are told of once', async () => {
  await world.start([web], 'n1');
  const violations = Array.from({ length: 1001 }, (_, index) => violation({ rule: `r${index}` }));
  for (const node of ['n1', 'n2']) world.say(reportOf(node, [policyReport('web')], { violations }));
  expect(world.log.text().match(/more violations than there is room for/g)).toHaveLength(1);
});
