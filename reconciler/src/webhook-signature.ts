/** Whether a delivery is from who knows the webhook's secret. Every comparison takes the same time wherever two texts differ. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { HostKind } from './source-spec.ts';
import { headerOf } from './webhook.ts';
import type { WebhookHeaders, WebhookRequest } from './webhook-delivery.ts';

/** Milliseconds that GitLab's signed deliveries may be old, or ahead of this clock: as the Standard Webhooks specification has it. */
const TOLERANCE_MS = 300_000;

/** Of Gitea, Forgejo and Gogs: bare hexadecimal digits. */
const BARE_SIGNATURES = ['x-gitea-signature', 'x-forgejo-signature', 'x-gogs-signature'];

export interface SignedRequest extends WebhookRequest {
  /** As `readDelivery` says: which signature is looked for. */
  readonly host: HostKind;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Whether `secret` made the request's signature. With GitLab the secret is either the hook's secret token, which comes along as it is, or its signing
 * token (`whsec_…`), which signs; a delivery without the one that is asked for is not genuine. An empty secret makes nothing genuine.
 */
export function isGenuine(request: SignedRequest, secret: string): boolean {
  if (secret === '') return false;
  const { headers, body } = request;
  switch (request.host) {
    case 'GitHub':
      return isSame(headerOf(headers, 'x-hub-signature-256'), `sha256=${hexSignature(secret, body)}`);
    case 'Gitea': {
      const bare = BARE_SIGNATURES.find((name) => headers[name] !== undefined);
      const signature = hexSignature(secret, body);
      if (bare !== undefined) return isSame(headerOf(headers, bare), signature);
      return isSame(headerOf(headers, 'x-hub-signature-256'), `sha256=${signature}`);
    }
    case 'Bitbucket':
      return isSame(headerOf(headers, 'x-hub-signature'), `sha256=${hexSignature(secret, body)}`);
    case 'GitLab': {
      const key = signingKey(secret);
      return key === undefined ? isSame(headerOf(headers, 'x-gitlab-token'), secret) : isSigned(request, key);
    }
  }
}

function hexSignature(secret: string, body: Buffer): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

/** The key in a `whsec_…` token; undefined when it is a token of another kind. */
function signingKey(secret: string): Buffer | undefined {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  if (encoded === undefined) return undefined;
  const key = Buffer.from(encoded, 'base64');
  // Two texts for one key would be two secrets for one hook.
  return key.toString('base64') === encoded ? key : undefined;
}

/** GitLab signs as https://www.standardwebhooks.com says: `v1,` and base64, several with blanks between them while keys change. */
function isSigned({ headers, body, now }: SignedRequest, key: Buffer): boolean {
  const id = headerOf(headers, 'webhook-id');
  const timestamp = headerOf(headers, 'webhook-timestamp');
  if (id === undefined || timestamp === undefined || !/^\d{1,12}$/.test(timestamp)) return false;
  if (Math.abs(now - Number(timestamp) * 1000) > TOLERANCE_MS) return false;
  const expected = `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
  return signaturesOf(headers).some((signature) => isSame(signature, expected));
}

function signaturesOf(headers: WebhookHeaders): readonly string[] {
  return (headerOf(headers, 'webhook-signature') ?? '').split(' ').slice(0, 8);
}

/** Texts, not what they encode: so that there is one signature only for a delivery. Hashed, so that lengths need not be equal. */
function isSame(given: string | undefined, expected: string): boolean {
  const hashed = (text: string): Buffer => createHash('sha256').update(text).digest();
  return given !== undefined && timingSafeEqual(hashed(given), hashed(expected));
}
