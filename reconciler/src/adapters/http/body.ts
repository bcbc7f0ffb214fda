/** Reads the bodies of requests, with a bound for each and one for all together. */
import type { IncomingMessage } from 'node:http';

export interface BodyLimits {
  /** Bytes of one body. */
  readonly one: number;
  /** Bytes of all bodies that are being read. */
  readonly together: number;
}

/** `gone`: the client broke off. What is beyond a bound is let pass by unread, so that the client gets its answer. */
export type Body = Buffer | 'too large' | 'busy' | 'gone';

export class Bodies {
  readonly #limits: BodyLimits;
  #held = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  read(request: IncomingMessage): Promise<Body> {
    const declared = Number(request.headers['content-length'] ?? 0);
    if (declared > this.#limits.one) return dropped(request, 'too large');
    return new Promise((resolve) => {
      let parts: Buffer[] = [];
      let size = 0;
      const end = (body: Body): void => {
        this.#held -= size;
        size = 0;
        parts = [];
        request.removeAllListeners('data');
        request.resume();
        resolve(body);
      };
      request.on('data', (part: Buffer) => {
        size += part.length;
        this.#held += part.length;
        parts.push(part);
        if (size > this.#limits.one) end('too large');
        else if (this.#held > this.#limits.together) end('busy');
      });
      request.once('end', () => end(Buffer.concat(parts)));
      request.once('error', () => end('gone'));
      request.once('close', () => end('gone'));
    });
  }
}

function dropped(request: IncomingMessage, why: Body): Promise<Body> {
  request.resume();
  return Promise.resolve(why);
}
