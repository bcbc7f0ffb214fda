/** Checks signatures with gpg and ssh-keygen, by Git: with the given keys only, in a place of their own that is thrown away. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { Problem } from '@parapet/policy';
import { shortCommit } from '../../describe.ts';
import { allowedSigners, judgePgp, judgeSsh, signatureKind, signersProblem, tagName } from '../../git-signature.ts';
import type { Judgement, Signers } from '../../git-signature.ts';
import type { Verification } from '../../source-spec.ts';
import { gitVerdict } from './command.ts';
import type { GitSettings } from './command.ts';
import type { Mirror } from './mirror.ts';

/** Folders with keys of signers; what a crash leaves of them is removed at the next start. */
export const SIGNERS = 'signers-';

export interface SignatureOptions {
  readonly mode: Verification['mode'];
  readonly signers: Signers;
  /** Ours alone. */
  readonly directory: string;
  readonly settings: GitSettings;
  readonly mirror: Mirror;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** What is to be judged. */
export interface Signed {
  readonly commit: string;
  /** Full name of the reference in the repository, when it is known. */
  readonly name: string | undefined;
  /** What that reference points to: the commit, or a tag object. */
  readonly object: string;
  readonly signal: AbortSignal;
}

/** gpg's own settings: it asks nobody, starts nothing, and trusts what it is given. */
const GPG_CONF = 'batch\nno-tty\nno-autostart\nno-auto-key-retrieve\nno-auto-key-locate\nlock-never\ntrust-model always\n';
const CONFIG = { 'gpg.program': 'gpg', 'gpg.ssh.program': 'ssh-keygen', 'gpg.x509.program': '/bin/false' };
/** Most bytes that gpg may say of a key. */
const MOST_SAID = 1024 * 1024;

/** One object that must be signed. */
interface Asked {
  readonly type: 'commit' | 'tag';
  readonly id: string;
  /** What the tag must call itself. */
  readonly tag: string | undefined;
  readonly keyring: Keyring;
  readonly signal: AbortSignal;
}

interface Keyring {
  readonly home: string;
  /** Of the primary keys. */
  readonly fingerprints: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

export class Signatures {
  readonly #options: SignatureOptions;
  #keyring: Promise<Keyring> | undefined;

  constructor(options: SignatureOptions) {
    this.#options = options;
  }

  /** Who signed all that had to be signed, or what is wrong. */
  async check(signed: Signed): Promise<{ readonly signedBy: readonly string[] } | { readonly problem: Problem }> {
    const { mode } = this.#options;
    const tag = signed.name?.startsWith('refs/tags/') === true ? signed.name.slice('refs/tags/'.length) : undefined;
    if (mode !== 'Head' && tag === undefined)
      return invalid('what is followed is no tag, and spec.verify.mode asks for a signed one', 'follow a tag or semver, or use mode Head');
    const keyring = await this.#keys(signed.signal);
    const [problem] = keyring.problems;
    if (problem !== undefined) return { problem };
    const signedBy: string[] = [];
    const asked = [
      ...(mode === 'Head' ? [] : [{ type: 'tag', id: signed.object, what: `the tag ${JSON.stringify(tag)}` } as const]),
      ...(mode === 'Tag' ? [] : [{ type: 'commit', id: signed.commit, what: `the commit ${shortCommit(signed.commit)}` } as const]),
    ];
    for (const { type, id, what } of asked) {
      const judgement = await this.#judge({ type, id, tag, keyring, signal: signed.signal });
      if ('why' in judgement)
        return invalid(`${what} ${judgement.why}`, 'sign it with a key of spec.verify.secretRef, or add the key there');
      signedBy.push(judgement.signedBy);
    }
    return { signedBy: [...new Set(signedBy)] };
  }

  async close(): Promise<void> {
    const keyring = await this.#keyring?.catch(() => undefined);
    this.#keyring = undefined;
    if (keyring !== undefined) await fs.rm(keyring.home, { recursive: true, force: true });
  }

  async #judge(asked: Asked): Promise<Judgement> {
    const kind = await this.#kindOf(asked);
    if (typeof kind !== 'string') return kind;
    const { keyring } = asked;
    const { ok, said } = await this.#verdict(asked);
    const judgement = kind === 'OpenPGP' ? judgePgp(said, keyring.fingerprints) : judgeSsh(said);
    if (judgement === undefined) throw new Error(`its signature can't be checked: ${said.trim().split('\n').at(-1) ?? ''}`);
    // Git has the last word.
    return ok || 'why' in judgement ? judgement : { why: 'has a signature that Git does not accept' };
  }

  /** What it is signed with, or why nobody needs to look at the signature. */
  async #kindOf({ type, id, tag, signal }: Asked): Promise<'OpenPGP' | 'SSH' | { readonly why: string }> {
    const { mirror, signers } = this.#options;
    if (type === 'tag' && (await mirror.read(['cat-file', '-t', id], signal)).trim() !== 'tag')
      return { why: 'is a lightweight one, which nobody can sign' };
    const object = await mirror.read(['cat-file', type, id], signal);
    if (type === 'tag' && tagName(object) !== tag) return { why: `was signed as ${JSON.stringify(tagName(object))}` };
    const kind = signatureKind(object);
    if (kind === undefined) return { why: 'is not signed' };
    if (kind === 'X.509') return { why: 'is signed with X.509, and only OpenPGP and SSH are taken' };
    const [keys, suffix] = kind === 'OpenPGP' ? [signers.pgp, 'asc'] : [signers.ssh, 'sshpub'];
    return keys.length > 0 ? kind : { why: `is signed with ${kind}, and there is no key *.${suffix} among the signers` };
  }

  async #verdict({ type, id, keyring, signal }: Asked): Promise<{ readonly ok: boolean; readonly said: string }> {
    const { mirror, settings, signers, now } = this.#options;
    // Others may be reading one of their own.
    const file = join(keyring.home, `allowed-${randomUUID()}`);
    await fs.writeFile(file, allowedSigners(signers, now()), { mode: 0o600 });
    try {
      const extras = { config: { ...CONFIG, 'gpg.ssh.allowedSignersFile': file }, environment: { GNUPGHOME: keyring.home } };
      const args = [type === 'tag' ? 'verify-tag' : 'verify-commit', '--raw', id];
      return await gitVerdict(settings, { directory: mirror.path, args, signal, limit: 4 * MOST_SAID, extras });
    } finally {
      await fs.rm(file, { force: true });
    }
  }

  /** Made once for these signers. */
  async #keys(signal: AbortSignal): Promise<Keyring> {
    this.#keyring ??= this.#make(signal).catch((error: unknown) => {
      this.#keyring = undefined;
      throw error;
    });
    return this.#keyring;
  }

  async #make(signal: AbortSignal): Promise<Keyring> {
    const { directory, signers, settings } = this.#options;
    const home = await fs.mkdtemp(join(directory, SIGNERS));
    await fs.writeFile(join(home, 'gpg.conf'), GPG_CONF);
    const fingerprints = new Set<string>();
    const problems: Problem[] = [];
    for (const { key, text } of signers.pgp) {
      const said = await gpg({ home, args: ['--status-fd', '1', '--import'], input: text, environment: settings.environment, signal });
      const found = [...said.matchAll(/^\[GNUPG:\] IMPORT_OK \d+ ([0-9A-F]{40,64})$/gm)].map(([, fingerprint]) => fingerprint ?? '');
      if (found.length === 0)
        problems.push(signersProblem(`gpg finds no public key in its ${key}`, 'store what gpg --armor --export gives'));
      for (const fingerprint of found) fingerprints.add(fingerprint);
    }
    return { home, fingerprints, problems };
  }
}

/** What gpg says; whether it succeeds is seen from that. Rejects when it can't be started. */
async function gpg(call: {
  readonly home: string;
  readonly args: readonly string[];
  readonly input: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}): Promise<string> {
  const { home, args, input, signal } = call;
  const child = spawn('gpg', ['--homedir', home, ...args], {
    env: { ...call.environment, LC_ALL: 'C', GNUPGHOME: home, HOME: home },
    stdio: ['pipe', 'pipe', 'ignore'],
    signal,
    killSignal: 'SIGKILL',
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    if (said.length > MOST_SAID) child.kill('SIGKILL');
    else said += chunk.toString('latin1');
  });
  // It may stop reading before we have written all.
  child.stdin.on('error', () => undefined).end(input);
  await new Promise<void>((ended, failed) => {
    child.once('error', (cause) => failed(new Error(`gpg can't be started: ${cause.message}`)));
    child.once('close', () => ended());
  });
  return said;
}

function invalid(message: string, hint: string): { readonly problem: Problem } {
  return { problem: { code: 'signature-invalid', severity: 'error', place: { field: 'spec.verify' }, message, hint } };
}
