/** Takes what a stand-in needs out of a host's published API description: some operations, and what they refer to, without prose. */
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';

type Json = Record<string, unknown>;

export interface Extraction {
  /** Files of the description, JSON or YAML; later ones add to earlier ones. */
  readonly sources: readonly string[];
  /** Path and method. */
  readonly operations: readonly (readonly [string, string])[];
  /** Names of schemas that nothing here looks into: they are left as `{}`. */
  readonly omitted?: readonly string[];
  readonly title: string;
  /** Where it came from, as in the README. */
  readonly version: string;
  readonly target: string;
}

/** Prose, and what no validator looks at. */
const DROPPED = new Set([
  'examples',
  'example',
  'externalDocs',
  'tags',
  'description',
  'summary',
  'title',
  'deprecated',
  'security',
  'produces',
  'consumes',
  'discriminator',
]);

export function extract({ sources, operations, omitted = [], title, version, target }: Extraction): void {
  const api = sources.map((source) => parse(readFileSync(source, 'utf8')) as Json).reduce(merged);
  const kept: Json = {};

  function at(pointer: string): unknown {
    return parts(pointer).reduce<unknown>((value, part) => (value as Json)[part], api);
  }
  function collect(value: unknown): void {
    if (Array.isArray(value)) value.forEach(collect);
    else if (typeof value === 'object' && value !== null) {
      const { $ref } = value as { $ref?: unknown };
      if (typeof $ref === 'string') keep($ref);
      Object.values(value).forEach(collect);
    }
  }
  function keep(ref: string): void {
    const path = parts(ref);
    const name = path.pop() ?? '';
    const section = path.reduce<Json>((value, part) => (value[part] ??= {}) as Json, kept);
    if (section[name] !== undefined) return;
    const found = omitted.includes(name) ? {} : pruned(at(ref));
    section[name] = found;
    collect(found);
  }

  const paths: Record<string, Json> = {};
  for (const [path, method] of operations) {
    const described = (api['paths'] as Record<string, Json>)[path];
    if (described?.[method] === undefined) throw new Error(`${method} ${path} is not in the description`);
    const operation = pruned(described[method]) as Json;
    // Swagger and OpenAPI let operations of a path share parameters.
    const shared = pruned(described['parameters'] ?? []) as unknown[];
    operation['parameters'] = [...shared, ...((operation['parameters'] as unknown[] | undefined) ?? [])];
    (paths[path] ??= {})[method] = operation;
    collect(operation);
  }
  const { openapi, swagger } = api;
  const head = openapi === undefined ? { swagger } : { openapi };
  writeFileSync(target, `${JSON.stringify({ ...head, info: { title, version }, paths, ...kept }, undefined, 1)}\n`);
}

function parts(pointer: string): string[] {
  return pointer
    .slice(2)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** A copy without prose; `inNames` keeps what happens to be called like a dropped keyword: a property, a schema. */
function pruned(value: unknown, inNames = false): unknown {
  if (Array.isArray(value)) return value.map((item) => pruned(item));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => inNames || !(DROPPED.has(key) || key.startsWith('x-')));
  return Object.fromEntries(kept.map(([key, item]) => [key, pruned(item, !inNames && key === 'properties')]));
}

function merged(a: Json, b: Json): Json {
  const both = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const known = both[key];
    const objects = [known, value].every((one) => typeof one === 'object' && one !== null && !Array.isArray(one));
    both[key] = objects ? merged(known as Json, value as Json) : value;
  }
  return both;
}
