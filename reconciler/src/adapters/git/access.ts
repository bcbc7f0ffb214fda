/** Lets Git in: turns credentials into what one command needs. Secrets that must be files exist only while that command runs. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { GitCredentials } from '../../git-secret.ts';
import { AppToken } from './app-token.ts';
import type { GitExtras } from './command.ts';

/** Read for every command, so that a Secret may be replaced while we run. May throw: then Git can't be let in now. */
export type CredentialsReader = () => GitCredentials | undefined | Promise<GitCredentials | undefined>;

/** Folders with secrets; what a crash leaves of them is removed at the next start. */
export const KEYS = 'keys-';

/** Of two values for one option ssh takes the first. */
const PATIENT = { ConnectTimeout: '10', ServerAliveInterval: '10' };

export class GitAccess {
  readonly #url: string;
  readonly #directory: string;
  readonly #read: CredentialsReader;
  readonly #appToken = new AppToken();

  /** `directory` is ours alone. */
  constructor(options: { readonly url: string; readonly directory: string; readonly credentials: CredentialsReader }) {
    this.#url = options.url;
    this.#directory = options.directory;
    this.#read = options.credentials;
  }

  /** Runs one command with what it needs to be let in. */
  async use<T>(signal: AbortSignal, command: (extras: GitExtras) => Promise<T>): Promise<T> {
    const credentials = (await this.#read()) ?? { kind: 'none' };
    const files = this.#filesOf(credentials);
    if (files === undefined) return command(await this.#extrasOf(credentials, '', signal));
    const directory = await fs.mkdtemp(join(this.#directory, KEYS));
    try {
      for (const [name, text] of Object.entries(files))
        await fs.writeFile(join(directory, name), text, { mode: name === 'ask' ? 0o700 : 0o600, flag: 'wx' });
      return await command(await this.#extrasOf(credentials, directory, signal));
    } finally {
      await fs.rm(directory, { recursive: true, force: true });
    }
  }

  #filesOf(credentials: GitCredentials): Record<string, string> | undefined {
    if (credentials.kind !== 'ssh') return credentials.ca === undefined ? undefined : { 'ca.crt': credentials.ca };
    const { identity, knownHosts, passphrase } = credentials;
    return {
      identity,
      known_hosts: knownHosts,
      // ssh asks a program, and gives it no standard input to read from.
      ...(passphrase === undefined ? {} : { passphrase, ask: `#!/bin/sh\nexec cat "$\{0%/*}/passphrase"\n` }),
    };
  }

  async #extrasOf(credentials: GitCredentials, directory: string, signal: AbortSignal): Promise<GitExtras> {
    if (credentials.kind === 'ssh') return sshExtras(directory, credentials.passphrase);
    if (!/^https?:/.test(this.#url)) return plainSsh();
    const { origin } = new URL(this.#url);
    const header = await this.#authorization(credentials, signal);
    const config = {
      ...(header === undefined ? {} : { [`http.${origin}/.extraHeader`]: `Authorization: ${header}` }),
      ...(credentials.ca === undefined ? {} : { [`http.${origin}/.sslCAInfo`]: join(directory, 'ca.crt') }),
    };
    return { config, secrets: header === undefined ? [] : secretsOf(credentials, header) };
  }

  async #authorization(credentials: GitCredentials, signal: AbortSignal): Promise<string | undefined> {
    switch (credentials.kind) {
      case 'basic':
        return basic(credentials.username, credentials.password);
      case 'bearer':
        return `Bearer ${credentials.token}`;
      case 'github-app':
        return basic('x-access-token', await this.#appToken.get({ app: credentials.app, ca: credentials.ca, signal }));
      case 'none':
      case 'ssh':
        return undefined;
    }
  }
}

/** The user's agent, or nothing. */
function plainSsh(): GitExtras {
  return { environment: { GIT_SSH_COMMAND: ['ssh', ...options({ ...PATIENT, BatchMode: 'yes' })].join(' ') } };
}

function sshExtras(directory: string, passphrase: string | undefined): GitExtras {
  const command = [
    ...['ssh', '-F', '/dev/null'],
    ...options({
      ...PATIENT,
      IdentitiesOnly: 'yes',
      IdentityAgent: 'none',
      // In a file name that ssh reads from an option, % begins something and a space ends it.
      UserKnownHostsFile: `"${join(directory, 'known_hosts').replaceAll('%', '%%')}"`,
      GlobalKnownHostsFile: '/dev/null',
      StrictHostKeyChecking: 'yes',
      UpdateHostKeys: 'no',
      PreferredAuthentications: 'publickey',
      ...(passphrase === undefined ? { BatchMode: 'yes' } : { NumberOfPasswordPrompts: '1' }),
    }),
    '-i',
    join(directory, 'identity').replaceAll('%', '%%'),
  ];
  const asked = { SSH_ASKPASS: join(directory, 'ask'), SSH_ASKPASS_REQUIRE: 'force' };
  return {
    environment: {
      GIT_SSH_COMMAND: command.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' '),
      SSH_AUTH_SOCK: '',
      ...(passphrase === undefined ? {} : asked),
    },
    secrets: passphrase === undefined ? [] : [passphrase],
  };
}

function options(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** In every form in which a server could give them back. */
function secretsOf(credentials: GitCredentials, header: string): string[] {
  const values = credentials.kind === 'basic' ? [credentials.password, credentials.username] : [];
  const sent = header.slice(header.indexOf(' ') + 1);
  const decoded = header.startsWith('Basic ')
    ? Buffer.from(sent, 'base64')
        .toString()
        .replace(/^[^:]*:/, '')
    : sent;
  return [sent, decoded, ...values].flatMap((value) => [value, encodeURIComponent(value)]);
}
