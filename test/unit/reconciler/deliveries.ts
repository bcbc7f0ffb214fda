/** Revisions as a delivery gets them, with everything that doesn't matter filled in. */
import type { Change, Desired, PlannedPolicy, Revision } from '../../../reconciler/src/delivery.ts';
import { fingerprint, stamp } from '../../../reconciler/src/manifest.ts';
import { hash, manifest } from './builders.ts';

export const REPOSITORY = 'https://git.test/policies.git';
export const OWNER = { owner: 'parapet-system/shop', path: 'clusters/a' };

/** The policy `shop/NAME` as the commit of this digit wants it. */
export function desired(name: string, { commit = 'a', action = 'Block' } = {}): Desired {
  const made = manifest(name, action);
  const stamped = stamp(made, { repository: REPOSITORY, commit: hash(commit) });
  return { kind: 'KubeArmorPolicy', namespace: 'shop', name, manifest: stamped, fingerprint: fingerprint(made), rules: 1 };
}

/** What a plan says of `shop/NAME`; with the policy where it must be there. */
export function planned(change: Change, name: string, of: { readonly commit?: string; readonly action?: string } = {}): PlannedPolicy {
  const ref = { kind: 'KubeArmorPolicy', namespace: 'shop', name, change, problems: [] } as const;
  return ['added', 'changed', 'unchanged'].includes(change) ? { ...ref, desired: desired(name, of) } : ref;
}

export function revision(commit: string, policies: readonly PlannedPolicy[]): Revision {
  return { repository: REPOSITORY, commit: hash(commit), digest: hash('d').padEnd(64, 'd'), policies };
}
