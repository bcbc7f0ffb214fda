/** Which commit of a repository is meant: names of references, what Git lists of them, the newest version in a range, and how a revision is written. */
import { compareBuild, parse, Range } from 'semver';
import type { SemVer } from 'semver';
import type { PullRequest } from './ports.ts';
import type { GitRef } from './source-spec.ts';
import { isCommitHash, isRefName } from './source-url.ts';

/** What is followed; `any` is a branch or a tag, and a branch before a tag of its name. */
export type AskedRef = GitRef | { readonly kind: 'any'; readonly value: string };

/** One reference as it is in the repository now. */
export interface FoundRef {
  /** Full; `HEAD` where a server does not say what its default branch is called. */
  readonly name: string;
  /** Peeled: never a tag. */
  readonly commit: string;
}

/** Longer ones are nobody's, and semver refuses them too. */
const LONGEST_RANGE = 256;

/** What people write behind `--ref`: branch, tag, full reference name or full commit hash; nothing is the default branch. */
export function looseRef(text: string | undefined): AskedRef {
  if (text === undefined) return { kind: 'default' };
  if (isCommitHash(text)) return { kind: 'commit', value: text };
  return { kind: text.startsWith('refs/') ? 'name' : 'any', value: text };
}

/** The full names that may be meant, the first that is there; none where the name depends on what is there. */
export function refNames(ref: AskedRef): readonly string[] {
  switch (ref.kind) {
    case 'default':
      return ['HEAD'];
    case 'branch':
      return [`refs/heads/${ref.value}`];
    case 'tag':
      return [`refs/tags/${ref.value}`];
    case 'name':
      return [ref.value];
    case 'any':
      return [`refs/heads/${ref.value}`, `refs/tags/${ref.value}`];
    case 'commit':
    case 'semver':
      return [];
  }
}

/** Arguments of `git ls-remote` before and after the URL. `--heads` and `--tags` keep the server from listing everything it has. */
export function listingArgs(ref: AskedRef): { readonly options: readonly string[]; readonly patterns: readonly string[] } {
  if (ref.kind === 'semver') return { options: ['--tags'], patterns: [] };
  if (ref.kind === 'default') return { options: ['--symref'], patterns: ['HEAD'] };
  const names = refNames(ref);
  const areas = { '--heads': 'refs/heads/', '--tags': 'refs/tags/' };
  const options = Object.entries(areas).filter(([, area]) => names.some((name) => name.startsWith(area)));
  const elsewhere = names.some((name) => !Object.values(areas).some((area) => name.startsWith(area)));
  return { options: elsewhere ? [] : options.map(([option]) => option), patterns: names.flatMap((name) => [name, `${name}^{}`]) };
}

/** Finds the reference in the output of `git ls-remote`. */
export function findRef(ref: AskedRef, listing: string): FoundRef | undefined {
  const found = new Map<string, string>();
  let head = 'HEAD';
  for (const line of listing.split('\n')) {
    const [, commit, name] = /^([0-9a-f]{40}|[0-9a-f]{64})\t(.+)$/.exec(line) ?? [];
    if (commit !== undefined && name !== undefined) found.set(name, commit);
    const symbolic = /^ref: (refs\/heads\/.+)\tHEAD$/.exec(line)?.[1];
    if (symbolic !== undefined && isRefName(symbolic)) head = symbolic;
  }
  const tag = ref.kind === 'semver' ? newestTag(tagsOf(found.keys()), ref.value) : undefined;
  const names = tag === undefined ? refNames(ref) : [`refs/tags/${tag}`];
  const name = names.find((candidate) => found.has(candidate));
  const commit = name === undefined ? undefined : (found.get(`${name}^{}`) ?? found.get(name));
  if (name === undefined || commit === undefined) return undefined;
  return { name: name === 'HEAD' ? head : name, commit };
}

function* tagsOf(names: Iterable<string>): Iterable<string> {
  for (const name of names) if (name.startsWith('refs/tags/') && !name.endsWith('^{}')) yield name.slice('refs/tags/'.length);
}

/** Whether `range` can be read: `>=1.2.0 <2`, `1.x`, `^1.2 || 2.0.x`, `>=1.0.0-0`. */
export function isVersionRange(range: string): boolean {
  return readRange(range) !== undefined;
}

/**
 * The tag with the highest version in the range; `undefined` when there is none, or the range can't be read. Tags are full versions with or
 * without a `v`. Pre-releases count only where the range (that side of its `||`) names one, as in `>=1.0.0-0`. Versions that
 * differ in their build only are ordered by that.
 */
export function newestTag(tags: Iterable<string>, range: string): string | undefined {
  const matches = readRange(range);
  if (matches === undefined) return undefined;
  let newest: { readonly tag: string; readonly version: SemVer } | undefined;
  for (const tag of tags) {
    const version = /^v?\d/.test(tag) && isRefName(tag) ? parse(tag) : null;
    if (version === null || !matches(version)) continue;
    const order = newest === undefined ? 1 : compareBuild(version, newest.version);
    // `1.2.0` and `v1.2.0`: one of them, and always the same.
    if (newest === undefined || order > 0 || (order === 0 && tag > newest.tag)) newest = { tag, version };
  }
  return newest?.tag;
}

type Matcher = (version: SemVer) => boolean;

function readRange(range: string): Matcher | undefined {
  if (range.length > LONGEST_RANGE || range.trim() === '') return undefined;
  const sides = range.split('||').map(readSide);
  if (sides.includes(undefined)) return undefined;
  return (version) => sides.some((side) => side?.(version));
}

/** What is between two `||`: all of it must hold. Commas, `!=`, `=>`, `=<` and a pre-release after an `x` are not in npm's language. */
function readSide(text: string): Matcher | undefined {
  const joined = text
    .replaceAll(',', ' ')
    .replaceAll('=>', '>=')
    .replaceAll('=<', '<=')
    .replace(/(!=|[<>=~^])\s+/g, '$1')
    .trim();
  // Between the two ends of a range the dash stands alone.
  const parts = joined.split(/\s+/);
  if (joined === '' || parts.length > 20) return undefined;
  const includePrerelease = parts.some((part) => /^[!<>=~^v]*[\dxX*]+(\.[\dxX*]+){0,2}-[\dA-Za-z]/.test(part));
  const plain = (part: string): string => part.replace(/^([!<>=~^v]*(?:[\dxX*]+|[\dxX*]+\.[\dxX*]+|\d+\.\d+\.[xX*]))-[\dA-Za-z.-]+$/, '$1');
  const range = (source: string): Range | undefined => {
    try {
      return new Range(source, { includePrerelease });
    } catch {
      return undefined;
    }
  };
  const wanted = range(
    parts
      .filter((part) => !part.startsWith('!='))
      .map(plain)
      .join(' '),
  );
  const unwanted = parts.filter((part) => part.startsWith('!=')).map((part) => (part === '!=' ? undefined : range(plain(part.slice(2)))));
  if (wanted === undefined || unwanted.includes(undefined)) return undefined;
  return (version) => wanted.test(version) && !unwanted.some((one) => one?.test(version));
}

/** A revision as Flux writes it: `main@sha1:…`, `v1.2.0@sha1:…`, `refs/pull/42/head@sha1:…`, `sha1:…` for a commit by its hash. */
export function revisionOf(ref: AskedRef, found: { readonly name?: string; readonly commit: string }): string {
  const digest = `${found.commit.length === 64 ? 'sha256' : 'sha1'}:${found.commit}`;
  if (ref.kind === 'commit' || found.name === undefined) return digest;
  // Who asked by the full name is answered by it.
  return `${ref.kind === 'name' ? found.name : found.name.replace(/^refs\/(heads|tags)\//, '')}@${digest}`;
}

/** Patterns of `git ls-remote`: pull requests of GitHub and Gitea, merge requests of GitLab. */
export const PULL_REQUESTS = ['refs/pull/*/head', 'refs/merge-requests/*/head'] as const;

/** The heads of pull requests in the output of `git ls-remote`, highest numbers first. */
export function readPullRequests(listing: string, limit: number): readonly PullRequest[] {
  const found: PullRequest[] = [];
  for (const line of listing.split('\n')) {
    const [, commit, ref, number] = /^([0-9a-f]{40}|[0-9a-f]{64})\t(refs\/(?:pull|merge-requests)\/([1-9]\d{0,9})\/head)$/.exec(line) ?? [];
    if (commit !== undefined && ref !== undefined) found.push({ number: Number(number), commit, ref });
  }
  return found.toSorted((a, b) => b.number - a.number).slice(0, limit);
}

/** What is missing when a reference is not there: `branch "main"`. */
export function describeRef(ref: AskedRef): string {
  if (ref.kind === 'default') return 'default branch with a commit';
  const text = JSON.stringify(ref.value);
  const kinds = { branch: 'branch called', tag: 'tag called', name: 'reference called', any: 'branch or tag called', commit: 'commit' };
  return ref.kind === 'semver' ? `tag with a version in the range ${text}` : `${kinds[ref.kind]} ${text}`;
}
