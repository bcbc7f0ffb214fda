import { afterEach, expect, jest, test } from '@jest/globals';
import { clientOf, Muffler, RateLimit, Recent } from '../../../reconciler/src/adapters/http/limits.ts';
import type { WebhookLimits } from '../../../reconciler/src/adapters/http/webhooks.ts';
import { deliver, named, openDoor, raw } from './webhook-door.ts';
import type { OpenDoor } from './webhook-door.ts';
import { PUSHES, signed } from './webhook-payloads.ts';

// real connections, on machines that may be busy
jest.setTimeout(60_000);

const push = signed('GitHub', PUSHES.GitHub(), 's3cret');
const forged = signed('GitHub', PUSHES.GitHub(), 'guessed');
const HEAD = 'POST /hook HTTP/1.1\r\nhost: x\r\nx-github-event: push\r\ncontent-type: application/json\r\n';
const open: OpenDoor[] = [];
async function start(limits: Partial<WebhookLimits> = {}): Promise<OpenDoor> {
  const door = await openDoor(limits);
  open.push(door);
  return door;
}
afterEach(async () => {
  for (const { door } of open.splice(0)) await door.close(0);
});
/** Waits until it is so; the test's own time limit ends it. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((next) => setTimeout(next, 20));
}

test('a body that says that it is too large is refused unread, and one that turns out to be as well', async () => {
  const { url, door, told, counted } = await start({ bodyBytes: 10_000 });
  expect((await deliver(url, { ...push, body: Buffer.alloc(20_000, 0x20) })).status).toBe(413);
  const chunked = raw(door.port, `${HEAD}connection: close\r\ntransfer-encoding: chunked\r\n\r\n`);
  for (let n = 0; n < 4; n += 1) chunked.socket.write(`1000\r\n${'x'.repeat(4096)}\r\n`);
  chunked.socket.write('0\r\n\r\n');
  expect(await chunked.ended).toMatch(/^HTTP\/1\.1 413 [^]*a body may have 10000 bytes/);
  expect(told).toEqual([]);
  expect(await counted('limited')).toBe(2);
});

test('whoever sends without end gets an answer and is cut off in time', async () => {
  const { door } = await start({ bodyBytes: 10_000, patience: 1_000 });
  const endless = raw(door.port, `${HEAD}transfer-encoding: chunked\r\n\r\n`);
  const timer = setInterval(() => endless.socket.write(`1000\r\n${'x'.repeat(4096)}\r\n`), 20);
  const got = await endless.ended;
  clearInterval(timer);
  expect(got).toMatch(/^HTTP\/1\.1 413 /);
  // one answer only
  expect(got.match(/HTTP\/1\.1/g)).toHaveLength(1);
});

test.each([
  ['no headers', ''],
  ['headers that do not end', 'POST /hook HTTP/1.1\r\nhost: x\r\nx-a: '],
  ['a body that does not come', `${HEAD}content-length: 1000\r\n\r\n{`],
])('%s: who is slow loses the connection, and meanwhile others are served', async (_what, text) => {
  const { url, door } = await start({ patience: 1_000 });
  const slow = raw(door.port, text);
  const drip = setInterval(() => slow.socket.write(text === '' ? '' : 'a'), 100);
  expect((await deliver(url, push)).status).toBe(202);
  const started = performance.now();
  const got = await slow.ended;
  clearInterval(drip);
  expect(performance.now() - started).toBeLessThan(10_000);
  if (text !== '') expect(got).toMatch(/^HTTP\/1\.1 408 [^]*\{"error":"request timeout"\}$/);
});

test('headers without bound and what is not HTTP are refused', async () => {
  const { door, told } = await start();
  expect(await raw(door.port, `POST /hook HTTP/1.1\r\nhost: x\r\nx-a: ${'a'.repeat(20_000)}\r\n\r\n`).ended).toMatch(/^HTTP\/1\.1 431 /);
  expect(await raw(door.port, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n').ended).toMatch(
    /^HTTP\/1\.1 400 [^]*\{"error":"bad request"\}$/,
  );
  // one body for us, another one for a proxy in front
  const smuggled = `${HEAD}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nPOST /hook HTTP/1.1\r\n`;
  expect(await raw(door.port, smuggled).ended).toMatch(/^HTTP\/1\.1 400 /);
  expect(told).toEqual([]);
});

test('connections are bounded, and who goes makes room for others', async () => {
  const { url, door, counted } = await start({ connections: 5, patience: 60_000 });
  let ended = 0;
  const idle = Array.from({ length: 8 }, () => raw(door.port, 'POST /hook HTTP/1.1\r\n'));
  for (const each of idle) void each.ended.then(() => (ended += 1));
  await until(() => ended === 3);
  expect(await counted('limited')).toBe(3);
  for (const { socket } of idle) socket.destroy();
  await until(async () => {
    const answer = await deliver(url, push).catch(() => undefined);
    return answer?.status === 202;
  });
});

test('bodies together are bounded: what does not fit is told to come again, until there is room', async () => {
  const { url, door } = await start({ allBodyBytes: 100_000, patience: 60_000, rate: { burst: 10_000, perSecond: 1 } });
  const large = { ...forged, body: Buffer.alloc(50_000, 0x20) };
  const held = raw(door.port, `${HEAD}content-length: 95000\r\n\r\n${' '.repeat(94_000)}`);
  await until(async () => {
    const { status, headers } = await deliver(url, large);
    return status === 503 && headers.get('retry-after') === '1';
  });
  held.socket.destroy();
  await until(async () => (await deliver(url, large)).status === 400);
});

test('who guesses is slowed down; who is genuine is not counted, and neither is anybody else', async () => {
  const { url, world, told, counted } = await start({ rate: { burst: 5, perSecond: 1 }, proxies: 1 });
  const from = (address: string, sent: typeof push): typeof push => ({
    ...sent,
    headers: { ...sent.headers, 'x-forwarded-for': `1.1.1.1, ${address}` },
  });
  for (let n = 0; n < 30; n += 1) expect((await deliver(url, from('192.0.2.1', named(push, `id-${n}`)))).status).toBe(202);
  expect(told).toHaveLength(30);
  const statuses: number[] = [];
  for (let n = 0; n < 8; n += 1) statuses.push((await deliver(url, from('192.0.2.1', forged))).status);
  expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
  const limited = await deliver(url, from('192.0.2.1', push));
  expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '1']);
  expect((await deliver(url, from('192.0.2.2', named(push, 'other')))).status).toBe(202);
  world.now += 1_000;
  expect((await deliver(url, from('192.0.2.1', named(push, 'later')))).status).toBe(202);
  expect(await counted('limited')).toBe(4);
});

test('a flood fills neither the log nor memory, and the numbers stay exact', async () => {
  const { url, world, lines, told, counted } = await start({ rate: { burst: 1_000_000, perSecond: 1_000_000 } });
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      for (let n = 0; n < 25; n += 1) await deliver(url, forged);
    }),
  );
  expect(lines).toHaveLength(1);
  expect(await counted('unverified')).toBe(500);
  world.now += 10_000;
  await deliver(url, forged);
  expect(lines).toHaveLength(2);
  expect(lines[1]?.message).toContain('(and 499 more since the last line like this)');
  expect((await deliver(url, push)).status).toBe(202);
  expect(told).toHaveLength(1);
});

test('ten thousand deliveries are remembered, and no more', () => {
  const recent = new Recent(10_000);
  for (let n = 0; n < 10_001; n += 1) recent.add(`GitHub ${n}`);
  expect([recent.has('GitHub 0'), recent.has('GitHub 1'), recent.has('GitHub 10000')]).toEqual([false, true, true]);
});

test('tokens come back with time, not with a clock that is set back, and clients are bounded', () => {
  const rate = new RateLimit({ burst: 2, perSecond: 4 }, 100);
  expect([rate.take('a', 0), rate.take('a', 0), rate.take('a', 0)]).toEqual([0, 0, 250]);
  expect(rate.take('a', 125)).toBe(125);
  expect(rate.take('a', -100_000)).toBe(125);
  expect(rate.take('a', 100_000)).toBe(0);
  for (let n = 0; n < 1_000; n += 1) rate.take(`stranger ${n}`, 100_000);
  expect([rate.take('a', 100_000), rate.take('a', 100_000), rate.take('a', 100_000)]).toEqual([0, 0, 250]);
});

test('of one kind one line passes in its time, with the number of those that did not', () => {
  const muffler = new Muffler(1_000);
  expect([muffler.pass('x', 0), muffler.pass('x', 10), muffler.pass('x', 999), muffler.pass('y', 999)]).toEqual([
    0,
    undefined,
    undefined,
    0,
  ]);
  expect([muffler.pass('x', 1_000), muffler.pass('x', 2_000)]).toEqual([2, 0]);
});

test.each<[string | undefined, string | undefined, number, string]>([
  ['192.0.2.1', undefined, 0, '192.0.2.1'],
  ['::ffff:192.0.2.1', undefined, 0, '192.0.2.1'],
  ['192.0.2.1', '6.6.6.6', 0, '192.0.2.1'],
  ['10.0.0.1', '6.6.6.6, 192.0.2.1', 1, '192.0.2.1'],
  ['10.0.0.1', '6.6.6.6, 192.0.2.1, 10.0.0.2', 2, '192.0.2.1'],
  ['10.0.0.1', '192.0.2.1:4711', 1, '192.0.2.1'],
  ['10.0.0.1', '[2001:db8:1:2::1]:4711', 1, '2001:db8:1:2::/64'],
  ['10.0.0.1', undefined, 1, '10.0.0.1'],
  ['10.0.0.1', '', 1, '10.0.0.1'],
  ['10.0.0.1', '192.0.2.1', 3, '10.0.0.1'],
  ['10.0.0.1', 'evil\u001b[2J', 1, 'unknown'],
  ['2001:db8:1:2:3:4:5:6', undefined, 0, '2001:db8:1:2::/64'],
  ['2001:0DB8:0001::6', undefined, 0, '2001:db8:1:0::/64'],
  ['fe80::1%eth0', undefined, 0, 'fe80:0:0:0::/64'],
  ['::1', undefined, 0, '0:0:0:0::/64'],
  [undefined, undefined, 0, 'unknown'],
])('from %p with %p behind %d proxies it is %s', (...[socket, forwarded, proxies, client]) => {
  expect(clientOf(socket, forwarded, proxies)).toBe(client);
});
