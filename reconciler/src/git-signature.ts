/** Who may sign, as a Secret says it, and what gpg and ssh-keygen said of a signature. */
import type { Problem } from '@parapet/policy';
import type { SecretData } from './git-secret.ts';

/** One line of an allowed-signers file. */
export interface SshSigner {
  readonly line: string;
  /** Milliseconds since the epoch; without one there is no bound. */
  readonly validAfter?: number;
  readonly validBefore?: number;
}

export interface Signers {
  /** OpenPGP public keys, armoured, by their key in the Secret. */
  readonly pgp: readonly { readonly key: string; readonly text: string }[];
  readonly ssh: readonly SshSigner[];
}

/** A fingerprint, or why a signature is not taken: the rest of a sentence that begins with what was to be signed. */
export type Judgement = { readonly signedBy: string } | { readonly why: string };

const KEY_TYPE = String.raw`(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[\w@.-]+`;
const SIGNER = new RegExp(
  String.raw`^(?:(?<principals>\S+)\s+(?:(?<options>(?:[^\s"]|"[^"]*")+)\s+)?)??(?<key>${KEY_TYPE}\s+[A-Za-z0-9+/]+={0,2})(?:\s|$)`,
);

/** Reads the keys `*.asc` and `*.sshpub` of a Secret. There are signers exactly when there is no problem. */
export function readSigners(data: SecretData): { readonly signers?: Signers; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const pgp: { key: string; text: string }[] = [];
  const ssh: SshSigner[] = [];
  for (const [key, text] of Object.entries(data).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (key.endsWith('.asc')) {
      if (text.includes('-----BEGIN PGP PRIVATE KEY BLOCK-----'))
        problems.push(
          signersProblem(`its ${key} is a private key, which nobody but its owner may have`, 'store what gpg --armor --export gives'),
        );
      else if (!text.includes('-----BEGIN PGP PUBLIC KEY BLOCK-----'))
        problems.push(signersProblem(`its ${key} is not an armoured OpenPGP public key`, 'store what gpg --armor --export gives'));
      else pgp.push({ key, text });
    } else if (key.endsWith('.sshpub')) ssh.push(...readSshSigners(key, text, problems));
  }
  if (problems.length === 0 && pgp.length + ssh.length === 0)
    problems.push(signersProblem('it has no key *.asc or *.sshpub', 'store the public keys of who signs'));
  return problems.length > 0 ? { problems } : { signers: { pgp, ssh }, problems };
}

/** The problem of a Secret with signers that can't be used. */
export function signersProblem(message: string, hint: string): Problem {
  const place = { field: 'spec.verify.secretRef' };
  return { code: 'config-invalid', severity: 'error', place, message: `the Secret with signers can't be used: ${message}`, hint };
}

/** A public key alone may sign whatever its owner is called. */
function readSshSigners(key: string, text: string, problems: Problem[]): SshSigner[] {
  const signers: SshSigner[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const found = SIGNER.exec(line)?.groups;
    const [after, before] = ['valid-after', 'valid-before'].map((option) => readTime(found?.['options'], option));
    if (found === undefined || Number.isNaN(after ?? 0) || Number.isNaN(before ?? 0)) {
      problems.push(
        signersProblem(`line ${index + 1} of its ${key} is no public key and no line of an allowed-signers file`, 'see ssh-keygen(1)'),
      );
      continue;
    }
    const parts = [found['principals'] ?? '*', found['options'] ?? 'namespaces="git"', found['key']];
    signers.push({
      line: parts.join(' '),
      ...(after === undefined ? {} : { validAfter: after }),
      ...(before === undefined ? {} : { validBefore: before }),
    });
  }
  return signers;
}

/** `YYYYMMDD[HHMM[SS]][Z]` of an option; NaN where it can't be read. Taken as UTC, which is what our containers run in. */
function readTime(options: string | undefined, option: string): number | undefined {
  const value = new RegExp(`(?:^|,)${option}="([^"]*)"`, 'i').exec(options ?? '')?.[1];
  if (value === undefined) return undefined;
  const [, year, month, day, hour = '00', minute = '00', second = '00'] =
    /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?Z?$/.exec(value) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/**
 * An allowed-signers file with who may sign now. Git has ssh-keygen judge by the date in the commit, which whoever holds an expired key
 * can choose: so expired keys are left out.
 */
export function allowedSigners(signers: Signers, now: number): string {
  return signers.ssh
    .filter(({ validAfter = -Infinity, validBefore = Infinity }) => validAfter <= now && now < validBefore)
    .map(({ line }) => `${line}\n`)
    .join('');
}

/** What a commit or tag object is signed with, by its text; `undefined` is not signed. */
export function signatureKind(object: string): 'OpenPGP' | 'SSH' | 'X.509' | undefined {
  const end = object.indexOf('\n\n');
  const head = end === -1 ? object : object.slice(0, end);
  const kind =
    /^gpgsig(?:-sha256)? -----BEGIN (PGP SIGNATURE|PGP MESSAGE|SSH SIGNATURE|SIGNED MESSAGE)-----$/m.exec(head)?.[1] ??
    // A tag's is at the end of its message.
    (/^type /m.test(head) ? /^-----BEGIN (PGP SIGNATURE|PGP MESSAGE|SSH SIGNATURE|SIGNED MESSAGE)-----$/m.exec(object)?.[1] : undefined);
  if (kind === undefined) return undefined;
  return kind.startsWith('PGP') ? 'OpenPGP' : kind.startsWith('SSH') ? 'SSH' : 'X.509';
}

/** The name that a tag object gives itself: a signed tag can be put under another reference. */
export function tagName(object: string): string | undefined {
  return /^tag (.+)$/m.exec(object.slice(0, object.indexOf('\n\n') + 1))?.[1];
}

/** Judges gpg's status lines (`git verify-commit --raw`): one good signature, of one of these keys, and not a word against it. */
export function judgePgp(status: string, fingerprints: ReadonlySet<string>): Judgement | undefined {
  const lines = status.split('\n').flatMap((line) => (line.startsWith('[GNUPG:] ') ? [line.slice(9).trim().split(' ')] : []));
  const of = (word: string): readonly string[] | undefined => lines.find(([first]) => first === word);
  const signer = (word: string): string => of(word)?.[1] ?? '';
  if (lines.length === 0) return undefined;
  if (of('BADSIG')) return { why: 'has a signature that does not fit it: one of both was changed' };
  if (of('REVKEYSIG')) return { why: `is signed with the key ${signer('REVKEYSIG')}, which was revoked` };
  if (of('EXPKEYSIG')) return { why: `is signed with the key ${signer('EXPKEYSIG')}, which has expired` };
  if (of('EXPSIG')) return { why: 'has a signature that has expired' };
  if (of('NO_PUBKEY')) return { why: `is signed with the key ${signer('NO_PUBKEY')}, which is not among the signers` };
  const valid = lines.filter(([first]) => first === 'VALIDSIG');
  if (of('ERRSIG') || lines.filter(([first]) => first === 'GOODSIG').length !== 1 || valid.length !== 1)
    return { why: 'has a signature that can not be checked' };
  // The last word is the primary key, of which the signing key may be a part.
  const primary = valid[0]?.at(-1) ?? '';
  return fingerprints.has(primary) ? { signedBy: primary } : { why: `is signed with the key ${primary}, which is not among the signers` };
}

/** Judges what ssh-keygen said. */
export function judgeSsh(said: string): Judgement | undefined {
  const good = [...said.matchAll(/^Good "git" signature for .+ with \S+ key (SHA256:[A-Za-z0-9+/]{43})$/gm)];
  if (good.length === 1) return { signedBy: good[0]?.[1] ?? '' };
  // The key's owner is looked up first: it is found without a name where it is none of ours.
  const other = /^Good "git" signature with \S+ key (SHA256:[A-Za-z0-9+/]{43})$/m.exec(said)?.[1];
  if (other !== undefined) return { why: `is signed with the key ${other}, which is not among the signers (or not now)` };
  if (/No principal matched/.test(said)) return { why: 'is signed with a key that is not among the signers (or not now)' };
  if (/incorrect signature|Could not verify signature|Signature verification failed/i.test(said))
    return { why: 'has a signature that does not fit it, or a key that is not among the signers' };
  return undefined;
}
