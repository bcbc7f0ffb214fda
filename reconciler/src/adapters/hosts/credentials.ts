/** What a Secret holds to get us into a host. Nothing of it is ever in a message. */
import { createPrivateKey } from 'node:crypto';

/** A Secret's data, decoded. */
export type SecretData = Readonly<Record<string, string>>;

export type Credentials =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** A GitHub App, as installed in one organisation. */
  | { readonly kind: 'app'; readonly appId: number; readonly installationId: number; readonly privateKey: string };

/** The credentials, or why there are none: one sentence without anything of the Secret. */
export type Unlocked = { readonly credentials: Credentials } | { readonly barred: string };

/** Reads `token`, or `username` and `password`, or `appID`, `installationID` and `privateKey`; the first that is there. */
export async function unlock(host: string, secret: () => Promise<SecretData>): Promise<Unlocked> {
  let data: SecretData;
  try {
    data = await secret();
  } catch {
    return { barred: `${host}'s token can't be read` };
  }
  const value = (name: string): string => (Object.hasOwn(data, name) ? String(data[name]).trim() : '');
  const { token, username, password, appID } = {
    token: value('token'),
    username: value('username'),
    password: value('password'),
    appID: value('appID'),
  };
  if (token !== '') return isHeader(token) ? { credentials: { kind: 'token', token } } : { barred: `${host}'s token is not one` };
  if (username !== '' && password !== '') return { credentials: { kind: 'basic', username, password } };
  if (appID !== '') return app({ appID, installationID: value('installationID'), privateKey: value('privateKey') });
  return { barred: `${host}'s Secret has no token, no username with password, and no appID` };
}

function app(data: { readonly appID: string; readonly installationID: string; readonly privateKey: string }): Unlocked {
  const [appId, installationId] = [Number(data.appID), Number(data.installationID)];
  if (!isId(appId)) return { barred: "the GitHub App's appID is not a number" };
  if (!isId(installationId)) return { barred: "the GitHub App's installationID is not a number" };
  try {
    createPrivateKey(data.privateKey);
  } catch {
    return { barred: "the GitHub App's privateKey is not a private key in PEM form" };
  }
  return { credentials: { kind: 'app', appId, installationId, privateKey: data.privateKey } };
}

function isId(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}

/** Whether a header can hold it: else the error about that header would quote it. */
function isHeader(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

/** `Basic …` */
export function basic({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

/** Every text of the credentials that a host might quote. */
export function secretsOf(credentials: Credentials): readonly string[] {
  if (credentials.kind === 'token') return [credentials.token];
  if (credentials.kind === 'basic') return [credentials.password, basic(credentials).slice('Basic '.length)];
  return [credentials.privateKey];
}
