/** The agent's own door: HTTP on a Unix socket that root alone may open. */
import { chmod, mkdir, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { dirname } from 'node:path';
import { reasonOf, StageError } from '../../stage-error.ts';
import { ask, NoAgent } from './client.ts';
import { createServer } from './http.ts';

export interface ControlHandlers {
  /** Anything that JSON can hold. */
  status(): unknown;
  wait(request: { readonly policy: string; readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<unknown>;
  stop(request: { readonly keep: boolean }): Promise<unknown>;
}

export interface Control {
  close(): Promise<void>;
}

const MAX_BODY = 64 * 1024;
const GRACE = 300;

/** Opens the door at `socket`. Throws a StageError when an agent answers there already. */
export async function openControl(socket: string, handlers: ControlHandlers): Promise<Control> {
  await mkdir(dirname(socket), { recursive: true, mode: 0o700 });
  await refuseSecond(socket);
  await rm(socket, { force: true });
  const server = createServer((request, response) => {
    answer(request, response, handlers).catch((error: unknown) => send(response, 500, { error: reasonOf(error) }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new StageError(`the agent's socket ${socket} cannot be opened`, { stage: 'control', retry: false, cause })),
    );
    // Bound within this call: there is no moment at which others may open it.
    const mask = process.umask(0o177);
    server.listen(socket, resolve);
    process.umask(mask);
  });
  await chmod(socket, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        // Answers under way get a moment; nobody holds the agent longer than that.
        setTimeout(() => server.closeAllConnections(), GRACE).unref();
      }),
  };
}

async function refuseSecond(socket: string): Promise<void> {
  try {
    await ask(socket, { method: 'GET', path: '/status' });
  } catch (error) {
    if (error instanceof NoAgent) return;
    throw error;
  }
  throw new StageError(`an agent runs already and listens on ${socket}; stop it with: parapet agent stop --keep`, {
    stage: 'control',
    retry: false,
  });
}

async function answer(request: IncomingMessage, response: ServerResponse, handlers: ControlHandlers): Promise<void> {
  const door = `${request.method ?? ''} ${request.url ?? ''}`;
  if (door === 'GET /status') {
    send(response, 200, handlers.status());
  } else if (door === 'POST /wait') {
    const asked = waitRequest(await bodyOf(request));
    if (asked === undefined) return send(response, 400, { error: 'POST /wait takes {"policy": "NAMESPACE/NAME", "timeoutMs": 30000}' });
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    send(response, 200, await handlers.wait({ ...asked, signal: gone.signal }));
  } else if (door === 'POST /stop') {
    const keep = keepOf(await bodyOf(request));
    if (keep === undefined) return send(response, 400, { error: 'POST /stop takes {"keep": true} or {"keep": false}' });
    send(response, 200, await handlers.stop({ keep }));
  } else {
    send(response, 404, { error: 'the doors are GET /status, POST /wait and POST /stop' });
  }
}

function waitRequest(body: unknown): { policy: string; timeoutMs: number } | undefined {
  if (typeof body !== 'object' || body === null || !('policy' in body) || !('timeoutMs' in body)) return undefined;
  const { policy, timeoutMs } = body;
  if (typeof policy !== 'string' || typeof timeoutMs !== 'number' || !(timeoutMs >= 0 && timeoutMs <= 2 ** 31 - 1)) return undefined;
  return { policy, timeoutMs };
}

function keepOf(body: unknown): boolean | undefined {
  if (typeof body !== 'object' || body === null || !('keep' in body)) return undefined;
  return typeof body.keep === 'boolean' ? body.keep : undefined;
}

/** The request's JSON; undefined when it is none. */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_BODY) return undefined;
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify(body));
}
