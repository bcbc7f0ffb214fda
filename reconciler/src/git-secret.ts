/** What a Secret for a Git repository says: how to be let in. Whatever is wrong is told by the name of the key, never by its content. */
import { createPrivateKey } from 'node:crypto';
import type { Problem } from '@parapet/policy';
import { isLoopback } from './source-url.ts';
import type { SourceUrl } from './source-url.ts';

/** A Secret's data, decoded. */
export type SecretData = Readonly<Record<string, string>>;

export interface GitHubApp {
  readonly appId: string;
  readonly installationId: string;
  /** PEM. */
  readonly privateKey: string;
  /** Base of the API, without a slash at its end. */
  readonly apiUrl: string;
}

/** `ca`: PEM certificates that the server's is judged by, instead of those of the system. */
export type GitCredentials =
  | { readonly kind: 'none'; readonly ca?: string }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string; readonly ca?: string }
  | { readonly kind: 'bearer'; readonly token: string; readonly ca?: string }
  | { readonly kind: 'github-app'; readonly app: GitHubApp; readonly ca?: string }
  | {
      readonly kind: 'ssh';
      /** A private key as OpenSSH reads it. */
      readonly identity: string;
      readonly passphrase?: string;
      readonly knownHosts: string;
    };

type Read = { readonly credentials?: GitCredentials; readonly problems: readonly Problem[] };

const GITHUB_API = 'https://api.github.com';
const APP_KEYS = ['githubAppID', 'githubAppInstallationID', 'githubAppPrivateKey'] as const;

/** Reads a Secret's data for a repository of this kind. There are credentials exactly when there is no problem. */
export function readGitSecret(data: SecretData, source: Pick<SourceUrl, 'protocol' | 'url'>): Read {
  const { protocol } = source;
  if (protocol === 'file') return { problems: [wrong('a repository on this machine needs no credentials', 'remove spec.secretRef')] };
  const read = protocol === 'ssh' ? readSsh(data) : readWeb(data);
  const { credentials } = read;
  if (protocol === 'http' && credentials !== undefined && credentials.kind !== 'none' && !isLoopback(new URL(source.url).hostname))
    return { problems: [wrong('its credentials would be sent in clear text', 'use an https URL')] };
  return read;
}

function readSsh(data: SecretData): Read {
  const identity = text(data, 'identity')?.replaceAll('\r\n', '\n');
  const knownHosts = text(data, 'known_hosts');
  const problems: Problem[] = [];
  if (identity === undefined) problems.push(wrong('it has no identity', 'store the private key under the key identity'));
  else if (!/^-----BEGIN [A-Z ]*PRIVATE KEY-----\n[^]*\n-----END [A-Z ]*PRIVATE KEY-----\s*$/.test(identity))
    problems.push(wrong('its identity is not a private key', 'store the whole file that ssh-keygen made, without .pub'));
  if (knownHosts === undefined)
    problems.push(
      wrong('it has no known_hosts', 'store the output of ssh-keyscan HOST, once you have checked it, under the key known_hosts'),
    );
  if (identity === undefined || knownHosts === undefined || problems.length > 0) return { problems };
  const passphrase = text(data, 'password');
  const credentials: GitCredentials = {
    kind: 'ssh',
    // OpenSSH takes neither without the last line's end.
    identity: `${identity.trimEnd()}\n`,
    knownHosts: `${knownHosts.trimEnd()}\n`,
    ...(passphrase === undefined ? {} : { passphrase }),
  };
  return { credentials, problems: [] };
}

function readWeb(data: SecretData): Read {
  const problems: Problem[] = [];
  const authority = text(data, 'ca.crt') ?? text(data, 'caFile');
  if (authority !== undefined && !authority.includes('-----BEGIN CERTIFICATE-----'))
    problems.push(wrong(`its ${text(data, 'ca.crt') === undefined ? 'caFile' : 'ca.crt'} holds no certificate`, 'store it as PEM'));
  const ca = authority === undefined ? {} : { ca: `${authority.trimEnd()}\n` };
  const ways = [readBasic(data, problems), readBearer(data, problems), readApp(data, problems)].filter((way) => way !== undefined);
  const [way] = ways;
  if (ways.length > 1)
    problems.push(
      wrong('it has more than one kind of credentials', 'keep username and password, or bearerToken, or those of a GitHub App'),
    );
  if (way === undefined && authority === undefined && problems.length === 0)
    problems.push(
      wrong('it has no credentials for a web address', 'store username and password, or bearerToken, or those of a GitHub App'),
    );
  return problems.length > 0 ? { problems } : { credentials: { ...(way ?? { kind: 'none' }), ...ca }, problems };
}

function readBasic(data: SecretData, problems: Problem[]): GitCredentials | undefined {
  const [username, password] = [text(data, 'username'), text(data, 'password')];
  if (username === undefined && password === undefined) return undefined;
  if (username === undefined) problems.push(wrong('it has a password and no username', 'store both; with a token any username will do'));
  if (password === undefined) problems.push(wrong('it has a username and no password', 'store both'));
  for (const [key, value] of Object.entries({ username, password })) {
    if (value !== undefined && /\p{Cc}/u.test(value)) problems.push(wrong(`its ${key} has a line break or control character in it`));
  }
  // What is before the first colon would be taken for the name.
  if (username?.includes(':') === true) problems.push(wrong('its username has a colon in it'));
  return { kind: 'basic', username: username ?? '', password: password ?? '' };
}

function readBearer(data: SecretData, problems: Problem[]): GitCredentials | undefined {
  const token = text(data, 'bearerToken');
  if (token === undefined) return undefined;
  if (!/^[\x21-\x7e]+$/.test(token)) problems.push(wrong('its bearerToken has a character that no token has'));
  return { kind: 'bearer', token };
}

function readApp(data: SecretData, problems: Problem[]): GitCredentials | undefined {
  if (![...APP_KEYS, 'githubAppBaseURL'].some((key) => text(data, key) !== undefined)) return undefined;
  for (const key of APP_KEYS) if (text(data, key) === undefined) problems.push(wrong(`it is for a GitHub App and has no ${key}`));
  const app = {
    appId: text(data, 'githubAppID') ?? '',
    installationId: text(data, 'githubAppInstallationID') ?? '',
    privateKey: text(data, 'githubAppPrivateKey') ?? '',
    apiUrl: (text(data, 'githubAppBaseURL') ?? GITHUB_API).replace(/\/+$/, ''),
  };
  if (!/^[\w.-]{0,100}$/.test(app.appId)) problems.push(wrong("its githubAppID is no App's number or client ID"));
  if (!/^\d{0,15}$/.test(app.installationId)) problems.push(wrong('its githubAppInstallationID is not a number'));
  if (app.privateKey !== '' && !isRsaKey(app.privateKey))
    problems.push(wrong('its githubAppPrivateKey is not an RSA private key', 'store the PEM file that GitHub gave, whole'));
  if (!isSafeUrl(app.apiUrl))
    problems.push(wrong('its githubAppBaseURL is not an https URL without credentials', 'write https://HOST/api/v3'));
  return { kind: 'github-app', app };
}

function isRsaKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === 'rsa';
  } catch {
    return false;
  }
}

/** The App's token is sent there: encrypted, or not over a network. */
function isSafeUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname, username, password, search } = new URL(value);
  return username === '' && password === '' && search === '' && (protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname)));
}

/** A value without the line's end that editors and `echo` leave; an empty one says nothing. */
function text(data: SecretData, key: string): string | undefined {
  const value = Object.hasOwn(data, key) ? data[key]?.replace(/\r?\n$/, '') : undefined;
  return value === undefined || value.trim() === '' ? undefined : value;
}

function wrong(message: string, hint?: string): Problem {
  const problem = { code: 'config-invalid', severity: 'error', place: { field: 'spec.secretRef' } } as const;
  return { ...problem, message: `the Secret for Git can't be used: ${message}`, ...(hint === undefined ? {} : { hint }) };
}
