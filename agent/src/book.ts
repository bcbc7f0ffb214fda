/**
 * The policies in force on this node, from the files as they are now and the book as it was: what is broken keeps its last good version.
 * A removed file or document takes its policies with it; a broken one does not.
 */
import type { NamespacePostures, Policy, PolicyRef, Postures, Problem } from '@parapet/policy';
import {
  ANNOTATION,
  claimedRef,
  isCommit,
  isNamespaceManifest,
  isPolicyManifest,
  parseNamespace,
  parsePolicy,
  policyRef,
  refKey,
  REPORT_API_VERSION,
} from '@parapet/policy';
import type { ManifestFile } from './ports.ts';

/** A policy that was refused, with what is wrong with it. */
export interface Rejection {
  readonly ref: PolicyRef;
  readonly problem: Problem;
  /** Which version was refused, as far as it says so. */
  readonly version: Version;
}

/** A version of a policy: where it is from, and which of the API server's it is. */
export interface Version {
  readonly commit?: string;
  readonly generation?: number;
}

/** What one file gave, together with what of it is kept from before. */
interface Page {
  readonly source: ManifestFile;
  readonly good: readonly Written[];
  /** Last good versions of what is broken in the file now. */
  readonly kept: readonly Written[];
  readonly namespaces: readonly NamespacePostures[];
  readonly rejected: readonly Rejection[];
  readonly problems: readonly Problem[];
}

interface Written {
  readonly policy: Policy;
  readonly line: number | undefined;
  readonly version: Version;
}

export interface Book {
  readonly pages: ReadonlyMap<string, Page>;
  /** Policies in force, last good versions of broken ones among them; by file, then by place in the file. */
  readonly policies: readonly Policy[];
  readonly versions: ReadonlyMap<Policy, Version>;
  /** Postures by the names of the namespaces that say any. */
  readonly namespaces: ReadonlyMap<string, Partial<Postures>>;
  readonly rejected: readonly Rejection[];
  readonly problems: readonly Problem[];
}

export const EMPTY_BOOK: Book = { pages: new Map(), policies: [], versions: new Map(), namespaces: new Map(), rejected: [], problems: [] };

/** Finds what a policy that parses still has wrong, for instance that no kernel table can hold it. */
export type Judge = (policy: Policy) => readonly Problem[];

/** Reads all files into the next book. Files that are the very same object as before are not parsed again. */
export function readBook(before: Book, files: readonly ManifestFile[], judge: Judge): Book {
  const pages = new Map<string, Page>();
  for (const source of [...files].sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0))) {
    const old = before.pages.get(source.file);
    pages.set(source.file, old?.source === source ? old : readPage(source, old, judge));
  }
  return bind(pages);
}

function readPage(source: ManifestFile, old: Page | undefined, judge: Judge): Page {
  const good: Written[] = [];
  const namespaces: NamespacePostures[] = [];
  const rejected: Rejection[] = [];
  const problems = [...source.problems];
  let nameless = source.problems.some(isError);
  for (const document of source.documents) {
    const read = readDocument(source.file, document, judge);
    problems.push(...read.problems);
    const error = read.problems.find(isError);
    if (read.namespace !== undefined) namespaces.push(read.namespace);
    if (read.written !== undefined) good.push(read.written);
    else if (error !== undefined && read.ref !== undefined) rejected.push({ ref: read.ref, problem: error, version: read.version });
    else if (error !== undefined) nameless = true;
  }
  const lost = [...(old?.good ?? []), ...(old?.kept ?? [])].filter(
    ({ policy }) => !good.some((now) => refKey(now.policy) === refKey(policy)),
  );
  const broken = new Set(rejected.map(({ ref }) => refKey(ref)));
  const kept = lost.filter(({ policy }) => nameless || broken.has(refKey(policy)));
  // What cannot be read may have been a namespace: its postures stay as well.
  const said = nameless ? (old?.namespaces ?? []).filter(({ name }) => !namespaces.some((now) => now.name === name)) : [];
  return { source, good, kept, namespaces: [...namespaces, ...said], rejected, problems };
}

interface ReadDocument {
  /** Where nothing is wrong with it. */
  readonly written?: Written;
  readonly namespace?: NamespacePostures;
  /** Its name, as far as it can be read. */
  readonly ref?: PolicyRef;
  readonly version: Version;
  readonly problems: readonly Problem[];
}

function readDocument(file: string, document: ManifestFile['documents'][number], judge: Judge): ReadDocument {
  const { value, generation } = document;
  const commit = commitOf(value);
  const version = { ...(commit === undefined ? {} : { commit }), ...(generation === undefined ? {} : { generation }) };
  const lineOf = (path: readonly (string | number)[]): number | undefined => document.lineOf(path);
  if (isOurs(value)) return { version, problems: [] };
  if (isNamespaceManifest(value)) return { ...parseNamespace(value, { file, lineOf }), version };
  if (!isPolicyManifest(value)) return { version, problems: [notAPolicy(file, lineOf([]))] };
  const { policy, problems } = parsePolicy(value, { file, lineOf });
  if (policy === undefined) return { ref: claimedRef(value), version, problems };
  const found = [
    ...problems,
    ...judge(policy).map((problem) => ({ ...problem, place: { file, line: lineOf([]), object: refKey(policy), ...problem.place } })),
  ];
  const written = { policy, line: lineOf(['metadata', 'name']) ?? lineOf([]), version };
  return found.some(isError) ? { ref: policyRef(policy), version, problems: found } : { written, version, problems: found };
}

/** The commit of a manifest, also of one that is refused. */
function commitOf(value: unknown): string | undefined {
  const inner = (outer: unknown, key: string): unknown =>
    typeof outer === 'object' && outer !== null && Object.hasOwn(outer, key) ? (outer as Record<string, unknown>)[key] : undefined;
  const commit = inner(inner(inner(value, 'metadata'), 'annotations'), ANNOTATION.commit);
  return typeof commit === 'string' && isCommit(commit) ? commit : undefined;
}

function isError({ severity }: Problem): boolean {
  return severity === 'error';
}

/** Puts the pages together: of two policies with one name the first stays, and a good one beats one that is kept. */
function bind(pages: ReadonlyMap<string, Page>): Book {
  const all = [...pages.values()];
  const byName = new Map<string, { readonly file: string; readonly written: Written }>();
  const rejected = all.flatMap((page) => page.rejected);
  const problems = all.flatMap((page) => page.problems);
  for (const page of all) {
    for (const written of page.good) {
      const first = byName.get(refKey(written.policy));
      if (first === undefined) {
        byName.set(refKey(written.policy), { file: page.source.file, written });
        continue;
      }
      const problem = twice(written, { file: page.source.file, first });
      rejected.push({ ref: policyRef(written.policy), problem, version: written.version });
      problems.push(problem);
    }
  }
  for (const page of all) {
    for (const written of page.kept) {
      const key = refKey(written.policy);
      if (byName.has(key)) continue;
      byName.set(key, { file: page.source.file, written });
      const problem = page.problems.find(isError);
      const told = page.rejected.some(({ ref }) => refKey(ref) === key);
      if (!told && problem !== undefined) rejected.push({ ref: policyRef(written.policy), problem, version: {} });
    }
  }
  const namespaces = new Map(
    all
      .flatMap((page) => page.namespaces)
      .reverse()
      .map(({ name, postures }) => [name, postures]),
  );
  const inForce = [...byName.values()].map(({ written }) => written);
  const versions = new Map(inForce.map(({ policy, version }) => [policy, version]));
  return { pages, policies: [...versions.keys()], versions, namespaces, rejected, problems };
}

/** Kinds of Parapet itself, such as a NodeReport beside the policies: not policies, and nothing is wrong with them. */
function isOurs(value: unknown): boolean {
  const group = REPORT_API_VERSION.split('/')[0] ?? '';
  if (typeof value !== 'object' || value === null) return value === null;
  const version: unknown = Object.hasOwn(value, 'apiVersion') ? (value as { apiVersion: unknown }).apiVersion : undefined;
  return typeof version === 'string' && version.startsWith(`${group}/`);
}

function notAPolicy(file: string, line: number | undefined): Problem {
  return {
    code: 'not-a-policy',
    severity: 'warning',
    place: { file, line },
    message: 'this document is not one of our policies and is left alone',
    hint: 'KubeArmorPolicy, KubeArmorClusterPolicy and KubeArmorHostPolicy of security.kubearmor.com/v1 are',
  };
}

function twice(
  written: Written,
  at: { readonly file: string; readonly first: { readonly file: string; readonly written: Written } },
): Problem {
  const there = [at.first.file, at.first.written.line].filter((part) => part !== undefined).join(':');
  return {
    code: 'duplicate-policy',
    severity: 'error',
    place: { file: at.file, line: written.line, object: refKey(written.policy) },
    message: `a policy of this kind and name is already in ${there}, which stays in force`,
    hint: 'remove one of them or give it another name',
  };
}
