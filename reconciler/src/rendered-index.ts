/** The index of a rendered folder: which of its files are ours, whose they are, and with which bytes they were delivered. */
import { createHash } from 'node:crypto';
import { readInventory } from './inventory.ts';
import type { Inventory, InventoryEntry } from './inventory.ts';
import { fileNameOf, render } from './manifest.ts';

/** Not `.yaml`: whoever takes all manifests of a folder must not take this for one. */
export const INDEX_FILE = 'parapet.inventory';
export const KUSTOMIZATION_FILE = 'kustomization.yaml';

export interface RenderedEntry extends InventoryEntry {
  /** SHA-256 (hex) of the file as it was delivered. */
  readonly sha256: string;
}

/** Without times, so that the same policies give the same bytes. `commit` is the last one that changed anything. */
export interface RenderedIndex extends Inventory {
  /** Whose folder it is: `namespace/name` of the PolicySource. */
  readonly owner: string;
  /** Files of ours that are no policies. */
  readonly files: readonly string[];
  /** In order of their files. */
  readonly policies: readonly RenderedEntry[];
}

/** JSON with a policy a line: read at once whatever its size, and with differences that a person can read. */
export function renderIndex({ policies, ...rest }: RenderedIndex): string {
  const head = JSON.stringify({ ...rest, policies: [] }, undefined, 2).replace(/\[\]\n\}$/, '[');
  return `${head}${policies.map((entry) => `\n    ${JSON.stringify(entry)}`).join(',')}\n  ]\n}\n`;
}

/** An index as read, or `undefined` when it isn't one: a damaged one must not steer what is removed. */
export function readIndex(text: string): RenderedIndex | undefined {
  const value = parsed(text);
  const inventory = readInventory(value);
  if (inventory === undefined || typeof value !== 'object' || value === null) return undefined;
  const { owner, files } = value as Partial<Record<keyof RenderedIndex, unknown>>;
  if (typeof owner !== 'string' || !Array.isArray(files) || !files.every((file) => file === KUSTOMIZATION_FILE)) return undefined;
  const names = new Set<string>();
  for (const entry of inventory.policies as readonly Partial<RenderedEntry>[]) {
    // Its file is removed by name: only the name that we would have given is taken.
    if (entry.file === undefined || entry.file !== fileNameOf(entry as RenderedEntry) || names.has(entry.file)) return undefined;
    if (typeof entry.sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(entry.sha256)) return undefined;
    names.add(entry.file);
  }
  return value as RenderedIndex;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Lists the policies' files, so that Flux, Argo CD and kustomize take them and nothing else of the folder. */
export function renderKustomization(files: readonly string[]): string {
  return render({ apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', resources: files });
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
