/** A reverse proxy on loopback that tells of each request twice: when it has come, and when its answer has. */
import { createServer, Agent as HttpAgent, request as askHttp } from 'node:http';
import type { IncomingMessage, RequestOptions, ServerResponse } from 'node:http';
import { Agent as HttpsAgent, createServer as createTlsServer, request as askHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface Seen {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly body: string;
  /** `before`: whoever is asked has not heard of it; `after`: it is done, and who asked has not heard of that. */
  readonly phase: 'before' | 'after';
}

/** Whether it goes on: a request that is dropped is never made, an answer that is dropped never arrives. */
export type Tap = (seen: Seen) => 'pass' | 'drop';

export interface TappedProxy {
  readonly url: string;
  close(): Promise<void>;
}

export interface Target {
  readonly url: string;
  /** What to trust it by, where that is not of everyday. */
  readonly ca?: string;
  /** The proxy's own, where whoever asks wants TLS. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** Headers that are about a connection, not about what is asked. */
const OF_ONE_HOP: ReadonlySet<string> = new Set(['host', 'connection', 'transfer-encoding']);

export async function startTappedProxy(target: Target, tap: Tap): Promise<TappedProxy> {
  const isTls = target.url.startsWith('https:');
  const agent = isTls ? new HttpsAgent({ keepAlive: true, maxSockets: 64 }) : new HttpAgent({ keepAlive: true, maxSockets: 64 });
  const ask = (options: RequestOptions, onAnswer: (answer: IncomingMessage) => void): ReturnType<typeof askHttp> =>
    isTls
      ? askHttps(target.url, { ...options, ...(target.ca === undefined ? {} : { ca: target.ca }) }, onAnswer)
      : askHttp(target.url, options, onAnswer);

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url: path = '/' } = request;
    const bytes = await buffer(request);
    const seen = { method, path, body: bytes.toString('latin1') };
    if (tap({ ...seen, phase: 'before' }) === 'drop') return void request.socket.destroy();
    const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !OF_ONE_HOP.has(name)));
    const out = ask({ method, path, agent, headers: { ...headers, 'content-length': bytes.length } }, (answer) => {
      answer.on('error', () => response.destroy());
      if (tap({ ...seen, phase: 'after' }) === 'drop') {
        answer.resume();
        return void request.socket.destroy();
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      // A watch says nothing for a while, and is there all the same.
      response.flushHeaders();
      answer.pipe(response);
      response.once('close', () => answer.destroy());
    });
    out.once('error', () => response.destroy());
    // What was asked for is done, also when nobody waits for it any more; what was only to be read need not be.
    if (method === 'GET') response.once('close', () => out.destroy());
    out.end(bytes);
  }

  const hear = (request: IncomingMessage, response: ServerResponse): void => void serve(request, response).catch(() => response.destroy());
  const server = target.tls === undefined ? createServer(hear) : createTlsServer(target.tls, hear);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `${target.tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
        agent.destroy();
      }),
  };
}
