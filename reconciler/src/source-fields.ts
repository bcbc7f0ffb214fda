/** Fields of a PolicySource by what kind of value they hold. Each is undefined where it is absent or (noted) wrong. */
import { isLabel, isSubdomain, parseDuration, reading } from '@parapet/policy';
import { readFolder } from './repository-folder.ts';
import type { LocalRef } from './source-spec.ts';
import { isLoopback, isRefName, readSourceUrl } from './source-url.ts';

const { at, checkFields, isAbsent, readNeededString, readObject, readString, refuse, refuseMissing, show } = reading;
type Cursor = reading.Cursor;

const LEAST = 500;
const MAX_URL = 2048;
const NAME_HINT = 'lower-case letters, digits and -, first and last a letter or digit';

/** Milliseconds, from half a second to a day. */
export function readDuration(cursor: Cursor): number | undefined {
  const text = readString(cursor);
  if (text === undefined) return undefined;
  const milliseconds = parseDuration(text);
  if (milliseconds !== undefined && milliseconds >= LEAST) return milliseconds;
  const message = `${show(text)} is not a duration from 500ms to 24h`;
  refuse(cursor, { code: 'invalid-value', message, hint: 'write one such as 30s, 5m or 1h30m' });
  return undefined;
}

/** `true` or `false`. */
export function readSwitch(cursor: Cursor, otherwise: boolean): boolean {
  return isAbsent(cursor) ? otherwise : reading.readFlag(cursor);
}

/** A whole number in a range. */
export function readWhole(cursor: Cursor, range: { readonly least: number; readonly most: number }): number | undefined {
  if (isAbsent(cursor)) return undefined;
  const { value } = cursor;
  if (typeof value === 'number' && Number.isInteger(value) && value >= range.least && value <= range.most) return value;
  const code = typeof value === 'number' ? 'invalid-value' : 'wrong-type';
  refuse(cursor, { code, message: `must be a whole number from ${range.least} to ${range.most}, not ${show(value)}` });
  return undefined;
}

/** The name of a Kubernetes object; of a namespace where told. */
export function readName(cursor: Cursor, kind: 'object' | 'namespace' = 'object'): string | undefined {
  const name = readString(cursor);
  if (name === undefined) return undefined;
  if (kind === 'object' ? isSubdomain(name) : isLabel(name)) return name;
  refuse(cursor, {
    code: 'invalid-name',
    message: `${show(name)} is not the name of ${kind === 'object' ? 'an object' : 'a namespace'}`,
    hint: NAME_HINT,
  });
  return undefined;
}

/** `{ name }` of a Secret. */
export function readSecretRef(cursor: Cursor): LocalRef | undefined {
  const object = readObject(cursor);
  if (object === undefined) return undefined;
  checkFields(object, { known: ['name'], hints: { namespace: "Secrets are in the source's own namespace", key: 'keys have fixed names' } });
  const field = at(object, 'name');
  if (isAbsent(field)) refuseMissing(field);
  const name = readName(field);
  return name === undefined ? undefined : { name };
}

export function readNeededSecretRef(cursor: Cursor, hint?: string): LocalRef | undefined {
  if (isAbsent(cursor)) refuseMissing(cursor, hint === undefined ? {} : { hint });
  return readSecretRef(cursor);
}

/** A folder of a repository. */
export function readPath(cursor: Cursor): string | undefined {
  const text = readString(cursor);
  if (text === undefined) return undefined;
  const folder = text.length > 1024 || text === '' ? undefined : readFolder(text);
  if (folder === undefined) {
    refuse(cursor, {
      code: 'invalid-path',
      message: `${show(text)} is not a folder of the repository`,
      hint: 'use a relative path without ..',
    });
  }
  return folder;
}

/** A name of a reference, that Git would take. */
export function readRefName(cursor: Cursor): string | undefined {
  const text = readNeededString(cursor);
  if (text === undefined || isRefName(text)) return text;
  refuse(cursor, { code: 'invalid-value', message: `${show(text)} can't be the name of a reference` });
  return undefined;
}

/** URL of a repository, in the one form that we write it in. What is refused is not shown: there may be a secret in it. */
export function readGitUrl(cursor: Cursor): string | undefined {
  const text = readString(cursor);
  if (text === undefined) return undefined;
  if (text.length > MAX_URL) {
    refuse(cursor, { code: 'invalid-value', message: `has ${text.length} characters, and a URL has at most ${MAX_URL}` });
    return undefined;
  }
  if (hasCredentials(text)) {
    refuse(cursor, {
      code: 'invalid-value',
      message: 'must not have credentials in it',
      hint: 'put them into a Secret and name that in secretRef',
    });
    return undefined;
  }
  const { source, problems } = readSourceUrl(text);
  for (const { message, hint } of problems) refuse(cursor, { code: 'invalid-value', message, ...(hint === undefined ? {} : { hint }) });
  return source?.url;
}

/** A link of the web: where nothing is sent to, or (`secret`) where a token is, which must then be encrypted on its way. */
export function readWebUrl(cursor: Cursor, use: 'link' | 'secret'): string | undefined {
  const text = readString(cursor);
  if (text === undefined) return undefined;
  const fault = faultOfWebUrl(text, use);
  if (fault !== undefined) refuse(cursor, { code: 'invalid-value', message: fault });
  return fault === undefined ? text : undefined;
}

function faultOfWebUrl(text: string, use: 'link' | 'secret'): string | undefined {
  if (text.length > MAX_URL) return `has ${text.length} characters, and a URL has at most ${MAX_URL}`;
  if (!URL.canParse(text) || !/^https?:\/\//.test(text)) return 'must be an https or http URL';
  if (hasCredentials(text)) return 'must not have credentials in it';
  const { protocol, hostname } = new URL(text);
  return use === 'secret' && protocol === 'http:' && !isLoopback(hostname) ? 'must be https: a token is sent there' : undefined;
}

/** A password anywhere, or a bare user in a web URL, which is how access tokens are written. */
function hasCredentials(text: string): boolean {
  if (/^[^/@:]+:[^/@]+@[^/]*:/.test(text)) return true;
  if (!URL.canParse(text)) return /^[\w+.-]+:\/\/[^/]*:[^/]*@/.test(text);
  const { protocol, username, password } = new URL(text);
  return password !== '' || (username !== '' && /^https?:$/.test(protocol));
}
