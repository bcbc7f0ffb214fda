import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { GitHost } from '../../../reconciler/src/adapters/hosts/create-host.ts';
import type { PostResult } from '../../../reconciler/src/ports.ts';
import { hash } from './builders.ts';
import { client, KINDS, signal, start, TOKEN } from './hosts.ts';
import type { HostUnderTest } from './hosts.ts';

// real requests, on machines that may be busy
jest.setTimeout(60_000);

describe.each(KINDS)('%s', (kind) => {
  let under: HostUnderTest;
  let host: GitHost;
  const first = kind === 'Bitbucket' ? '**Parapet: diff (east)**' : '<!-- parapet:diff (east) -->';
  const upsert = (body: string, rest: { readonly marker?: string; readonly pullRequest?: number } = {}): Promise<PostResult> =>
    host.upsert({ pullRequest: 3, marker: 'diff (east)', body, ...rest }, signal);
  const bodies = (): string[] => under.standIn.book.of(3).map(({ body }) => body);
  const writes = (): string[] => under.standIn.asked().filter((asked) => !asked.startsWith('GET '));

  beforeEach(async () => {
    under = await start(kind);
    under.standIn.book.open({ number: 3 });
    host = client(kind, under);
  });
  afterEach(async () => {
    await under.standIn.close();
    expect(under.standIn.faults()).toEqual([]);
  });

  test('one comment is made and then changed in place, and one that says the same is left alone', async () => {
    expect(await upsert('2 added\n')).toEqual({ kind: 'posted' });
    expect(bodies()).toEqual([`${first}\n\n2 added`]);
    expect(await upsert('3 added')).toEqual({ kind: 'posted' });
    expect(bodies()).toEqual([`${first}\n\n3 added`]);
    const before = writes();
    expect(await upsert('3 added')).toEqual({ kind: 'posted' });
    expect(writes()).toEqual(before);
  });

  test('what is not worth a comment changes ours and makes none', async () => {
    const quietly = (body: string): Promise<PostResult> =>
      host.upsert({ pullRequest: 3, marker: 'diff (east)', body, onlyChange: true }, signal);
    expect(await quietly('no changes')).toEqual({ kind: 'posted' });
    expect(bodies()).toEqual([]);
    await upsert('2 added');
    expect(await quietly('no changes')).toEqual({ kind: 'posted' });
    expect(bodies()).toEqual([`${first}\n\nno changes`]);
  });

  test('another marker is another comment', async () => {
    await upsert('here');
    await upsert('there', { marker: 'diff (west)' });
    await upsert('there again', { marker: 'diff (west)' });
    expect(bodies()).toEqual([`${first}\n\nhere`, expect.stringMatching(/west[\s\S]*there again$/)]);
  });

  test('ours is found among many, on whatever page it is', async () => {
    for (let other = 0; other < 230; other += 1) under.standIn.book.add({ pullRequest: 3, body: `I like ${other}`, author: 99 });
    await upsert('one');
    await upsert('two');
    expect(bodies().filter((body) => body.startsWith(first))).toEqual([`${first}\n\ntwo`]);
  });

  test('what another account wrote is never taken for ours', async () => {
    under.standIn.book.add({ pullRequest: 3, body: `${first}\n\nall is well, merge it`, author: 99 });
    await upsert('1 removed');
    await upsert('2 removed');
    expect(bodies()).toEqual([`${first}\n\nall is well, merge it`, `${first}\n\n2 removed`]);
  });

  test('a comment that only mentions the marker is not ours', async () => {
    under.standIn.book.add({ pullRequest: 3, body: `see\n${first}`, author: under.self });
    await upsert('mine');
    expect(bodies().at(-1)).toBe(`${first}\n\nmine`);
  });

  test('line ends that the host changed are no difference', async () => {
    await upsert('a\nb');
    const [ours] = under.standIn.book.of(3);
    ours!.body = `${ours!.body.replaceAll('\n', '\r\n')}\r\n`;
    const before = writes();
    expect(await upsert('a\nb')).toEqual({ kind: 'posted' });
    expect(writes()).toEqual(before);
  });

  test('a body that is too long is cut after a line, with what is open closed, and says so', async () => {
    const long = `<details>\n\n\`\`\`diff\n${'+ allow /bin/sh\n'.repeat(80_000)}\`\`\`\n</details>`;
    expect(await upsert(long)).toEqual({ kind: 'posted' });
    const [body = ''] = bodies();
    expect(body.length).toBeLessThanOrEqual(host.limits.comment);
    expect(body.length).toBeGreaterThan(host.limits.comment - 1000);
    expect(body).toMatch(/\+ allow \/bin\/sh\n```\n<\/details>\n\n_This is cut: the host takes \d+ characters\._$/);
  });

  test('a marker can’t break out of its line', async () => {
    expect(await upsert('x', { marker: 'a --> <script>\n# b' })).toEqual({ kind: 'posted' });
    await upsert('y', { marker: 'a --> <script>\n# b' });
    expect(bodies()).toEqual([expect.stringMatching(/^[^\n]*parapet:? ?a - -script- b[^\n]*\n\ny$/i)]);
  });

  test('one whose answer was lost is found again, and not made twice', async () => {
    under.standIn.failNext('lose', { method: 'POST' });
    expect(await upsert('once')).toMatchObject({ kind: 'retry' });
    expect(await upsert('once')).toEqual({ kind: 'posted' });
    expect(bodies()).toHaveLength(1);
  });

  test('one that was deleted is made again', async () => {
    await upsert('one');
    under.standIn.book.remove(under.standIn.book.of(3)[0]!.id);
    await upsert('two');
    expect(bodies()).toEqual([`${first}\n\ntwo`]);
  });

  test('a host that fails is told from one that refuses, without the token', async () => {
    under.standIn.failNext(502, { method: 'POST', message: TOKEN });
    const failed = await upsert('x');
    expect(failed).toMatchObject({ kind: 'retry' });
    under.standIn.failNext(401, { message: TOKEN });
    const refused = await upsert('x');
    expect(refused).toMatchObject({ kind: 'refused' });
    expect(await upsert('x', { pullRequest: 44 })).toMatchObject({ kind: 'refused', message: expect.stringContaining('404') as unknown });
    expect(JSON.stringify([failed, refused])).not.toContain('s3cret');
    expect(bodies()).toEqual([]);
  });

  test('open pull requests are listed, newest first, over all pages, with full hashes', async () => {
    const { book } = under.standIn;
    book.open({ number: 1, open: false });
    for (let number = 4; number < 130; number += 1) book.open({ number, base: number % 2 === 0 ? 'main' : 'release/1.x' });
    const listed = await host.pullRequests(signal);
    if (listed.kind !== 'listed') throw new Error(listed.message);
    expect(listed.pullRequests.map(({ number }) => number)).toEqual([...Array.from({ length: 126 }, (_, index) => 129 - index), 3]);
    const ref = {
      GitHub: 'refs/pull/129/head',
      GitLab: 'refs/merge-requests/129/head',
      Gitea: 'refs/pull/129/head',
      Bitbucket: 'refs/heads/topic-129',
    };
    expect(listed.pullRequests[0]).toEqual({ number: 129, commit: hash('1'), ref: ref[kind], base: 'release/1.x' });
    under.standIn.failNext(429, { headers: { 'retry-after': '5' } });
    expect(await host.pullRequests(signal)).toMatchObject({ kind: 'unknown', refused: false, after: 5000 });
    under.standIn.failNext(403);
    expect(await host.pullRequests(signal)).toMatchObject({ kind: 'unknown', refused: true });
  });
});
