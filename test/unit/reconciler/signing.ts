/** Who signs in tests: OpenPGP and SSH keys made for the occasion, and repositories that sign with them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Repository } from './repositories.ts';

export interface PgpKey {
  /** Of the primary key. */
  readonly fingerprint: string;
  /** Armoured public key, as it is now. */
  export(): string;
  revoke(): void;
  /** Lets the key have a subkey that signs in its place. */
  addSigningKey(): void;
  /** What `gpg.program` of a repository must be. */
  readonly program: string;
}

/** A gpg of its own, with an agent that must be ended. */
export class Gpg {
  readonly home = mkdtempSync(join(tmpdir(), 'pg-'));
  #count = 0;

  /** `at` (`20200101T000000`) is when it is made and signs; it is valid for `days` from there, or for ever. */
  key({ at, days }: { readonly at?: string; readonly days?: number } = {}): PgpKey {
    this.#count += 1;
    const name = `Signer ${this.#count} <signer${this.#count}@parapet.test>`;
    const time = at === undefined ? [] : ['--faked-system-time', at];
    const last = days === undefined ? 'never' : `${days}d`;
    this.#gpg([...time, '--pinentry-mode', 'loopback', '--passphrase', '', '--quick-generate-key', name, 'ed25519', 'sign', last]);
    const listed = this.#gpg(['--with-colons', '--list-keys', name]);
    const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? '';
    const program = join(this.home, `gpg-${this.#count}`);
    writeFileSync(program, `#!/bin/sh\nexec gpg --homedir '${this.home}' ${time.join(' ')} "$@"\n`, { mode: 0o755 });
    return {
      fingerprint,
      program,
      export: () => this.#gpg(['--armor', '--export', fingerprint]),
      revoke: () => {
        const certificate = readFileSync(join(this.home, 'openpgp-revocs.d', `${fingerprint}.rev`), 'utf8');
        this.#gpg(['--import'], certificate.replace(/^:-----BEGIN/m, '-----BEGIN'));
      },
      addSigningKey: () =>
        this.#gpg(['--pinentry-mode', 'loopback', '--passphrase', '', '--quick-add-key', fingerprint, 'ed25519', 'sign']),
    };
  }

  close(): void {
    execFileSync('gpgconf', ['--homedir', this.home, '--kill', 'all']);
    rmSync(this.home, { recursive: true, force: true });
  }

  #gpg(args: readonly string[], input = ''): string {
    return execFileSync('gpg', ['--homedir', this.home, '--batch', '--yes', ...args], {
      input,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
    });
  }
}

/** A key pair below `directory`: the path of the private one, whose public half has `.pub` behind it. */
export function sshKey(directory: string, { name = 'id', passphrase = '', type = 'ed25519' } = {}): string {
  const file = join(directory, name);
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-C', 'somebody', '-f', file]);
  return file;
}

export function signWithPgp(repository: Repository, key: PgpKey): void {
  for (const [name, value] of Object.entries({
    'gpg.format': 'openpgp',
    'gpg.program': key.program,
    'user.signingkey': key.fingerprint,
    'commit.gpgsign': 'true',
  }))
    repository.git(['config', name, value]);
}

export function signWithSsh(repository: Repository, file: string): void {
  for (const [name, value] of Object.entries({ 'gpg.format': 'ssh', 'user.signingkey': file, 'commit.gpgsign': 'true' }))
    repository.git(['config', name, value]);
}
