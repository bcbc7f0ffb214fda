/** What each Git host takes of statuses, and statuses as they look there. */
import { clip } from './describe.ts';
import type { StatusState } from './outcome.ts';

export interface HostLimits {
  /** Most UTF-16 units of a status's description. */
  readonly description: number;
  /** Most characters of a link; a longer one is dropped, since half a link leads nowhere. */
  readonly url: number;
  /** Most statuses for one commit and context, after which the host takes none; `Infinity` where it says of none. */
  readonly writes: number;
  /** Most writes in a minute and in an hour, over everything one account writes. */
  readonly pace: { readonly minute: number; readonly hour: number };
  /** Whether the host refuses a status in the state that it shows already, so that a description can change with the state only. */
  readonly sameStateRefused: boolean;
}

export const HOST_LIMITS = {
  GitHub: { description: 140, url: 2048, writes: 1000, pace: { minute: 80, hour: 500 }, sameStateRefused: false },
} as const satisfies Readonly<Record<string, HostLimits>>;

/** The part of a status that limits are about. */
interface Shown {
  readonly state: StatusState;
  readonly description: string;
  readonly targetUrl?: string;
}

/** The status as the host can show it. */
export function fitted<T extends Shown>(status: T, limits: HostLimits): T {
  const { targetUrl, ...rest } = status;
  const link = targetUrl === undefined || targetUrl.length > limits.url ? {} : { targetUrl };
  return { ...rest, description: clip(status.description, limits.description), ...link } as T;
}

/** Whether what a host shows is what a status says: its link counts only where we gave one, its description only where it can change. */
export function isShown(shown: Shown, status: Shown, limits: HostLimits): boolean {
  const wanted = fitted(status, limits);
  if (shown.state !== wanted.state) return false;
  if (limits.sameStateRefused && shown.state === 'pending') return true;
  return shown.description === wanted.description && (wanted.targetUrl === undefined || shown.targetUrl === wanted.targetUrl);
}
