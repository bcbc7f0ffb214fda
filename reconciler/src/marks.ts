/** Names of the labels and annotations that say where an object is from and whose it is. */
import { ANNOTATION } from '@parapet/policy';

export const LABEL = {
  sourceNamespace: 'parapet.dev/source-namespace',
  sourceName: 'parapet.dev/source-name',
} as const;

/** What we write besides provenance. */
export const MARK = {
  /** The source's uid and the object's own name: `3f…/KubeArmorPolicy/shop/no-shell`. */
  owner: 'parapet.dev/owner',
  /** Fingerprint of what was applied last. */
  fingerprint: 'parapet.dev/fingerprint',
} as const;

/** Labels and annotations that are ours, and say nothing of what a policy means. */
export const OURS: ReadonlySet<string> = new Set<string>([...Object.values(ANNOTATION), ...Object.values(LABEL), ...Object.values(MARK)]);
