/** Flux's definition of the ExternalArtifact, and what is wrong with an object by it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';

interface Definition {
  readonly spec: { readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: object } }[] };
}

export const EXTERNAL_ARTIFACT = JSON.parse(readFileSync(join(import.meta.dirname, 'externalartifact-crd.json'), 'utf8')) as Definition;

/** As the API server, which would drop unknown fields without a word: nobody meant to send them. */
function closed(schema: unknown, isRoot = true): unknown {
  if (Array.isArray(schema)) return schema.map((item) => closed(item, false));
  if (typeof schema !== 'object' || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, item]) => [key, closed(item, false)]));
  return !isRoot && 'properties' in copy && 'type' in copy && !('additionalProperties' in copy)
    ? { ...copy, additionalProperties: false }
    : copy;
}

const ajv = new Ajv({ allErrors: true, strict: false, formats: { 'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, int64: true } });
const validate = ajv.compile(closed(EXTERNAL_ARTIFACT.spec.versions.find(({ name }) => name === 'v1')?.schema.openAPIV3Schema) as object);

/** One sentence each. */
export function faultsOf(object: unknown): string[] {
  if (validate(object)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message }) => `${instancePath === '' ? 'the object' : instancePath} ${message ?? 'is wrong'}`,
  );
}
