/** The part of `crypto` that gives the same answer everywhere: hashes. cdk8s builds object names from them, so they must be exact. */
import { Buffer } from 'buffer';
import { hmac } from '@noble/hashes/hmac.js';
import { md5, sha1 } from '@noble/hashes/legacy.js';
import { sha224, sha256, sha384, sha512 } from '@noble/hashes/sha2.js';

const ALGORITHMS = { md5, sha1, sha224, sha256, sha384, sha512 } as const;

interface Running {
  update(data: Uint8Array): unknown;
  digest(): Uint8Array;
}

function algorithm(name: unknown): (typeof ALGORITHMS)[keyof typeof ALGORITHMS] {
  const key = String(name).toLowerCase().replace('-', '');
  if (!Object.hasOwn(ALGORITHMS, key)) {
    throw new Error(`the digest ${String(name)} is not there in a policy program: use one of ${Object.keys(ALGORITHMS).join(', ')}`);
  }
  return ALGORITHMS[key as keyof typeof ALGORITHMS];
}

const bytes = (data: unknown, encoding?: string): Uint8Array => {
  if (typeof data === 'string') return new Uint8Array(Buffer.from(data, (encoding ?? 'utf8') as 'utf8'));
  if (data instanceof Uint8Array) return new Uint8Array(data);
  throw new TypeError('The "data" argument must be of type string or an instance of Buffer, TypedArray, or DataView.');
};

function hashObject(running: Running): object {
  let finished = false;
  const self = {
    update(data: unknown, encoding?: string) {
      if (finished) throw new Error('Digest already called');
      running.update(bytes(data, encoding));
      return self;
    },
    digest(encoding?: string) {
      if (finished) throw new Error('Digest already called');
      finished = true;
      const result = Buffer.from(running.digest());
      if (encoding === 'base64url') return result.toString('base64').replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
      return encoding === undefined || encoding === 'buffer' ? result : result.toString(encoding as 'hex');
    },
  };
  return self;
}

export const digests = {
  createHash: (name: unknown) => hashObject(algorithm(name).create()),
  createHmac: (name: unknown, key: unknown) => hashObject(hmac.create(algorithm(name), bytes(key))),
  hash: (name: unknown, data: unknown, encoding = 'hex') => Buffer.from(algorithm(name)(bytes(data))).toString(encoding as 'hex'),
  getHashes: () => Object.keys(ALGORITHMS),
};
