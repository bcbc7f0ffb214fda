import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { HostKind } from '../../../reconciler/src/source-spec.ts';
import { isGenuine } from '../../../reconciler/src/webhook-signature.ts';
import { PUSHES, signed, standardSigned } from './webhook-payloads.ts';
import type { Sent } from './webhook-payloads.ts';

const HOSTS = Object.keys(PUSHES) as HostKind[];
const SECRET = "It's a Secret to Everybody";
const TOKEN = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const NOW = 1_700_000_000_000;
/** Received `now` on a clock that stands still unless told. */
const genuine = (host: HostKind, sent: Sent & { now?: number }, secret = SECRET): boolean => isGenuine({ now: NOW, ...sent, host }, secret);

test("GitHub's documented example is genuine", () => {
  const headers = { 'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17' };
  expect(genuine('GitHub', { headers, body: Buffer.from('Hello, World!') })).toBe(true);
  expect(genuine('GitHub', { headers, body: Buffer.from('Hello, World?') })).toBe(false);
});

test("Bitbucket's documented example is genuine", () => {
  const headers = { 'x-hub-signature': 'sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9' };
  expect(genuine('Bitbucket', { headers, body: Buffer.from('Hello World!') })).toBe(true);
});

test('the example of the specification that GitLab signs by is genuine, while it is fresh', () => {
  const sent = {
    headers: {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    },
    body: Buffer.from('{"test": 2432232314}'),
  };
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const at = 1_614_265_330_000;
  expect(genuine('GitLab', { ...sent, now: at }, secret)).toBe(true);
  expect(genuine('GitLab', { ...sent, now: at + 300_000 }, secret)).toBe(true);
  expect(genuine('GitLab', { ...sent, now: at + 301_000 }, secret)).toBe(false);
  expect(genuine('GitLab', { ...sent, now: at - 301_000 }, secret)).toBe(false);
});

test.each(HOSTS)('what %s signs is genuine with its secret and with no other', (host) => {
  const sent = signed(host, PUSHES[host](), SECRET);
  expect(genuine(host, sent)).toBe(true);
  expect(genuine(host, sent, 'another')).toBe(false);
  expect(genuine(host, sent, '')).toBe(false);
  expect(genuine(host, PUSHES[host]())).toBe(false);
});

test.each(HOSTS)('nothing is genuine for %s with an empty secret', (host) => {
  expect(genuine(host, signed(host, PUSHES[host](), ''), '')).toBe(false);
});

test('a signature of one host is none of another', () => {
  for (const host of HOSTS) {
    for (const other of HOSTS) {
      // Gitea also sends GitHub's
      const both = host === 'Gitea' && other === 'GitHub';
      const taken = host === 'GitHub' && other === 'Gitea';
      expect(genuine(other, signed(host, PUSHES[host](), SECRET))).toBe(host === other || both || taken);
    }
  }
});

test('the weak SHA-1 signature that old hooks send is not taken', () => {
  const { body } = PUSHES.GitHub();
  expect(genuine('GitHub', { headers: { 'x-hub-signature': 'sha1=0000' }, body })).toBe(false);
  expect(genuine('Gitea', { headers: { 'x-hub-signature': 'sha1=0000' }, body })).toBe(false);
});

test('Forgejo and Gogs sign under their own names; a wrong one is not made good by a right one of another name', () => {
  const { headers, body } = signed('Gitea', PUSHES.Gitea(), SECRET);
  const digest = headers['x-gitea-signature'] ?? '';
  expect(genuine('Gitea', { headers: { 'x-forgejo-signature': digest }, body })).toBe(true);
  expect(genuine('Gitea', { headers: { 'x-gogs-signature': digest }, body })).toBe(true);
  expect(genuine('Gitea', { headers: { 'x-hub-signature-256': `sha256=${digest}` }, body })).toBe(true);
  expect(genuine('Gitea', { headers: { ...headers, 'x-gitea-signature': '' }, body })).toBe(false);
});

test('a signing token asks for a signature: that it comes along itself is not enough', () => {
  const push = PUSHES.GitLab();
  expect(genuine('GitLab', standardSigned(push, { token: TOKEN, now: NOW }), TOKEN)).toBe(true);
  expect(genuine('GitLab', signed('GitLab', push, TOKEN), TOKEN)).toBe(false);
  // and a secret token for itself, whatever else is signed
  expect(genuine('GitLab', standardSigned(push, { token: TOKEN, now: NOW }), SECRET)).toBe(false);
});

test('there is one text for a token and one for a signature: bits that mean nothing must be right as well', () => {
  const sent = standardSigned(PUSHES.GitLab(), { token: TOKEN, now: NOW });
  const sameKey = TOKEN.replace(/c=$/, 'd=');
  expect(sameKey).not.toBe(TOKEN);
  expect(Buffer.from(sameKey.slice(6), 'base64')).toEqual(Buffer.from(TOKEN.slice(6), 'base64'));
  expect(genuine('GitLab', sent, sameKey)).toBe(false);
  const upper = signed('GitHub', PUSHES.GitHub(), SECRET);
  upper.headers['x-hub-signature-256'] = upper.headers['x-hub-signature-256']!.toUpperCase();
  expect(genuine('GitHub', upper)).toBe(false);
});

test('one of several signatures is enough while keys change; hundreds are not looked at', () => {
  const { headers, body } = standardSigned(PUSHES.GitLab(), { token: TOKEN, now: NOW });
  const right = headers['webhook-signature'] ?? '';
  const with_ = (signature: string): Sent => ({ headers: { ...headers, 'webhook-signature': signature }, body });
  expect(genuine('GitLab', with_(`v1,AAAA v1a,BBBB ${right}`), TOKEN)).toBe(true);
  expect(genuine('GitLab', with_(`${'v1,AAAA '.repeat(500)}${right}`), TOKEN)).toBe(false);
  for (const timestamp of ['', '1e9', '-1', 'NaN', '99999999999999999999']) {
    expect(genuine('GitLab', { headers: { ...headers, 'webhook-timestamp': timestamp }, body }, TOKEN)).toBe(false);
  }
});

test('a header that came twice signs nothing', () => {
  const { headers, body } = signed('GitLab', PUSHES.GitLab(), SECRET);
  expect(isGenuine({ host: 'GitLab', now: NOW, headers: { ...headers, 'x-gitlab-token': [SECRET, SECRET] }, body }, SECRET)).toBe(false);
});

function flipped(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  const at = (bit >> 3) % copy.length;
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
const flippedText = (text: string, bit: number): string => flipped(Buffer.from(text, 'latin1'), bit).toString('latin1');

test('with one flipped bit in body, signature or secret, nothing is genuine', () => {
  const cases: { host: HostKind; sent: Sent; secret: string; signatures: string[]; signsBody: boolean }[] = [
    ...HOSTS.map((host) => {
      const sent = signed(host, PUSHES[host](), SECRET);
      const signatures = Object.keys(sent.headers).filter((name) => /signature|token/.test(name));
      return { host, sent, secret: SECRET, signatures: signatures.slice(0, 1), signsBody: host !== 'GitLab' };
    }),
    {
      host: 'GitLab',
      sent: standardSigned(PUSHES.GitLab(), { token: TOKEN, now: NOW }),
      secret: TOKEN,
      signatures: ['webhook-id', 'webhook-timestamp', 'webhook-signature'],
      signsBody: true,
    },
  ];
  fc.assert(
    fc.property(fc.constantFrom(...cases), fc.nat(1_000_000), ({ host, sent, secret, signatures, signsBody }, bit) => {
      if (signsBody) expect(genuine(host, { ...sent, body: flipped(sent.body, bit) }, secret)).toBe(false);
      expect(genuine(host, sent, flippedText(secret, bit))).toBe(false);
      for (const name of signatures) {
        const headers = { ...sent.headers, [name]: flippedText(sent.headers[name] ?? '', bit) };
        expect(genuine(host, { ...sent, headers }, secret)).toBe(false);
      }
      expect(genuine(host, sent, secret)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});
