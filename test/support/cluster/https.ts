/** One request over HTTPS that trusts one certificate. */
import { request } from 'node:https';
import { text } from 'node:stream/consumers';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Asks with a bearer token; rejects when nobody answers within two seconds. */
export function ask(url: string, { ca, token }: { readonly ca: string; readonly token: string }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { ca, headers: { authorization: `Bearer ${token}` }, timeout: 2000 }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    });
    asking.once('timeout', () => asking.destroy(new Error('no answer')));
    asking.once('error', reject);
    asking.end();
  });
}
