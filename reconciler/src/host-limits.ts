/** What each Git host takes of statuses and comments, and texts cut to that. */

export interface HostLimits {
  /** Most UTF-16 units of a status's description. */
  readonly description: number;
  /** Most characters of a status's context. */
  readonly context: number;
  /** Most characters of a link; a longer one is dropped, since half a link leads nowhere. */
  readonly url: number;
  /** Most UTF-16 units of a comment. */
  readonly comment: number;
  /** Most statuses for one commit and context, after which the host takes none; `Infinity` where it says of none. */
  readonly writes: number;
  /** Most writes in a minute and in an hour, over everything one account writes. */
  readonly pace: { readonly minute: number; readonly hour: number };
  /** Whether the host refuses a status in the state that it shows already, so that a description can change with the state only. */
  readonly sameStateRefused: boolean;
}

/**
 * GitHub: its documentation, but for the link, which is ours. GitLab: validations of its server; the pace is ours, far below what gitlab.com
 * lets through. Gitea: it stores texts without a bound, so all of it is ours: a line of 255 characters is what its pages show. Bitbucket:
 * names of 255 and links of 450 characters are what its clients know to be taken; an account may ask 1,000 times an hour.
 */
export const HOST_LIMITS = {
  GitHub: {
    description: 140,
    context: 255,
    url: 2048,
    comment: 65_536,
    writes: 1000,
    pace: { minute: 80, hour: 500 },
    sameStateRefused: false,
  },
  GitLab: {
    description: 255,
    context: 255,
    url: 255,
    comment: 1_000_000,
    writes: Infinity,
    pace: { minute: 60, hour: 1800 },
    sameStateRefused: true,
  },
  Gitea: {
    description: 255,
    context: 255,
    url: 2048,
    comment: 65_536,
    writes: Infinity,
    pace: { minute: 60, hour: 3600 },
    sameStateRefused: false,
  },
  Bitbucket: {
    description: 255,
    context: 255,
    url: 450,
    comment: 32_768,
    writes: Infinity,
    pace: { minute: 30, hour: 500 },
    sameStateRefused: false,
  },
} as const satisfies Readonly<Record<string, HostLimits>>;

/** The part of a status that limits are about. */
interface Shown {
  readonly state: string;
  readonly description: string;
  readonly targetUrl?: string;
}

/** The status as the host can show it. */
export function fitted<T extends Shown>(status: T, limits: HostLimits): T {
  const { targetUrl, ...rest } = status;
  const description = clipGraphemes(status.description, limits.description);
  const link = targetUrl === undefined || targetUrl.length > limits.url ? {} : { targetUrl };
  return { ...rest, description, ...link } as T;
}

/**
 * Whether what a host shows is what a status says. Its link counts only where we gave one (some hosts fill in their own), its description
 * only where it can change without the state.
 */
export function isShown(shown: Shown, status: Shown, limits: HostLimits): boolean {
  const wanted = fitted(status, limits);
  if (shown.state !== wanted.state) return false;
  if (limits.sameStateRefused && shown.state === 'pending') return true;
  return shown.description === wanted.description && (wanted.targetUrl === undefined || shown.targetUrl === wanted.targetUrl);
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** At most `length` UTF-16 units, ending in `…` where something was cut, never within what a reader takes for one character. */
export function clipGraphemes(text: string, length: number): string {
  if (text.length <= length) return text;
  let end = 0;
  // One more than fits, so that the last boundary that counts is a real one.
  for (const { index, segment } of graphemes.segment(text.slice(0, length + 1))) {
    if (index + segment.length > length - 1) break;
    end = index + segment.length;
  }
  return `${text.slice(0, end)}…`;
}

/** Markdown of at most `length` UTF-16 units: cut after a whole line, with what is open closed again, and a note that it was cut. */
export function clipMarkdown(text: string, length: number): string {
  if (text.length <= length) return text;
  const note = `\n\n_This is cut: the host takes ${length} characters._`;
  // Room for the note and for the closing marks of as many nested parts as a report has.
  const room = text.slice(0, Math.max(0, length - note.length - 200));
  const line = room.lastIndexOf('\n');
  const kept = line > 0 ? room.slice(0, line) : clipGraphemes(text, room.length);
  return `${kept}${closing(kept)}${note}`;
}

/** Ends code fences and folded parts that are still open. */
function closing(text: string): string {
  const fence = (text.match(/^(?:```|~~~)/gm) ?? []).length % 2 === 1 ? '\n```' : '';
  const folded = Math.max(0, (text.match(/<details\b/g) ?? []).length - (text.match(/<\/details>/g) ?? []).length);
  return `${fence}${'\n</details>'.repeat(Math.min(folded, 10))}`;
}
