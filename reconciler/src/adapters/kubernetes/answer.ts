/** What the API server says: an object, or a Status that tells what it does not like. */
import type { Dispatcher } from 'undici';
import { plain } from '../../describe.ts';
import { StageError } from '../../stage-error.ts';
import type { Stage } from '../../stage-error.ts';

export interface Cause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

/** The server refused. The message is its own, in one line. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: number;
  /** `NotFound`, `Conflict`, `Invalid`, `Forbidden`, …; empty where the answer was no Status. */
  readonly reason: string;
  readonly causes: readonly Cause[];

  constructor(message: string, said: { readonly code: number; readonly reason: string; readonly causes: readonly Cause[] }) {
    super(message);
    this.code = said.code;
    this.reason = said.reason;
    this.causes = said.causes;
  }
}

/** What one object can be refused for; everything else is about the server, or about us. */
const ABOUT_THE_OBJECT = [400, 403, 404, 405, 409, 410, 413, 415, 422];

/** The parsed body of a good answer. Rejects with an ApiError, or with a StageError where trying again may help. */
export async function readAnswer(response: Dispatcher.ResponseData, about: string): Promise<unknown> {
  let text;
  try {
    text = await response.body.text();
  } catch (cause) {
    throw new StageError('target', 'the API server broke off its answer', { cause });
  }
  const value = parsed(text);
  const { statusCode } = response;
  if (statusCode < 300 && value !== undefined) return value;
  if (statusCode === 401) throw new StageError('target', 'the API server does not accept these credentials', { retry: true });
  const said = statusOf(value, statusCode);
  const message = plain(said.message === '' ? `the API server answered ${statusCode} to ${about}` : said.message).slice(0, 1000);
  if (ABOUT_THE_OBJECT.includes(statusCode)) throw new ApiError(message, { code: statusCode, ...said });
  throw new StageError('target', message, { retry: true });
}

/** The error of a `Status` object, as watches send it in the middle of their events. */
export function apiErrorOf(value: unknown): ApiError {
  const said = statusOf(value, 500);
  return new ApiError(plain(said.message), { code: codeOf(value), ...said });
}

/** For `catch`: what is not there is `undefined`, every other error goes on. */
export function noneIfMissing(error: unknown): undefined {
  if (error instanceof ApiError && error.code === 404) return undefined;
  throw error;
}

/** What rejects a request whose refusal is no object's problem but the world's: a StageError that says what failed. */
export function failureOf(stage: Stage, what: string, error: unknown): unknown {
  return error instanceof ApiError ? new StageError(stage, `${what}: ${error.message}`, { cause: error }) : error;
}

function codeOf(value: unknown): number {
  const code = isRecord(value) ? value['code'] : undefined;
  return typeof code === 'number' ? code : 500;
}

function statusOf(value: unknown, code: number): { readonly message: string; readonly reason: string; readonly causes: readonly Cause[] } {
  if (!isRecord(value) || value['kind'] !== 'Status') return { message: '', reason: code === 404 ? 'NotFound' : '', causes: [] };
  const details = isRecord(value['details']) ? value['details'] : {};
  const causes = Array.isArray(details['causes']) ? (details['causes'] as readonly unknown[]) : [];
  return { message: textOf(value['message']), reason: textOf(value['reason']), causes: causes.filter(isRecord).map(causeOf) };
}

function causeOf({ reason, message, field }: Record<string, unknown>): Cause {
  return { reason: textOf(reason), message: plain(textOf(message)), field: plain(textOf(field)) };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
