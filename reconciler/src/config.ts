/** The reconciler's configuration: flags before environment before file, and every mistake at once. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseDuration } from '@parapet/policy';
import type { Problem } from '@parapet/policy';
import { readConfigFile } from './config-file.ts';
import type { FileSettings } from './config-file.ts';
import { readFolder } from './repository-folder.ts';
import { isLoopback, isRefName, readSourceUrl } from './source-url.ts';
import type { Credentials, SourceUrl } from './source-url.ts';

/** A secret itself, or the file that holds it (read again whenever it is needed). */
export type Secret = { readonly value: string } | { readonly file: string };

export interface ReconcilerConfig {
  readonly source: SourceUrl;
  /** Branch, tag, full reference name or full commit hash; `undefined` is the default branch. */
  readonly ref?: string;
  /** Folder in the repository; `.` is all of it. */
  readonly path: string;
  /** Absolute. */
  readonly target: string;
  /** Path of the package store, absolute. */
  readonly packages?: string;
  /** Milliseconds between two questions to the repository; `undefined` is one run only. */
  readonly interval?: number;
  readonly allowEmpty: boolean;
  /** For repositories whose URL has no credentials. */
  readonly git: { readonly username: string; readonly token?: Secret; readonly environment: Readonly<Record<string, string>> };
  readonly github?: { readonly owner: string; readonly repository: string; readonly apiUrl: string; readonly token: Secret };
  readonly statusTargetUrl?: string;
  readonly cluster?: string;
  /** Milliseconds without a node's report until that is an error. */
  readonly noReportAfter: number;
  /** Milliseconds between two violation statuses that differ in numbers only. */
  readonly violationsEvery: number;
}

/** What the terminal gives; all of it as written there. */
export interface ReconcilerFlags {
  readonly source?: string;
  readonly ref?: string;
  readonly path?: string;
  readonly target?: string;
  readonly packages?: string;
  readonly interval?: string;
  readonly once?: boolean;
  readonly allowEmpty?: boolean;
  /** A YAML file with the same settings. */
  readonly config?: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** What Git may see of the environment. */
const GIT_ENVIRONMENT = [
  'PATH',
  'SSH_AUTH_SOCK',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'GIT_SSL_CAINFO',
  'TMPDIR',
];

/** Reads flags, environment and file. There is a configuration exactly when there is no problem. */
export function configFromEnvironment(
  env: Environment,
  flags: ReconcilerFlags,
): { config?: ReconcilerConfig; problems: readonly Problem[] } {
  const read = flags.config === undefined ? { settings: {}, problems: [] } : readConfigFile(flags.config, loadText(flags.config));
  const settings = overlay(overlay(read.settings, fromEnvironment(env)), fromFlags(flags));
  const problems: Problem[] = [...read.problems];
  const what = readWhat(settings, problems);
  const times = readTimes(settings, flags.once === true, problems);
  const github = readGitHub(settings, problems);
  checkStatusTexts(settings, problems);
  if (what === undefined || problems.length > 0) return { problems };
  const token = secretOf(settings.gitToken, settings.gitTokenFile);
  const config: ReconcilerConfig = {
    ...what,
    ...times,
    allowEmpty: settings.allowEmpty === true,
    git: { username: settings.gitUsername ?? 'parapet', environment: gitEnvironment(env), ...(token === undefined ? {} : { token }) },
    ...(github === undefined ? {} : { github }),
    ...(settings.statusTargetUrl === undefined ? {} : { statusTargetUrl: settings.statusTargetUrl }),
    ...(settings.cluster === undefined ? {} : { cluster: settings.cluster }),
    ...(settings.packages === undefined ? {} : { packages: resolve(settings.packages) }),
  };
  return { config, problems };
}

/** What to follow and where to put it. */
function readWhat(settings: FileSettings, problems: Problem[]): Pick<ReconcilerConfig, 'source' | 'ref' | 'path' | 'target'> | undefined {
  const source = settings.source === undefined ? undefined : readSourceUrl(settings.source);
  problems.push(...(source?.problems ?? [wrong('source', 'there is no repository to follow', 'give --source URL')]));
  if (settings.target === undefined) problems.push(wrong('target', 'there is no target to write to', 'give --target DIR'));
  const { ref } = settings;
  if (ref !== undefined && !isRefName(ref)) problems.push(wrong('ref', `${JSON.stringify(ref)} can't be the name of a reference`));
  const path = readFolder(settings.path ?? '.');
  if (path === undefined)
    problems.push(wrong('path', `${JSON.stringify(settings.path)} is not a folder of the repository`, 'use a relative path without ..'));
  if (source?.source === undefined || settings.target === undefined || path === undefined) return undefined;
  return { source: source.source, path, target: resolve(settings.target), ...(ref === undefined ? {} : { ref }) };
}

/** The secret as it is now. Throws when its file can't be read or is empty; the error names the file and nothing of its content. */
export function readSecret(secret: Secret): string {
  if ('value' in secret) return secret.value;
  let text;
  try {
    text = readFileSync(secret.file, 'utf8').trim();
  } catch (cause) {
    throw new Error(`the secret in ${secret.file} can't be read`, { cause });
  }
  if (text === '' || /\s/.test(text)) throw new Error(`${secret.file} holds no secret`);
  return text;
}

/** The credentials for Git: those of the URL, else the configured token. */
export function gitCredentials(config: ReconcilerConfig): Credentials | undefined {
  if (config.source.protocol !== 'https' && config.source.protocol !== 'http') return undefined;
  if (config.source.credentials !== undefined) return config.source.credentials;
  return config.git.token === undefined ? undefined : { username: config.git.username, password: readSecret(config.git.token) };
}

function fromEnvironment(env: Environment): FileSettings {
  return {
    githubRepository: env['PARAPET_GITHUB_REPOSITORY'],
    githubToken: env['PARAPET_GITHUB_TOKEN'],
    githubTokenFile: env['PARAPET_GITHUB_TOKEN_FILE'],
    githubApiUrl: env['PARAPET_GITHUB_API_URL'],
    statusTargetUrl: env['PARAPET_STATUS_TARGET_URL'],
    cluster: env['PARAPET_CLUSTER'],
    packages: env['PARAPET_PACKAGES'],
    gitUsername: env['PARAPET_GIT_USERNAME'],
    gitToken: env['PARAPET_GIT_TOKEN'],
    gitTokenFile: env['PARAPET_GIT_TOKEN_FILE'],
  };
}

function fromFlags({ source, ref, path, target, packages, interval, allowEmpty }: ReconcilerFlags): FileSettings {
  return { source, ref, path, target, packages, interval, allowEmpty };
}

/** `upper` where it says something; an empty text says nothing. */
function overlay(lower: FileSettings, upper: FileSettings): FileSettings {
  const said = Object.fromEntries(Object.entries(upper).filter(([, value]) => value !== undefined && value !== ''));
  return { ...lower, ...(said as FileSettings) };
}

interface Times {
  readonly interval?: number;
  readonly noReportAfter: number;
  readonly violationsEvery: number;
}

function readTimes(settings: FileSettings, once: boolean, problems: Problem[]): Times {
  const time = (field: 'interval' | 'noReportAfter' | 'violationsEvery', usual: string): number => {
    const read = parseDuration(settings[field] ?? usual);
    if (read === undefined || read === 0)
      problems.push(wrong(field, `${JSON.stringify(settings[field])} is not a duration`, 'write 500ms, 5s or 1m'));
    return read ?? 0;
  };
  const interval = time('interval', '5s');
  const times = { noReportAfter: time('noReportAfter', '60s'), violationsEvery: time('violationsEvery', '60s') };
  return once ? times : { ...times, interval };
}

function readGitHub(settings: FileSettings, problems: Problem[]): ReconcilerConfig['github'] {
  const { githubRepository: name, githubApiUrl: apiUrl = 'https://api.github.com' } = settings;
  if (name === undefined) return undefined;
  const [, owner, repository] = /^([A-Za-z0-9][\w-]{0,99})\/(?!\.+$)([\w.-]{1,100})$/.exec(name) ?? [];
  if (owner === undefined)
    problems.push(wrong('github.repository', `${JSON.stringify(name)} is not a repository's name`, 'write owner/name'));
  const token = secretOf(settings.githubToken, settings.githubTokenFile);
  if (token === undefined) problems.push(wrong('github.tokenFile', `there is no token for ${name}`, 'set PARAPET_GITHUB_TOKEN_FILE'));
  if (!isSafeApi(apiUrl)) problems.push(wrong('github.apiUrl', 'the URL of the API must be https, without credentials in it'));
  if (owner === undefined || repository === undefined || token === undefined) return undefined;
  return { owner, repository, apiUrl: apiUrl.replace(/\/+$/, ''), token };
}

/** The token goes there: encrypted, or not over a network. */
function isSafeApi(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username } = new URL(text);
  return username === '' && (protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname)));
}

function checkStatusTexts({ cluster, statusTargetUrl }: FileSettings, problems: Problem[]): void {
  if (cluster !== undefined && !/^[\w.-]{1,63}$/.test(cluster)) {
    problems.push(
      wrong(
        'cluster',
        `${JSON.stringify(cluster)} can't be a cluster's name`,
        'use at most 63 letters, digits, dots, dashes and underscores',
      ),
    );
  }
  if (statusTargetUrl !== undefined && !(URL.canParse(statusTargetUrl) && /^https?:/.test(statusTargetUrl))) {
    problems.push(wrong('statusTargetUrl', 'the link of the statuses must be an http or https URL'));
  }
}

/** A file is preferred: it can be replaced, and it is not in the process's environment. */
function secretOf(value: string | undefined, file: string | undefined): Secret | undefined {
  if (file !== undefined) return { file: resolve(file) };
  return value === undefined ? undefined : { value };
}

/** What Git may know of an environment. */
export function gitEnvironment(env: Environment): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of GIT_ENVIRONMENT) {
    const value = env[name];
    if (value !== undefined) found[name] = value;
  }
  return found;
}

function loadText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** A mistake in the setting `field`. */
export function wrong(field: string, message: string, hint?: string): Problem {
  return { code: 'config-invalid', severity: 'error', place: { field }, message, ...(hint === undefined ? {} : { hint }) };
}
