/** Serves artifacts over HTTP to Flux: GET and HEAD of exact paths, and nothing else. Whoever fetches knows the digest and checks it. */
import { constants, promises as fs } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** Neither a dot at the start of a part nor any escape: what matches leads nowhere else. */
const PATH = /^\/([a-z0-9][a-z0-9.-]{0,252})\/([a-z0-9][a-z0-9.-]{0,252})\/([0-9a-f]{64})\.tar\.gz$/;

export interface ArtifactServer {
  readonly port: number;
  /** Ends what is under way, too. */
  close(): Promise<void>;
}

export interface ArtifactServerOptions {
  /** Of the ArtifactStore. */
  readonly directory: string;
  /** All addresses unless told. */
  readonly host?: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** Resolves once it listens; rejects when it can't. */
export async function serveArtifacts({ directory, host, port }: ArtifactServerOptions): Promise<ArtifactServer> {
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 10_000, keepAliveTimeout: 5_000, maxHeaderSize: 8192 });
  server.maxConnections = 256;
  server.timeout = 60_000;
  server.on('request', (request, response) => {
    // Whoever is on the other side is gone, or the disk is: there is nobody to tell but by ending.
    answer(directory, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((listening, refused) => {
    server.once('error', refused);
    server.listen({ port, ...(host === undefined ? {} : { host }) }, listening);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

async function answer(directory: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('x-content-type-options', 'nosniff');
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, { allow: 'GET, HEAD' });
  const [, namespace, name, digest] = PATH.exec(request.url ?? '') ?? [];
  if (namespace === undefined || name === undefined || digest === undefined) return refuse(response, 404);
  const handle = await open(join(directory, namespace, name, `${digest}.tar.gz`));
  if (handle === undefined) return refuse(response, 404);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) return refuse(response, 404);
    await send(handle, { request, response, etag: `"sha256:${digest}"`, size: stat.size });
  } finally {
    await handle.close();
  }
}

async function send(
  handle: FileHandle,
  to: { readonly request: IncomingMessage; readonly response: ServerResponse; readonly etag: string; readonly size: number },
): Promise<void> {
  const { request, response, etag, size } = to;
  // The name is the digest: what is under it never changes.
  response.setHeader('etag', etag).setHeader('cache-control', 'private, max-age=31536000, immutable');
  if (request.headers['if-none-match'] === etag) return void response.writeHead(304).end();
  response.writeHead(200, { 'content-type': 'application/gzip', 'content-length': size, 'accept-ranges': 'none' });
  if (request.method === 'HEAD') return void response.end();
  // Up to the announced length, whatever becomes of the file.
  await pipeline(size === 0 ? [] : handle.createReadStream({ start: 0, end: size - 1, autoClose: false }), response);
}

async function open(file: string): Promise<FileHandle | undefined> {
  return fs.open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => undefined);
}

function refuse(response: ServerResponse, status: number, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { 'content-length': 0, ...headers }).end();
}
