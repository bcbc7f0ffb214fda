import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { allowedSigners, judgePgp, judgeSsh, readSigners, signatureKind, tagName } from '../../../reconciler/src/git-signature.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ';
const PGP = '-----BEGIN PGP PUBLIC KEY BLOCK-----\nx\n-----END PGP PUBLIC KEY BLOCK-----\n';
const FINGERPRINT = 'A'.repeat(40);
const OTHER = 'B'.repeat(40);
const signersOf = (text: string, now = 0): string => {
  const { signers } = readSigners({ 'a.sshpub': text });
  return signers === undefined ? 'none' : allowedSigners(signers, now);
};

test('public keys and lines of an allowed-signers file are both taken', () => {
  expect(signersOf(`# ours\n\n${KEY} somebody@host\n`)).toBe(`* namespaces="git" ${KEY}\n`);
  expect(signersOf(`a@x.test,b@x.test ${KEY}`)).toBe(`a@x.test,b@x.test namespaces="git" ${KEY}\n`);
  expect(signersOf(`a@x.test namespaces="git,file",cert-authority ${KEY} c`)).toBe(
    `a@x.test namespaces="git,file",cert-authority ${KEY}\n`,
  );
  expect(signersOf('sk-ssh-ed25519@openssh.com AAAA x')).toContain('sk-ssh-ed25519@openssh.com AAAA');
  expect(signersOf('ecdsa-sha2-nistp256 AAAA')).toContain('ecdsa-sha2-nistp256 AAAA');
});

test('keys that are not valid now are left out: the date of a commit is its author’s choice', () => {
  const line = `* valid-after="20250101",valid-before="20260101120000Z" ${KEY}`;
  expect(signersOf(line, Date.UTC(2025, 5))).toBe(`${line}\n`);
  expect(signersOf(line, Date.UTC(2026, 0, 1, 12))).toBe('');
  expect(signersOf(line, Date.UTC(2024, 11, 31))).toBe('');
  expect(readSigners({ 'a.sshpub': `* valid-before="soon" ${KEY}` }).problems).toHaveLength(1);
});

test.each([
  [{}, 'it has no key *.asc or *.sshpub'],
  [{ 'a.pub': KEY }, 'it has no key *.asc or *.sshpub'],
  [{ 'a.sshpub': 'ssh-ed25519 !!' }, 'line 1 of its a.sshpub'],
  [{ 'a.sshpub': `${KEY}\n-----BEGIN OPENSSH PRIVATE KEY-----` }, 'line 2 of its a.sshpub'],
  [{ 'a.asc': 's3cret' }, 'its a.asc is not an armoured OpenPGP public key'],
  [{ 'a.asc': '-----BEGIN PGP PRIVATE KEY BLOCK-----\ns3cret' }, 'its a.asc is a private key'],
])('signers %j are a problem', (data, why) => {
  const { signers, problems } = readSigners(data);
  expect(signers).toBeUndefined();
  expect(problems[0]).toMatchObject({ code: 'config-invalid', place: { field: 'spec.verify.secretRef' } });
  expect(problems[0]?.message).toContain(why);
  expect(JSON.stringify(problems)).not.toContain('s3cret');
});

test('OpenPGP keys are kept by their key in the Secret', () => {
  expect(readSigners({ 'b.asc': PGP, 'a.asc': PGP, other: 'x' }).signers).toEqual({
    pgp: [
      { key: 'a.asc', text: PGP },
      { key: 'b.asc', text: PGP },
    ],
    ssh: [],
  });
});

const said = (...lines: readonly string[]): string => lines.map((line) => `[GNUPG:] ${line}\n`).join('');
const VALID = `VALIDSIG ${OTHER} 2026-01-01 1767225600 0 4 0 22 10 00 ${FINGERPRINT}`;

test('one good signature of a given key is taken, by its primary key', () => {
  const status = said('NEWSIG', 'GOODSIG AAAAAAAAAAAAAAAA A <a@a.test>', VALID, 'TRUST_ULTIMATE 0 pgp');
  expect(judgePgp(status, new Set([FINGERPRINT]))).toEqual({ signedBy: FINGERPRINT });
  expect(judgePgp(status, new Set([OTHER]))).toEqual({ why: expect.stringContaining('not among the signers') as unknown });
});

test.each([
  ['BADSIG', said('GOODSIG A x', VALID, 'BADSIG A x'), 'does not fit'],
  ['an expired key', said('NEWSIG', 'KEYEXPIRED 1', 'EXPKEYSIG AB x', VALID), 'the key AB, which has expired'],
  ['a revoked key', said('NEWSIG', 'REVKEYSIG AB x', VALID), 'the key AB, which was revoked'],
  ['an expired signature', said('EXPSIG AB x', VALID), 'has expired'],
  ['a key that is not there', said('ERRSIG AB 22 10 00 1 9', 'NO_PUBKEY AB'), 'the key AB, which is not among'],
  ['two good ones', said('GOODSIG A x', VALID, 'GOODSIG A x', VALID), 'can not be checked'],
  ['a good one that is not valid', said('GOODSIG A x'), 'can not be checked'],
  ['an odd one', said('ERRSIG AB 22 10 00 1 4'), 'can not be checked'],
])('%s is not taken', (_name, status, why) => {
  const judged = judgePgp(status, new Set([FINGERPRINT]));
  expect(judged !== undefined && 'why' in judged && judged.why).toContain(why);
});

test('what neither gpg nor ssh-keygen says is no judgement', () => {
  for (const text of ['', 'error: cannot run gpg: No such file or directory', 'GOODSIG A x']) {
    expect(judgePgp(text, new Set([FINGERPRINT]))).toBeUndefined();
    expect(judgeSsh(text)).toBeUndefined();
  }
});

test('what ssh-keygen says is judged by the key', () => {
  const sum = `SHA256:${'a'.repeat(43)}`;
  expect(judgeSsh(`Good "git" signature for * with ED25519 key ${sum}\n`)).toEqual({ signedBy: sum });
  expect(judgeSsh(`Good "git" signature with ED25519 key ${sum}\nNo principal matched.\n`)).toEqual({
    why: `is signed with the key ${sum}, which is not among the signers (or not now)`,
  });
  expect(judgeSsh('Signature verification failed: incorrect signature\n')).toEqual({
    why: expect.stringContaining('does not fit') as unknown,
  });
  expect(judgeSsh(`x Good "git" signature for * with ED25519 key ${sum}\n`)).toBeUndefined();
});

test('what an object is signed with is read from where Git puts it, and not from what its author writes', () => {
  const commit = (head: string, message = 'm'): string => `tree 1\nauthor a\n${head}committer a\n\n${message}\n`;
  expect(signatureKind(commit(''))).toBeUndefined();
  expect(signatureKind(commit('gpgsig -----BEGIN PGP SIGNATURE-----\n x\n'))).toBe('OpenPGP');
  expect(signatureKind(commit('gpgsig-sha256 -----BEGIN SSH SIGNATURE-----\n x\n'))).toBe('SSH');
  expect(signatureKind(commit('gpgsig -----BEGIN SIGNED MESSAGE-----\n x\n'))).toBe('X.509');
  expect(signatureKind(commit('', '-----BEGIN SSH SIGNATURE-----'))).toBeUndefined();
  const tag = 'object 1\ntype commit\ntag v1\ntagger a\n\nm\n-----BEGIN SSH SIGNATURE-----\nx\n';
  expect([signatureKind(tag), tagName(tag)]).toEqual(['SSH', 'v1']);
  expect(tagName('object 1\n\ntag v2\n')).toBeUndefined();
});

test('no text makes any of the readers throw', () => {
  const part = fc.oneof(fc.string(), fc.constantFrom('[GNUPG:] ', 'GOODSIG', 'VALIDSIG', '\n', ' ', '"', 'gpgsig ', KEY, '* '));
  const text = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, (any) => {
      judgePgp(any, new Set());
      judgeSsh(any);
      signatureKind(any);
      tagName(any);
      readSigners({ 'a.sshpub': any, 'b.asc': any });
    }),
  );
});
