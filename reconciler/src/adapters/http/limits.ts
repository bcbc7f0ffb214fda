/** What bounds strangers: how often they may ask, how often they are written about, and what they said before. */
import { isIPv4, isIPv6 } from 'node:net';

export interface Rate {
  /** Requests in a row, after a pause. */
  readonly burst: number;
  /** Requests a second in the long run. */
  readonly perSecond: number;
}

/** A bucket of tokens for each client. Clients beyond the bound share the bucket of those that were forgotten: a full one. */
export class RateLimit {
  readonly #rate: Rate;
  readonly #most: number;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(rate: Rate, most = 10_000) {
    this.#rate = rate;
    this.#most = most;
  }

  /** Takes a token: 0, or the milliseconds until there is one. */
  take(client: string, now: number): number {
    const { burst, perSecond } = this.#rate;
    const bucket = this.#buckets.get(client) ?? { tokens: burst, at: now };
    // A clock that is set back gives nothing.
    const tokens = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * perSecond);
    const taken = tokens >= 1;
    this.#buckets.delete(client);
    this.#buckets.set(client, { tokens: taken ? tokens - 1 : tokens, at: now });
    const oldest = this.#buckets.keys().next().value;
    if (this.#buckets.size > this.#most && oldest !== undefined) this.#buckets.delete(oldest);
    return taken ? 0 : Math.ceil(((1 - tokens) / perSecond) * 1000);
  }

  /** Gives a token back to who turned out to be known. */
  giveBack(client: string): void {
    const bucket = this.#buckets.get(client);
    if (bucket !== undefined) bucket.tokens = Math.min(this.#rate.burst, bucket.tokens + 1);
  }
}

/** The last so many values. */
export class Recent {
  readonly #most: number;
  readonly #values = new Set<string>();

  constructor(most: number) {
    this.#most = most;
  }

  has(value: string): boolean {
    return this.#values.has(value);
  }

  add(value: string): void {
    this.#values.add(value);
    const oldest = this.#values.values().next().value;
    if (this.#values.size > this.#most && oldest !== undefined) this.#values.delete(oldest);
  }
}

/** Lets one of a kind through in each `window` milliseconds, and counts the others. */
export class Muffler {
  readonly #window: number;
  readonly #kinds = new Map<string, { since: number; held: number }>();

  constructor(window: number) {
    this.#window = window;
  }

  /** How many of this kind were held back before this one; undefined when this one is, too. */
  pass(kind: string, now: number): number | undefined {
    const known = this.#kinds.get(kind);
    if (known !== undefined && Math.abs(now - known.since) < this.#window) {
      known.held += 1;
      return undefined;
    }
    this.#kinds.set(kind, { since: now, held: 0 });
    return known?.held ?? 0;
  }
}

/**
 * Who is on the other side. With `proxies` of our own in front, each of which appends the address that it saw to X-Forwarded-For, it is the entry
 * that the first of them wrote: what is further left was written by the client. IPv6 clients own a whole /64.
 */
export function clientOf(socketAddress: string | undefined, forwarded: string | undefined, proxies: number): string {
  const seen = (forwarded ?? '').split(',').filter((entry) => entry.trim() !== '');
  const address = (proxies > 0 ? seen.at(-proxies) : undefined) ?? socketAddress ?? '';
  const plain = address
    .trim()
    // some proxies write the port as well: 192.0.2.1:4711, [2001:db8::1]:4711
    .replace(/^\[(.*)\](:\d+)?$|^([\d.]+):\d+$/, '$1$3')
    .replace(/^::ffff:(?=\d+\.)/i, '');
  if (isIPv4(plain)) return plain;
  return isIPv6(plain) ? network(plain) : 'unknown';
}

/** The first four groups. */
function network(address: string): string {
  const [left = '', right] = (address.split('%')[0] ?? '').toLowerCase().split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const zeros = right === undefined ? 0 : Math.max(0, 8 - head.length - tail.length);
  const groups = [...head, ...Array.from({ length: zeros }, () => '0'), ...tail].slice(0, 4);
  return `${groups.map((group) => group.replace(/^0+(?=.)/, '')).join(':')}::/64`;
}
