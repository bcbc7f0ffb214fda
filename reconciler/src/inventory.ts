/** The inventory: what is applied, and which commit it came from. */
import type { PolicyKind, PolicyRef } from '@parapet/policy';

export interface InventoryEntry extends PolicyRef {
  /** File in the target's policies directory. */
  readonly file: string;
  /** Hash of what the policy says, without its provenance: the same for the same meaning in another commit. */
  readonly fingerprint: string;
  readonly rules: number;
}

export interface Inventory {
  readonly apiVersion: 'parapet.dev/v1alpha1';
  readonly kind: 'Inventory';
  /** Without credentials. */
  readonly repository: string;
  /** Folder in the repository; `.` is all of it. */
  readonly path: string;
  readonly commit: string;
  /** Hash of every file in the policies directory. */
  readonly digest: string;
  readonly policies: readonly InventoryEntry[];
}

const KINDS: readonly string[] = ['KubeArmorPolicy', 'KubeArmorClusterPolicy', 'KubeArmorHostPolicy'] satisfies PolicyKind[];

/** An inventory as read from disk, or `undefined` when it isn't one: a file that somebody damaged must not steer a prune. */
export function readInventory(value: unknown): Inventory | undefined {
  if (!isRecord(value) || value['kind'] !== 'Inventory' || value['apiVersion'] !== 'parapet.dev/v1alpha1') return undefined;
  const { repository, path, commit, digest, policies } = value;
  if (![repository, path, commit, digest].every((part) => typeof part === 'string') || !Array.isArray(policies)) return undefined;
  return policies.every(isEntry) ? (value as unknown as Inventory) : undefined;
}

function isEntry(value: unknown): value is InventoryEntry {
  if (!isRecord(value) || !KINDS.includes(value['kind'] as string) || typeof value['rules'] !== 'number') return false;
  return ['namespace', 'name', 'file', 'fingerprint'].every((part) => typeof value[part] === 'string');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
