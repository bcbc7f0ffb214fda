/** The packages that a policy program gets where its repository brings none: the ones this installation has. */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SHIPPED = ['cdk8s', 'constructs', '@parapet/sdk', '@parapet/policy'] as const;

/** Name to folder. Throws when one of them is missing, which only a broken installation does. */
export function libraryFolders(): Readonly<Record<string, string>> {
  return Object.fromEntries(SHIPPED.map((name) => [name, folderOf(name, dirname(fileURLToPath(import.meta.url)))]));
}

function folderOf(name: string, from: string): string {
  const folder = join(from, 'node_modules', name);
  if (existsSync(join(folder, 'package.json'))) return realpathSync(folder);
  const parent = dirname(from);
  if (parent === from) throw new Error(`the package ${name} is missing in this installation`);
  return folderOf(name, parent);
}
