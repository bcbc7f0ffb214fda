/**
 * Makes `openapi-extract.json` from GitHub's OpenAPI description: only the operations that the stand-in serves, and what they refer to.
 * `node test/support/github/extract.ts PATH/TO/api.github.com.json` (see README.md).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

type Json = Record<string, unknown>;

const OPERATIONS: readonly (readonly [string, string])[] = [
  ['/repos/{owner}/{repo}/statuses/{sha}', 'post'],
  ['/repos/{owner}/{repo}/commits/{ref}/statuses', 'get'],
  ['/app/installations/{installation_id}/access_tokens', 'post'],
];
/** Prose, and what no validator looks at. */
const DROPPED = new Set([
  'examples',
  'example',
  'x-github',
  'x-octokit',
  'x-githubEnterpriseOverrides',
  'externalDocs',
  'tags',
  'description',
  'summary',
  'x-multi-segment',
]);

const [source] = process.argv.slice(2);
if (source === undefined) throw new Error('usage: extract.ts api.github.com.json');
const api = JSON.parse(readFileSync(source, 'utf8')) as Json & { info: { version: string }; openapi: string };

function at(pointer: string): unknown {
  return pointer
    .slice(2)
    .split('/')
    .reduce<unknown>((value, part) => (value as Json)[part.replaceAll('~1', '/').replaceAll('~0', '~')], api);
}

/** A copy without prose; `inProperties` keeps properties that happen to be called like a dropped keyword. */
function pruned(value: unknown, inProperties = false): unknown {
  if (Array.isArray(value)) return value.map((item) => pruned(item));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => inProperties || !DROPPED.has(key));
  return Object.fromEntries(kept.map(([key, item]) => [key, pruned(item, !inProperties && key === 'properties')]));
}

const components: Record<string, Json> = {};
function collect(value: unknown): void {
  if (Array.isArray(value)) value.forEach(collect);
  else if (typeof value === 'object' && value !== null) {
    const { $ref } = value as { $ref?: unknown };
    if (typeof $ref === 'string') keep($ref);
    Object.values(value).forEach(collect);
  }
}

function keep(ref: string): void {
  const [, , section, name] = ref.split('/');
  if (section === undefined || name === undefined || components[section]?.[name] !== undefined) return;
  const found = pruned(at(ref));
  (components[section] ??= {})[name] = found;
  collect(found);
}

const paths: Record<string, Json> = {};
for (const [path, method] of OPERATIONS) {
  const operation = pruned((at('#/paths') as Record<string, Json>)[path]?.[method]);
  (paths[path] ??= {})[method] = operation;
  collect(operation);
}
const extract = { openapi: api.openapi, info: { title: 'GitHub v3 REST API (extract)', version: api.info.version }, paths, components };
writeFileSync(join(import.meta.dirname, 'openapi-extract.json'), `${JSON.stringify(extract, undefined, 1)}\n`);
