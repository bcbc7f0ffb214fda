/** Takes the webhooks of all hosts at one door, and says at once what becomes of each: the work is done after the answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { clip, count, plain, shortCommit } from '../../describe.ts';
import type { Clock, Log, Metrics, WebhookResult } from '../../ports.ts';
import type { WebhookDelivery, WebhookRequest } from '../../webhook-delivery.ts';
import { candidatesOf, isConcerned } from '../../webhook-match.ts';
import type { HookSource } from '../../webhook-match.ts';
import { isGenuine } from '../../webhook-signature.ts';
import { MAX_BODY_BYTES, readDelivery } from '../../webhook.ts';
import { Bodies } from './body.ts';
import { clientOf, Muffler, RateLimit, Recent } from './limits.ts';
import type { Rate } from './limits.ts';
import { openServer, send } from './server.ts';
import type { Address, Answer, Door } from './server.ts';

export interface WebhookOptions<T extends HookSource> {
  readonly address: Address;
  /** The sources that there are now. */
  readonly sources: () => readonly T[];
  /**
   * The shared secret of a source's webhook as it is now. Asked for every delivery that claims to be of the source's repository, whoever sent it:
   * it has to be at hand. A source whose secret is missing (undefined) or can't be read (rejects) gets no deliveries.
   */
  readonly secret: (source: T) => Promise<string | undefined>;
  /** A genuine delivery and the sources that it is about, at least one. Must not wait for the work. */
  readonly onDelivery: (delivery: WebhookDelivery, sources: readonly T[]) => void;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'webhook'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly limits?: Partial<WebhookLimits>;
}

export interface WebhookLimits {
  readonly connections: number;
  /** Milliseconds that a request may take to arrive. */
  readonly patience: number;
  /** Of each client, for deliveries that turn out not to be genuine. */
  readonly rate: Rate;
  /** Proxies of our own in front that append to X-Forwarded-For. */
  readonly proxies: number;
  readonly bodyBytes: number;
  /** Of all bodies that are being read. */
  readonly allBodyBytes: number;
}

const LIMITS: WebhookLimits = {
  connections: 256,
  patience: 10_000,
  rate: { burst: 60, perSecond: 10 },
  proxies: 0,
  bodyBytes: MAX_BODY_BYTES,
  allBodyBytes: 16 * MAX_BODY_BYTES,
};
/** Deliveries that are known to have come. */
const REMEMBERED = 10_000;
/** Milliseconds in which one line is written about each kind of refusal. */
const QUIET_MS = 10_000;

interface Judgement extends Answer {
  readonly result: WebhookResult;
  /** What became of it, for the log alone. */
  readonly line: string;
  /** Absent where nobody knows what it says. */
  readonly delivery?: WebhookDelivery;
}

/** Opens the door for `POST /hook`. Rejects with a StageError (`listen`) when the address can't be listened on. */
export async function openWebhooks<T extends HookSource>(options: WebhookOptions<T>): Promise<Door> {
  const hooks = new Webhooks(options);
  return openServer({
    address: options.address,
    connections: hooks.limits.connections,
    patience: hooks.limits.patience,
    handle: (request, response) => hooks.handle(request, response),
    onBug: (error) => hooks.tellBug(error),
    onDropped: () => hooks.tellDropped(),
  });
}

class Webhooks<T extends HookSource> {
  readonly limits: WebhookLimits;
  readonly #options: WebhookOptions<T>;
  readonly #rate: RateLimit;
  readonly #bodies: Bodies;
  readonly #seen = new Recent(REMEMBERED);
  readonly #muffler = new Muffler(QUIET_MS);

  constructor(options: WebhookOptions<T>) {
    this.#options = options;
    this.limits = { ...LIMITS, ...options.limits };
    this.#rate = new RateLimit(this.limits.rate);
    this.#bodies = new Bodies({ one: this.limits.bodyBytes, together: this.limits.allBodyBytes });
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if ((request.url ?? '').split('?')[0] !== '/hook')
      return send(response, { status: 404, body: { error: 'the door for webhooks is POST /hook' } });
    if (request.method !== 'POST')
      return send(response, { status: 405, body: { error: 'webhooks are sent with POST' }, headers: { allow: 'POST' } });
    const forwarded = request.headers['x-forwarded-for'];
    const client = clientOf(request.socket.remoteAddress, Array.isArray(forwarded) ? forwarded.join() : forwarded, this.limits.proxies);
    const answer = await this.#answer(request, client);
    if (answer === 'gone') return;
    this.#tell(answer, client);
    send(response, answer);
  }

  async #answer(request: IncomingMessage, client: string): Promise<Judgement | 'gone'> {
    const wait = this.#rate.take(client, this.#options.clock.now());
    if (wait > 0) return limited(429, 'too many requests: come again later', wait);
    if (!isPlainJson(request)) {
      const error = "bodies are taken as they are and in JSON: set the webhook's content type to application/json";
      return { status: 415, body: { error }, result: 'malformed', line: 'its body is of another type than JSON' };
    }
    const body = await this.#bodies.read(request);
    if (body === 'gone') return 'gone';
    if (body === 'busy') return limited(503, 'too much at once: come again later', 1_000);
    if (body === 'too large') return limited(413, `a body may have ${this.limits.bodyBytes} bytes`);
    const judgement = await this.#judge({ headers: request.headers, body });
    if (judgement.status === 202) this.#rate.giveBack(client);
    return judgement;
  }

  async #judge(request: WebhookRequest): Promise<Judgement> {
    const read = readDelivery(request);
    if ('fault' in read) return { status: 400, body: { error: read.fault }, result: 'malformed', line: read.fault };
    const { delivery } = read;
    const genuine = await this.#genuine(delivery, request);
    if (typeof genuine === 'string') {
      // The same words for all reasons: who has no secret learns nothing about what is followed here.
      return { status: 401, body: { error: 'repository, secret or signature is wrong' }, result: 'unverified', line: genuine, delivery };
    }
    const name = delivery.id === undefined ? undefined : `${delivery.host} ${delivery.id}`;
    if (name !== undefined && this.#seen.has(name)) {
      return { status: 202, body: { sources: 0, repeated: true }, result: 'repeated', line: 'has come before', delivery };
    }
    const sources = genuine.filter((source) => isConcerned(source, delivery));
    if (sources.length > 0) this.#options.onDelivery(delivery, sources);
    if (name !== undefined) this.#seen.add(name);
    const result = sources.length > 0 ? 'accepted' : 'unconcerned';
    return {
      status: 202,
      body: { sources: sources.length },
      result,
      line: `is for ${count(sources.length, 'source', 'sources')}`,
      delivery,
    };
  }

  /** The sources whose secret made the signature; when there is none, why. */
  async #genuine(delivery: WebhookDelivery, request: WebhookRequest): Promise<readonly T[] | string> {
    const candidates = candidatesOf(delivery, this.#options.sources());
    const signed = { ...request, host: delivery.host, now: this.#options.clock.now() };
    const judged = new Map<string, boolean>();
    // An unknown repository takes its time as well.
    if (candidates.length === 0) isGenuine(signed, 'nobody has this secret');
    const genuine: T[] = [];
    for (const source of candidates) {
      const secret = await this.#secretOf(source);
      if (secret === undefined) continue;
      const is = judged.get(secret) ?? isGenuine(signed, secret);
      judged.set(secret, is);
      if (is) genuine.push(source);
    }
    if (genuine.length > 0) return genuine;
    if (candidates.length === 0) return 'no source with a webhook secret is of this repository';
    return judged.size === 0 ? "no source's webhook secret can be read" : "its signature fits no source's webhook secret";
  }

  async #secretOf(source: T): Promise<string | undefined> {
    try {
      return await this.#options.secret(source);
    } catch (error) {
      const message = `the webhook's secret can't be read: ${error instanceof Error ? error.message : 'no reason is known'}`;
      const held = this.#muffler.pass(`secret ${source.namespace}/${source.name}`, this.#options.clock.now());
      if (held !== undefined)
        this.#options.log({ level: 'error', stage: 'webhook', source: `${source.namespace}/${source.name}`, message });
      return undefined;
    }
  }

  #tell({ status, result, line, delivery }: Judgement, client: string): void {
    const { log, metrics, clock } = this.#options;
    metrics.webhook({ host: delivery?.host ?? 'none', event: delivery?.event ?? 'none', result });
    const what = delivery === undefined ? 'a delivery' : describe(delivery);
    if (status === 202) {
      const commit = delivery?.changes[0]?.commit ?? delivery?.pullRequest?.head;
      return log({ level: 'info', stage: 'webhook', ...(commit === undefined ? {} : { commit }), message: `${what} ${line}` });
    }
    const held = this.#muffler.pass(line, clock.now());
    if (held === undefined) return;
    const more = held === 0 ? '' : ` (and ${held} more since the last line like this)`;
    log({ level: 'warn', stage: 'webhook', message: `${what} from ${client} is refused: ${line}${more}` });
  }

  tellBug(error: unknown): void {
    this.#options.metrics.webhook({ host: 'none', event: 'none', result: 'failed' });
    const message = `bug: ${error instanceof Error ? error.message : String(error)}`;
    this.#options.log({ level: 'error', stage: 'webhook', message: plain(message) });
  }

  tellDropped(): void {
    this.#tell(limited(503, 'too many connections'), 'somebody');
  }
}

function limited(status: number, error: string, wait?: number): Judgement {
  const headers = wait === undefined ? {} : { headers: { 'retry-after': String(Math.ceil(wait / 1000)) } };
  return { status, body: { error }, ...headers, result: 'limited', line: error };
}

function isPlainJson({ headers }: IncomingMessage): boolean {
  const type = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  return type === 'application/json' && (headers['content-encoding'] ?? 'identity').toLowerCase() === 'identity';
}

/** `push of GitHub to refs/heads/main of shop/policies`; what is in it may be anybody's words. */
function describe({ host, event, repository, changes, pullRequest }: WebhookDelivery): string {
  const refs = changes
    .slice(0, 3)
    .map(({ ref, commit, deleted }) => `${ref}${deleted ? ' (deleted)' : commit === undefined ? '' : `@${shortCommit(commit)}`}`);
  const more = changes.length > 3 ? ` and ${changes.length - 3} more` : '';
  const where = pullRequest === undefined ? refs.join(', ') + more : `#${pullRequest.number} (${pullRequest.action})`;
  const of = repository.fullName ?? repository.urls[0] ?? 'an unnamed repository';
  return clip(plain(`${host} ${event} ${where === '' ? '' : `${where} `}of ${of}`), 300);
}
