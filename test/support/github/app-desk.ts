/** How a GitHub App gets in: with a signed token of its own it fetches tokens for its installation. */
import { createVerify } from 'node:crypto';
import type { Answer } from '../hosts/stand-in.ts';

interface App {
  readonly id: number;
  readonly installation: number;
  readonly publicKey: string;
}

/** GitHub takes an App's own tokens for ten minutes at most. */
const LONGEST_SECONDS = 600;

export class AppDesk {
  readonly #app: App | undefined;
  issued = 0;

  constructor(app: App | undefined) {
    this.#app = app;
  }

  /** A token that this desk has given out. */
  isInstallation(token: string): boolean {
    const number = Number(/^ghs_installation(\d+)$/.exec(token)?.[1]);
    return number >= 1 && number <= this.issued;
  }

  /** A JSON Web Token that the App has signed, for now. */
  isApp(token: string): boolean {
    const [header, payload, signature] = token.split('.');
    if (this.#app === undefined || header === undefined || payload === undefined || signature === undefined) return false;
    const good = createVerify('RSA-SHA256').update(`${header}.${payload}`).verify(this.#app.publicKey, signature, 'base64url');
    const { iss, iat, exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as {
      iss: string | number;
      iat: number;
      exp: number;
    };
    const now = Date.now() / 1000;
    return good && Number(iss) === this.#app.id && iat <= now && exp > now && exp - now <= LONGEST_SECONDS;
  }

  issue(installation: number): Answer | undefined {
    if (installation !== this.#app?.installation) return undefined;
    this.issued += 1;
    const expires_at = new Date(Date.now() + 3_600_000).toISOString();
    return { status: 201, body: { token: `ghs_installation${this.issued}`, expires_at, permissions: {} } };
  }
}
