/** Exits with 0 when node_modules holds what package-lock.json says, in these versions; else says on stdout why not, and exits with 1. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What differs between a lock file and what npm says it has installed (both parsed), or undefined. Optional packages may be absent. */
export function difference(wanted, installed) {
  for (const [path, entry] of Object.entries(wanted.packages)) {
    if (path === '' || entry.link || entry.optional || !path.includes('node_modules/')) continue;
    const found = installed.packages[path];
    if (found === undefined) return `${path} is not installed`;
    if (found.version !== entry.version) return `${path} is ${found.version}, not ${entry.version}`;
  }
  return undefined;
}

const read = (file) => JSON.parse(readFileSync(join(ROOT, file), 'utf8'));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const record = 'node_modules/.package-lock.json';
  const why = existsSync(join(ROOT, record)) ? difference(read('package-lock.json'), read(record)) : 'node_modules is missing';
  if (why !== undefined) {
    console.log(why);
    process.exitCode = 1;
  }
}
