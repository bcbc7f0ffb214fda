/** URLs of Git repositories: which are taken, and how credentials leave them before anybody can print them. */
import { createHash } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Problem } from '@parapet/policy';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface SourceUrl {
  /** Without credentials: for Git's command line, for annotations, for people. */
  readonly url: string;
  readonly protocol: 'file' | 'http' | 'https' | 'ssh';
  readonly credentials?: Credentials;
}

const PROTOCOLS = ['file', 'http', 'https', 'ssh'] as const;

/**
 * Takes `file:`, `http(s):` and `ssh:` URLs, `user@host:path` and absolute paths. Anything else is refused: Git knows transports
 * that run commands. Credentials in clear text over a network are refused too.
 */
export function readSourceUrl(text: string): { readonly source?: SourceUrl; readonly problems: readonly Problem[] } {
  if (isAbsolute(text)) return { source: { url: pathToFileURL(text).href, protocol: 'file' }, problems: [] };
  const scp = /^(?:([\w.-]+)@)?(\w[\w.-]*):(?!\/\/)(?!:)(.+)$/.exec(text);
  if (scp !== null) {
    const [, user, host, path] = scp;
    return readSourceUrl(`ssh://${user === undefined ? '' : `${user}@`}${host}/${(path ?? '').replace(/^\//, '')}`);
  }
  if (!URL.canParse(text)) return refused('it is not a URL');
  const parsed = new URL(text);
  const protocol = PROTOCOLS.find((known) => `${known}:` === parsed.protocol);
  if (protocol === undefined) return refused(`${JSON.stringify(parsed.protocol)} is not a protocol that is taken`);
  const credentials = protocol === 'http' || protocol === 'https' ? credentialsOf(parsed) : undefined;
  const fault = hostFault(parsed, protocol, credentials);
  if (fault !== undefined) return refused(fault);
  parsed.password = '';
  if (protocol !== 'ssh') parsed.username = '';
  parsed.hash = '';
  return { source: { url: parsed.href, protocol, ...(credentials === undefined ? {} : { credentials }) }, problems: [] };
}

/** A user without a password is no secret with ssh; in a web URL it is usually a token. */
function credentialsOf({ username, password }: URL): Credentials | undefined {
  return username === '' && password === '' ? undefined : { username: decode(username), password: decode(password) };
}

function hostFault(parsed: URL, protocol: SourceUrl['protocol'], credentials: Credentials | undefined): string | undefined {
  if (protocol === 'file') return parsed.hostname === '' ? undefined : 'a file is not on another host';
  if (!/^[\w.[\]:-]+$/.test(parsed.hostname)) return 'its host is not a host name';
  // Git can't use one, and tokens hide there.
  if (protocol !== 'ssh' && parsed.search !== '') return 'it has a query (?…)';
  // Programs that Git starts would take these for options.
  if (parsed.hostname.startsWith('-') || decode(parsed.username).startsWith('-')) return 'its host or user starts with a dash';
  if (protocol === 'http' && credentials !== undefined && !isLoopback(parsed.hostname))
    return 'it would send credentials in clear text: use https';
  return undefined;
}

/** Whether a host name is this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** Git's rules for names of references (`git check-ref-format`), and full commit hashes. */
export function isRefName(ref: string): boolean {
  if (ref === '' || ref.length > 250 || ref.startsWith('-') || ref === '@' || ref.endsWith('.')) return false;
  if (/[\p{Cc} ~^:?*[\\]|\.\.|@\{|\/\//u.test(ref)) return false;
  return ref.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'));
}

/** A full SHA-1 or SHA-256 commit hash. */
export function isCommitHash(text: string): boolean {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

/** A directory's name for what a PolicySource needs on disk: no two of them share one. */
export function sourceDirectory(source: { readonly namespace: string; readonly name: string }): string {
  const name = `${source.namespace}.${source.name}`;
  // A namespace has no dot; what is not a name of Kubernetes, or longer than a file's may be, is kept apart by its hash.
  if (/^[a-z0-9][a-z0-9-]*$/.test(source.namespace) && /^[a-z0-9.-]*[a-z0-9]$/.test(source.name) && name.length <= 200) return name;
  return createHash('sha256')
    .update(JSON.stringify([source.namespace, source.name]))
    .digest('hex');
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function refused(why: string): { readonly problems: readonly Problem[] } {
  return {
    problems: [
      {
        code: 'config-invalid',
        severity: 'error',
        place: { field: 'source' },
        message: `the repository's URL can't be used: ${why}`,
        hint: 'use https://, ssh://, file:// or user@host:path',
      },
    ],
  };
}
