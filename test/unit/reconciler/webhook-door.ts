/** A door for webhooks on loopback with everything that it is told and tells, and clients that do as hosts and strangers do. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { openWebhooks } from '../../../reconciler/src/adapters/http/webhooks.ts';
import type { WebhookLimits } from '../../../reconciler/src/adapters/http/webhooks.ts';
import type { Door } from '../../../reconciler/src/adapters/http/server.ts';
import { createMetrics } from '../../../reconciler/src/adapters/metrics.ts';
import type { LogEvent } from '../../../reconciler/src/ports.ts';
import type { WebhookDelivery } from '../../../reconciler/src/webhook-delivery.ts';
import type { HookSource } from '../../../reconciler/src/webhook-match.ts';
import type { Sent } from './webhook-payloads.ts';

export const source = (name: string, spec: Partial<HookSource['spec']> = {}): HookSource => ({
  namespace: 'parapet-system',
  name,
  spec: {
    url: 'https://github.com/shop/policies.git',
    ref: { kind: 'branch', value: 'main' },
    webhookSecret: { name: 'webhook' },
    ...spec,
  },
});

export interface OpenDoor {
  readonly door: Door;
  readonly url: string;
  readonly told: { delivery: WebhookDelivery; names: string[] }[];
  readonly lines: LogEvent[];
  /** What may be changed while it is open; a secret that is an Error can't be read. */
  readonly world: { sources: HookSource[]; secrets: Record<string, string | Error | undefined>; now: number; failure?: Error };
  /** Deliveries of a result, as the metrics count them. */
  readonly counted: (result: string) => Promise<number>;
}

export async function openDoor(limits: Partial<WebhookLimits> = {}): Promise<OpenDoor> {
  const world: OpenDoor['world'] = { sources: [source('shop')], secrets: { shop: 's3cret' }, now: 1_700_000_000_000 };
  const told: OpenDoor['told'] = [];
  const lines: LogEvent[] = [];
  const { metrics, expose } = createMetrics({ process: false });
  const door = await openWebhooks({
    address: { host: '127.0.0.1', port: 0 },
    sources: () => world.sources,
    secret: ({ name }) => {
      const secret = world.secrets[name];
      return secret instanceof Error ? Promise.reject(secret) : Promise.resolve(secret);
    },
    onDelivery: (delivery, sources) => {
      if (world.failure !== undefined) throw world.failure;
      told.push({ delivery, names: sources.map(({ name }) => name) });
    },
    log: (event) => void lines.push(event),
    metrics,
    clock: { now: () => world.now },
    limits,
  });
  const counted = async (result: string): Promise<number> => {
    const { text } = await expose();
    const counts = text.split('\n').filter((line) => line.startsWith('parapet_webhooks_total{') && line.includes(`result="${result}"`));
    return counts.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  };
  return { door, url: `http://127.0.0.1:${door.port}/hook`, told, lines, world, counted };
}

export interface Got {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Headers;
}

/** Sends as a host does. */
export async function deliver(url: string, { headers, body }: { headers: Record<string, string>; body: Buffer | string }): Promise<Got> {
  const response = await fetch(url, { method: 'POST', headers, body });
  return { status: response.status, body: (await response.json()) as Record<string, unknown>, headers: response.headers };
}

/** The same delivery under another name. */
export const named = ({ headers, body }: Sent, id: string): Sent => ({ headers: { ...headers, 'x-github-delivery': id }, body });

export interface Raw {
  readonly socket: Socket;
  /** All that came back, once the other side has ended the connection. */
  readonly ended: Promise<string>;
}

/** A connection on which anything may be written. */
export function raw(port: number, text = ''): Raw {
  const socket = connect(port, '127.0.0.1');
  let got = '';
  socket.setEncoding('latin1').on('data', (part) => (got += String(part)));
  socket.on('error', () => undefined);
  socket.write(text);
  return { socket, ended: new Promise((resolve) => socket.once('close', () => resolve(got))) };
}
