/** An HTTP server that strangers may talk to: bounded in connections, time and headers, with answers in JSON. */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { StageError } from '../../stage-error.ts';

/** `host`: which of this machine's addresses is listened on; `port` 0 is any free one. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ServerOptions {
  readonly address: Address;
  /** Rejects for bugs only: the answer is 500 then, unless there was one already. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly onBug: (error: unknown) => void;
  /** Connections at once; more are closed as they come. 256 unless told. */
  readonly connections?: number;
  /** Is told of each that is closed for that. */
  readonly onDropped?: () => void;
  /** Milliseconds that a request may take to arrive, headers and body together; 10,000 unless told. */
  readonly patience?: number;
}

export interface Door {
  readonly port: number;
  /** Takes no more connections; resolves when every request under way is answered, or cut off after `grace` milliseconds (5,000 unless told). */
  close(grace?: number): Promise<void>;
}

/** More than any host sends. */
const HEADER_BYTES = 16 * 1024;
const REFUSALS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** Opens the door. Rejects with a StageError (`listen`) when the address can't be listened on. */
export async function openServer(options: ServerOptions): Promise<Door> {
  const { address, patience = 10_000 } = options;
  const open = new Set<ServerResponse>();
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES,
      headersTimeout: patience,
      requestTimeout: patience,
      keepAliveTimeout: patience,
      connectionsCheckingInterval: Math.min(1_000, Math.ceil(patience / 4)),
    },
    (request, response) => {
      open.add(response);
      response.once('close', () => open.delete(response));
      options.handle(request, response).catch((error: unknown) => {
        options.onBug(error);
        send(response, { status: 500, body: { error: 'this is a fault of ours' } });
      });
    },
  );
  server.maxConnections = options.connections ?? 256;
  server.maxRequestsPerSocket = 1_000;
  // Of an answer that nobody takes, or that does not come.
  server.timeout = 3 * patience;
  server.on('drop', () => options.onDropped?.());
  server.on('clientError', refuse);
  await new Promise<void>((listening, failed) => {
    server.once('error', (cause) =>
      failed(new StageError('listen', `${address.host} port ${address.port} cannot be listened on: ${cause.message}`, { cause })),
    );
    server.listen(address.port, address.host, listening);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: (grace = 5_000) =>
      new Promise((closed) => {
        const cut = setTimeout(() => server.closeAllConnections(), grace);
        // Or their connections would wait for another request.
        for (const response of open) response.shouldKeepAlive = false;
        server.close(() => {
          clearTimeout(cut);
          closed();
        });
      }),
  };
}

/** What is not HTTP, is too long or takes too long. Where an answer is under way already, there is nothing more to say. */
function refuse(error: NodeJS.ErrnoException, socket: Socket & { readonly bytesWritten: number }): void {
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) return void socket.destroy();
  const status = REFUSALS[error.code ?? ''] ?? '400 Bad Request';
  const body = JSON.stringify({ error: status.slice(4).toLowerCase() });
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

export interface Answer {
  readonly status: number;
  /** Anything that JSON can hold. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One JSON answer. Nothing happens where there was one already. */
export function send(response: ServerResponse, { status, body, headers }: Answer): void {
  if (response.headersSent || response.destroyed) return;
  const always = { 'content-type': 'application/json', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
  response.writeHead(status, { ...always, ...headers });
  response.end(`${JSON.stringify(body)}\n`);
}
