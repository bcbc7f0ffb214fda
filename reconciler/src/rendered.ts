/**
 * A folder of rendered policies, for others to apply: from what it holds and what a commit wants to what it must hold, byte for byte.
 *
 * Unchanged meaning gives unchanged bytes: a policy's annotations name the commit that changed it last, and a commit that changes no policy
 * changes no file. Only files that the index names are ours.
 */
import { refKey } from '@parapet/policy';
import type { PolicyRef, Problem } from '@parapet/policy';
import type { Desired, Existing, PlannedPolicy, Refusals, Revision } from './delivery.ts';
import { digestOf, fileNameOf, render } from './manifest.ts';
import type { StoredFile } from './manifest.ts';
import { INDEX_FILE, KUSTOMIZATION_FILE, readIndex, renderIndex, renderKustomization, sha256 } from './rendered-index.ts';
import type { RenderedEntry, RenderedIndex } from './rendered-index.ts';

/** What a folder holds. */
export interface RenderedFolder {
  /** Texts by name: those of `namesOfInterest` that are there and can be read. */
  readonly files: ReadonlyMap<string, string>;
  /** Names of everything else: folders, links, files that don't concern us or are too large. */
  readonly others: ReadonlySet<string>;
}

export const EMPTY_FOLDER: RenderedFolder = { files: new Map(), others: new Set() };

/** Whose folder it is. */
export interface RenderedOwner {
  /** `namespace/name` of the PolicySource. */
  readonly owner: string;
  /** Folder of the program in the source's repository. */
  readonly path: string;
}

export interface Rendered {
  /** Every file that is ours by now, in order of name, the unchanged ones too. */
  readonly files: readonly StoredFile[];
  /** Names of files of ours that must go. */
  readonly removed: readonly string[];
  readonly policies: number;
  readonly refusals: Refusals;
}

/** kustomize takes any of these names, and none of a folder that has two of them. */
const KUSTOMIZATIONS = [KUSTOMIZATION_FILE, 'kustomization.yml', 'Kustomization'];

/** The names whose contents matter, once the index is read. */
export function namesOfInterest(index: RenderedIndex | undefined, wanted: readonly PolicyRef[]): ReadonlySet<string> {
  const indexed = (index?.policies ?? []).map(({ file }) => file);
  return new Set([INDEX_FILE, KUSTOMIZATION_FILE, ...indexed, ...wanted.map(fileNameOf)]);
}

export function indexOf(folder: RenderedFolder): RenderedIndex | undefined {
  const text = folder.files.get(INDEX_FILE);
  return text === undefined ? undefined : readIndex(text);
}

/** Why nothing may be written to the folder at all. */
export function folderFault(folder: RenderedFolder, { owner }: RenderedOwner): string | undefined {
  const index = indexOf(folder);
  if (index === undefined && has(folder, INDEX_FILE)) return `its ${INDEX_FILE} is not what Parapet wrote: restore it, or empty the folder`;
  if (index !== undefined && index.owner !== owner) return `it belongs to the source ${JSON.stringify(index.owner)}: use another folder`;
  const foreign = KUSTOMIZATIONS.find((name) => has(folder, name) && index?.files.includes(name) !== true);
  return foreign === undefined ? undefined : `it has a ${foreign} that Parapet did not write: move it away, or use another folder`;
}

/** Everything of ours, and what has the name of a file that is wanted. */
export function surveyFolder(folder: RenderedFolder, wanted: readonly Desired[]): readonly Existing[] {
  const known = (indexOf(folder)?.policies ?? []).filter(({ file }) => has(folder, file));
  const keys = new Set(known.map(refKey));
  const wants = new Map(wanted.map((policy) => [refKey(policy), policy.fingerprint]));
  const inTheWay = wanted.filter((policy) => !keys.has(refKey(policy)) && has(folder, fileNameOf(policy)));
  return [
    ...known.map((entry): Existing => {
      const fingerprint = fingerprintNow(folder, entry);
      const drifted = fingerprint !== entry.fingerprint && entry.fingerprint === wants.get(refKey(entry));
      return { ...refOf(entry), fingerprint, ...(drifted ? { drifted } : {}), owner: 'ours' };
    }),
    ...inTheWay.map((policy): Existing => ({ ...refOf(policy), fingerprint: '', owner: 'nobody' })),
  ];
}

/** The policies that can't be written, because something that isn't ours has their file's name. */
export function collisions(folder: RenderedFolder, policies: readonly PlannedPolicy[]): Refusals {
  const ours = new Set((indexOf(folder)?.policies ?? []).map(({ file }) => file));
  const refused = policies.filter(({ desired }) => desired !== undefined).filter((policy) => isTaken(folder, ours, fileNameOf(policy)));
  return new Map(refused.map((policy) => [refKey(policy), [collision(policy)]]));
}

/** What the folder must hold. `undefined`: there is nothing and nothing is wanted, so it need not even be. */
export function renderFolder(before: RenderedFolder, revision: Revision, owner: RenderedOwner): Rendered | undefined {
  const index = indexOf(before);
  const refusals = collisions(before, revision.policies);
  const old = new Map((index?.policies ?? []).map((entry) => [refKey(entry), entry]));
  const made = new Map<string, Made>();
  for (const policy of revision.policies) {
    const entry = old.get(refKey(policy));
    old.delete(refKey(policy));
    const result = refusals.has(refKey(policy)) ? undefined : make(before, policy, entry);
    if (result !== undefined) made.set(result.entry.file, result);
  }
  // Only what a revision says goes.
  for (const entry of old.values()) put(made, stay(before, entry));
  if (index === undefined && made.size === 0) return undefined;
  const policies = [...made.values()].sort((a, b) => (a.entry.file < b.entry.file ? -1 : 1));
  const files = [
    ...policies.map(({ entry, content }) => ({ file: entry.file, content })),
    { file: KUSTOMIZATION_FILE, content: renderKustomization(policies.map(({ entry }) => entry.file)) },
  ];
  files.push({ file: INDEX_FILE, content: newIndex({ revision, index, owner, policies }) });
  const removed = (index?.policies ?? []).map(({ file }) => file).filter((file) => !made.has(file) && has(before, file));
  return { files: files.sort((a, b) => (a.file < b.file ? -1 : 1)), removed, policies: policies.length, refusals };
}

interface Made {
  readonly entry: RenderedEntry;
  readonly content: string;
}

function make(folder: RenderedFolder, policy: PlannedPolicy, old: RenderedEntry | undefined): Made | undefined {
  if (policy.change === 'removed' || policy.change === 'refused') return undefined;
  const { desired } = policy;
  if (desired === undefined || policy.change === 'kept' || policy.change === 'left') return stay(folder, old);
  if (old !== undefined && fingerprintNow(folder, old) === desired.fingerprint) return stay(folder, old);
  const { fingerprint, rules } = desired;
  const content = render(desired.manifest);
  return { entry: { ...refOf(desired), file: fileNameOf(desired), fingerprint, rules, sha256: sha256(content) }, content };
}

/** A file as it is; nothing where it is gone. */
function stay(folder: RenderedFolder, entry: RenderedEntry | undefined): Made | undefined {
  const content = entry === undefined ? undefined : folder.files.get(entry.file);
  return entry === undefined || content === undefined ? undefined : { entry, content };
}

function put(made: Map<string, Made>, result: Made | undefined): void {
  if (result !== undefined) made.set(result.entry.file, result);
}

/** With the commit that was there where nothing else would differ. */
function newIndex(input: {
  readonly revision: Revision;
  readonly index: RenderedIndex | undefined;
  readonly owner: RenderedOwner;
  readonly policies: readonly Made[];
}): string {
  const { revision, index, owner, policies } = input;
  const text = (commit: string): string =>
    renderIndex({
      apiVersion: 'parapet.dev/v1alpha1',
      kind: 'Inventory',
      owner: owner.owner,
      repository: revision.repository,
      path: owner.path,
      commit,
      digest: digestOf(policies.map(({ entry, content }) => ({ file: entry.file, content }))),
      files: [KUSTOMIZATION_FILE],
      policies: policies.map(({ entry }) => entry),
    });
  return index !== undefined && text(index.commit) === renderIndex(index) ? text(index.commit) : text(revision.commit);
}

/** That of the delivered policy, as long as its file has the delivered bytes. */
function fingerprintNow(folder: RenderedFolder, entry: RenderedEntry): string {
  const content = folder.files.get(entry.file);
  return content !== undefined && sha256(content) === entry.sha256 ? entry.fingerprint : 'changed by somebody';
}

function refOf({ kind, namespace, name }: PolicyRef): PolicyRef {
  return { kind, namespace, name };
}

function isTaken(folder: RenderedFolder, ours: ReadonlySet<string>, file: string): boolean {
  return has(folder, file) && !ours.has(file);
}

function has(folder: RenderedFolder, name: string): boolean {
  return folder.files.has(name) || folder.others.has(name);
}

function collision(policy: PlannedPolicy): Problem {
  return {
    code: 'target-not-ours',
    severity: 'error',
    place: { object: refKey(policy), file: fileNameOf(policy) },
    message: 'a file of this name is in the rendered folder and was not written by Parapet, so it is left alone',
    hint: 'move it away, or give another delivery.path',
  };
}
