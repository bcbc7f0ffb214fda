/** Revisions of a target, one for each number: which files, with which bytes, is known from the number. */
import type { Inventory } from '../../../reconciler/src/inventory.ts';
import { digestOf } from '../../../reconciler/src/manifest.ts';
import type { StoredFile } from '../../../reconciler/src/manifest.ts';

/** `number + 1` policies that all say the number. */
export function revision(number: number): { readonly inventory: Inventory; readonly files: readonly StoredFile[] } {
  const files = Array.from({ length: number + 1 }, (_, index) => ({
    file: `shop.p${index}.yaml`,
    content: `number: ${number}\n${'# filler\n'.repeat(200)}`,
  }));
  const policies = files.map(({ file }, index) => ({
    kind: 'KubeArmorPolicy' as const,
    namespace: 'shop',
    name: `p${index}`,
    file,
    fingerprint: String(number),
    rules: 1,
  }));
  const commit = String(number).repeat(40).slice(0, 40);
  const of = { repository: 'https://git.test/p.git', path: '.', commit, digest: digestOf(files), policies };
  return { inventory: { apiVersion: 'parapet.dev/v1alpha1', kind: 'Inventory', ...of }, files };
}
