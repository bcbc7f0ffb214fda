/** What a cluster asks of a process: is it alive, is it ready and why not, and its metrics. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../../ports.ts';
import { openServer, send } from './server.ts';
import type { Address, Door } from './server.ts';

/** Something that has to be so for the process to be ready. */
export interface Check {
  readonly name: string;
  readonly ready: boolean;
  /** Why not; without secrets. */
  readonly message?: string;
}

export interface OperationsOptions {
  readonly address: Address;
  /** Asked for every probe. */
  readonly checks: () => readonly Check[];
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  readonly log: Log;
  /** Milliseconds for which the event loop may stand still; 5,000 unless told. */
  readonly stillness?: number;
}

/** Opens the pages `/healthz`, `/readyz` and `/metrics`. Rejects with a StageError (`listen`) when the address can't be listened on. */
export async function openOperations(options: OperationsOptions): Promise<Door> {
  const pulse = new Pulse(options.stillness ?? 5_000);
  const door = await openServer({
    address: options.address,
    connections: 64,
    handle: (request, response) => answer(request, response, { options, pulse }),
    onBug: (error) => {
      const message = `bug: ${error instanceof Error ? error.message : String(error)}`;
      options.log({ level: 'error', stage: 'operations', message });
    },
  });
  pulse.start();
  return {
    port: door.port,
    close: (grace) => {
      pulse.stop();
      return door.close(grace);
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { options, pulse }: { readonly options: OperationsOptions; readonly pulse: Pulse },
): Promise<void> {
  const page = (request.url ?? '').split('?')[0] ?? '';
  if (page !== '/healthz' && page !== '/readyz' && page !== '/metrics') {
    send(response, { status: 404, body: { error: 'the pages are /healthz, /readyz and /metrics' } });
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    send(response, { status: 405, body: { error: 'pages are read with GET' }, headers: { allow: 'GET, HEAD' } });
  } else if (page === '/metrics') {
    const { contentType, text } = await options.metrics();
    response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' });
    response.end(text);
  } else if (page === '/readyz') {
    const checks = options.checks();
    const ready = checks.every((check) => check.ready);
    send(response, { status: ready ? 200 : 503, body: { ready, checks } });
  } else {
    const stood = pulse.stood();
    send(response, stood === undefined ? { status: 200, body: { alive: true } } : { status: 503, body: { alive: false, message: stood } });
  }
}

const BEAT_MS = 100;

/**
 * Feels whether the event loop turns. While it stands nobody is answered, which a probe takes for death by itself; a loop that stands again and
 * again in between is found here. Whoever asks is told of the last few seconds only, so that one bad moment doesn't end a process.
 */
class Pulse {
  readonly #limit: number;
  #timer: NodeJS.Timeout | undefined;
  #last = performance.now();
  #worst = { length: 0, at: 0 };

  constructor(limit: number) {
    this.#limit = limit;
  }

  start(): void {
    this.#last = performance.now();
    this.#timer = setInterval(() => this.#beat(), BEAT_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** What is wrong; undefined when nothing is. */
  stood(): string | undefined {
    this.#beat();
    const { length, at } = this.#worst;
    if (length < this.#limit || performance.now() - at > this.#limit) return undefined;
    return `the event loop stood still for ${(length / 1000).toFixed(1)} s`;
  }

  #beat(): void {
    const now = performance.now();
    const length = now - this.#last;
    if (length >= this.#worst.length || now - this.#worst.at > this.#limit) this.#worst = { length, at: now };
    this.#last = now;
  }
}
