/** Texts held against a folder of `test/golden`; `UPDATE_GOLDEN=1` writes it anew. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const goldenFolder = (name: string): string => join(import.meta.dirname, '../golden', name);

/** The folder's files by name, once it was updated where that was asked for. */
export function golden(name: string, found: Readonly<Record<string, string>>): Record<string, string> {
  const folder = goldenFolder(name);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [file, text] of Object.entries(found)) writeFileSync(join(folder, file), text);
  }
  if (!existsSync(folder)) return {};
  return Object.fromEntries(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')]));
}
