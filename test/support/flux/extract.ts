/** Makes `externalartifact-crd.json` from Flux's definition of the kind: `extract.ts PATH/TO/…_externalartifacts.yaml` (see README.md). */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const [source] = process.argv.slice(2);
if (source === undefined) throw new Error('usage: extract.ts source.toolkit.fluxcd.io_externalartifacts.yaml');

/** A copy without descriptions; `inProperties` keeps a property of that name. */
function pruned(value: unknown, inProperties = false): unknown {
  if (Array.isArray(value)) return value.map((item) => pruned(item));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => inProperties || key !== 'description');
  return Object.fromEntries(kept.map(([key, item]) => [key, pruned(item, !inProperties && key === 'properties')]));
}

const crd = pruned(parse(readFileSync(source, 'utf8'))) as object;
writeFileSync(join(import.meta.dirname, 'externalartifact-crd.json'), `${JSON.stringify(crd, undefined, 1)}\n`);
