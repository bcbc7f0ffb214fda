import { once } from 'node:events';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { openWebhooks } from '../../../reconciler/src/adapters/http/webhooks.ts';
import { NO_METRICS } from '../../../reconciler/src/no-metrics.ts';
import type { HostKind } from '../../../reconciler/src/source-spec.ts';
import { StageError } from '../../../reconciler/src/stage-error.ts';
import { deliver, named, openDoor, raw, source } from './webhook-door.ts';
import type { OpenDoor } from './webhook-door.ts';
import { bitbucket, github, GONE, PUSHES, signed, standardSigned } from './webhook-payloads.ts';

// real connections, on machines that may be busy
jest.setTimeout(60_000);

const SECRET = 's3cret';
const HOSTS = Object.keys(PUSHES) as HostKind[];
let open: OpenDoor;
beforeEach(async () => {
  open = await openDoor();
});
afterEach(async () => {
  // whatever happened, no secret is in the log
  expect(JSON.stringify(open.lines)).not.toContain(SECRET);
  await open.door.close(0);
});

const push = signed('GitHub', PUSHES.GitHub(), SECRET);

test.each(HOSTS)('a genuine push of %s reaches its sources and is answered at once', async (host) => {
  const urls = {
    GitHub: 'git@github.com:shop/policies',
    GitLab: 'https://gitlab.test/shop/policies',
    Gitea: 'https://gitea.test/shop/policies',
    Bitbucket: 'https://bitbucket.org/shop/policies',
  };
  open.world.sources = [source('shop', { url: urls[host] }), source('other', { url: 'https://github.com/shop/other' })];
  const { status, body, headers } = await deliver(open.url, signed(host, PUSHES[host](), SECRET));
  expect([status, body]).toEqual([202, { sources: 1 }]);
  expect(headers.get('content-type')).toBe('application/json');
  expect(open.told).toMatchObject([{ delivery: { host, event: 'push', changes: [{ ref: 'refs/heads/main' }] }, names: ['shop'] }]);
  expect(open.lines).toMatchObject([
    {
      level: 'info',
      stage: 'webhook',
      message: expect.stringMatching(/^\w+ push refs\/heads\/main@aaaaaaa of shop\/policies is for 1 source$/) as unknown,
    },
  ]);
  expect(await open.counted('accepted')).toBe(1);
});

test("GitLab's signed deliveries are taken with their token, while they are fresh", async () => {
  const token = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
  open.world.sources = [source('shop', { url: 'https://gitlab.test/shop/policies' })];
  open.world.secrets = { shop: token };
  const sent = standardSigned(PUSHES.GitLab(), { token, now: open.world.now });
  expect((await deliver(open.url, sent)).body).toEqual({ sources: 1 });
  open.world.now += 301_000;
  expect((await deliver(open.url, sent)).status).toBe(401);
});

test('each source answers for its own secret: only those whose secret it is are told', async () => {
  open.world.sources = [
    source('shop'),
    source('twin'),
    source('foreign'),
    source('unset', { webhookSecret: undefined }),
    source('broken'),
    source('missing'),
  ];
  open.world.secrets = { shop: SECRET, twin: SECRET, foreign: 'another', unset: SECRET, broken: new Error('not found') };
  expect((await deliver(open.url, push)).body).toEqual({ sources: 2 });
  expect(open.told[0]?.names).toEqual(['shop', 'twin']);
  expect(open.lines.filter(({ level }) => level === 'error')).toMatchObject([
    { source: 'parapet-system/broken', message: "the webhook's secret can't be read: not found" },
  ]);
});

test('a rotated secret counts from the next delivery on, and the old one no more', async () => {
  expect((await deliver(open.url, named(push, 'one'))).status).toBe(202);
  open.world.secrets = { shop: 'rotated' };
  expect((await deliver(open.url, named(push, 'two'))).status).toBe(401);
  expect((await deliver(open.url, named(signed('GitHub', PUSHES.GitHub(), 'rotated'), 'three'))).body).toEqual({ sources: 1 });
});

test('who has no secret learns nothing: all refusals are the same to the last header', async () => {
  const wrong = signed('GitHub', PUSHES.GitHub(), 'guessed');
  const elsewhere = signed(
    'GitHub',
    github('push', { ref: 'refs/heads/main', after: 'a'.repeat(40), repository: { clone_url: 'https://github.com/a/b' } }),
    'guessed',
  );
  const unsigned = PUSHES.GitHub();
  const answers = [await deliver(open.url, wrong), await deliver(open.url, elsewhere), await deliver(open.url, unsigned)];
  open.world.secrets = {};
  answers.push(await deliver(open.url, wrong));
  open.world.sources = [source('shop', { webhookSecret: undefined })];
  answers.push(await deliver(open.url, wrong));
  const seen = answers.map(({ status, body, headers }) => JSON.stringify([status, body, [...headers].filter(([name]) => name !== 'date')]));
  expect(new Set(seen).size).toBe(1);
  expect(answers[0]?.status).toBe(401);
  expect(open.told).toEqual([]);
  // the log does say which it was
  expect(open.lines.map(({ message }) => message.split(' is refused: ')[1])).toEqual([
    "its signature fits no source's webhook secret",
    'no source with a webhook secret is of this repository',
    "no source's webhook secret can be read",
  ]);
  expect(open.lines.every(({ level, message }) => level === 'warn' && message.includes(' from 127.0.0.1 '))).toBe(true);
  expect(await open.counted('unverified')).toBe(5);
});

test('what no source follows is genuine and taken, and nobody is told', async () => {
  for (const sent of [PUSHES.GitHub('refs/heads/topic'), github('ping', { zen: 'x' }), github('star', {})]) {
    expect((await deliver(open.url, named(signed('GitHub', sent, SECRET), Math.random().toString()))).body).toEqual({ sources: 0 });
  }
  expect(open.told).toEqual([]);
  expect(await open.counted('unconcerned')).toBe(3);
});

test('a deleted branch and a pull request reach those who look at them', async () => {
  open.world.sources = [source('shop'), source('pulls', { pullRequests: { comment: true, limit: 20 } })];
  open.world.secrets = { shop: SECRET, pulls: SECRET };
  const pull = github('pull_request', { action: 'opened', number: 7, pull_request: { base: { ref: 'main' } } });
  await deliver(open.url, named(signed('GitHub', PUSHES.GitHub('refs/heads/main', GONE), SECRET), 'one'));
  await deliver(open.url, named(signed('GitHub', pull, SECRET), 'two'));
  expect(open.told.map(({ names }) => names)).toEqual([['shop', 'pulls'], ['pulls']]);
});

test('a delivery that comes again is taken and told to nobody; a refused one may come again', async () => {
  expect((await deliver(open.url, signed('GitHub', PUSHES.GitHub(), 'wrong'))).status).toBe(401);
  expect((await deliver(open.url, push)).body).toEqual({ sources: 1 });
  expect((await deliver(open.url, push)).body).toEqual({ sources: 0, repeated: true });
  expect(open.told).toHaveLength(1);
  expect(await open.counted('repeated')).toBe(1);
});

test('of twenty at once under one name, one is told', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => deliver(open.url, push)));
  expect(answers.filter(({ body }) => body['sources'] === 1)).toHaveLength(1);
  expect(open.told).toHaveLength(1);
});

test.each<[string, RequestInit & { path?: string }, number, RegExp]>([
  ['another page', { path: '/' }, 404, /POST \/hook/],
  ['a page below', { path: '/hook/github' }, 404, /POST \/hook/],
  ['a question', { method: 'GET', body: null }, 405, /POST/],
  ['a form', { headers: { 'x-github-event': 'push', 'content-type': 'application/x-www-form-urlencoded' } }, 415, /application\/json/],
  ['no type', { headers: { 'x-github-event': 'push', 'content-type': '' } }, 415, /application\/json/],
  ['a packed body', { headers: { ...push.headers, 'content-encoding': 'gzip' } }, 415, /as they are/],
  ['nobody', { headers: { 'content-type': 'application/json' } }, 400, /no header says which event/],
  ['no JSON', { headers: { ...push.headers, 'content-type': 'application/json; charset=utf-8' }, body: '{' }, 400, /not JSON/],
  ['a payload without sense', { ...bitbucket('repo:push', { push: 1 }) }, 400, /names no reference/],
])('%s is answered with what is wrong', async (...[, { path = '/hook', ...init }, status, why]) => {
  const body = init.body === undefined ? push.body : init.body;
  const response = await fetch(new URL(path, open.url), { method: 'POST', headers: push.headers, ...init, body });
  expect(response.status).toBe(status);
  expect(((await response.json()) as { error: string }).error).toMatch(why);
  expect(response.headers.get('allow')).toBe(status === 405 ? 'POST' : null);
  expect(open.told).toEqual([]);
});

test('a query after the path changes nothing', async () => {
  expect((await deliver(`${open.url}?from=github`, push)).status).toBe(202);
});

test('a bug behind the door is told as one, without its stack, and the delivery may come again', async () => {
  open.world.failure = new Error('over there');
  const { status, body } = await deliver(open.url, push);
  expect([status, body]).toEqual([500, { error: 'this is a fault of ours' }]);
  expect(open.lines).toEqual([{ level: 'error', stage: 'webhook', message: 'bug: over there' }]);
  expect(await open.counted('failed')).toBe(1);
  open.world.failure = undefined;
  expect((await deliver(open.url, push)).body).toEqual({ sources: 1 });
});

test('names in a payload are written to the log so that they steer nothing and end somewhere', async () => {
  const evil = github('push', { ref: `refs/heads/\u001b[2J`, after: 'a'.repeat(40) });
  const long = github('push', {
    ref: `refs/heads/${'x'.repeat(200)}`,
    after: 'a'.repeat(40),
    repository: { full_name: 'a/b\u001b[31m\nforged line', clone_url: `https://x.test/${'y'.repeat(2000)}` },
  });
  expect((await deliver(open.url, evil)).status).toBe(400);
  expect((await deliver(open.url, long)).status).toBe(401);
  for (const { message } of open.lines) {
    expect(message).not.toMatch(/\p{Cc}/u);
    expect(message.length).toBeLessThan(500);
  }
});

test('closing lets what is under way come to its end, and takes nothing more', async () => {
  const { door } = open;
  const head = `POST /hook HTTP/1.1\r\nhost: x\r\nx-github-event: push\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n`;
  const { 'x-hub-signature-256': signature = '' } = push.headers;
  const slow = raw(door.port, `${head}x-hub-signature-256: ${signature}\r\ncontent-length: ${push.body.length}\r\n\r\n`);
  // said when the request is there and the body may come
  await once(slow.socket, 'data');
  const closed = door.close(10_000);
  await expect(fetch(open.url)).rejects.toThrow();
  const started = performance.now();
  slow.socket.write(push.body);
  expect(await slow.ended).toMatch(/^HTTP\/1\.1 100 [^]*HTTP\/1\.1 202 [^]*\{"sources":1\}/);
  await closed;
  expect(performance.now() - started).toBeLessThan(5_000);
  expect(open.told).toHaveLength(1);
});

test('what never comes to its end is cut off when the time for closing is over', async () => {
  const slow = raw(
    open.door.port,
    'POST /hook HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\nexpect: 100-continue\r\n\r\n',
  );
  await once(slow.socket, 'data');
  const started = performance.now();
  await open.door.close(300);
  expect(performance.now() - started).toBeLessThan(5_000);
  expect(await slow.ended).toBe('HTTP/1.1 100 Continue\r\n\r\n');
});

test('an address that is taken is an error of the world that says so', async () => {
  const again = openWebhooks({
    address: { host: '127.0.0.1', port: open.door.port },
    sources: () => [],
    secret: () => Promise.resolve(undefined),
    onDelivery: () => undefined,
    log: () => undefined,
    metrics: NO_METRICS,
    clock: { now: () => 0 },
  });
  await expect(again).rejects.toThrow(StageError);
  await expect(again).rejects.toMatchObject({
    stage: 'listen',
    message: expect.stringContaining(`127.0.0.1 port ${open.door.port} cannot be listened on`) as unknown,
  });
});
