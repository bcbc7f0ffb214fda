/**
 * What an API server does with the schema of a custom resource, without one: validating, and pruning fields that the schema does not have. And
 * random objects of a schema, good ones and slightly wrong ones. Rules in CEL are not evaluated: tests in test/cluster have a real server for that.
 */
import { Ajv } from 'ajv';
import type { ValidateFunction } from 'ajv';
import fc from 'fast-check';
import { customResourceDefinitions } from '@parapet/policy';
import type { CustomResourceDefinition, Schema } from '@parapet/policy';

export function definitionOf(kind: string): CustomResourceDefinition {
  const found = customResourceDefinitions().find(({ spec }) => spec.names.kind === kind);
  if (found === undefined) throw new Error(`there is no definition of ${kind}`);
  return found;
}

export function schemaOf(kind: string): Schema {
  return definitionOf(kind).spec.versions[0].schema.openAPIV3Schema;
}

/** A validator of whole objects of a kind. */
export function validatorOf(kind: string): ValidateFunction {
  const ajv = new Ajv({ allErrors: true, strict: false, formats: { 'date-time': isMoment, int32: true, int64: true } });
  return ajv.compile(toJsonSchema(schemaOf(kind)));
}

/** What the validator has against a value; empty when nothing. */
export function faultsOf(validate: ValidateFunction, value: unknown): string[] {
  return validate(value) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath}: ${message}`);
}

function isMoment(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text));
}

/** OpenAPI's dialect in the words of JSON Schema. */
function toJsonSchema(schema: Schema): object {
  const { properties, additionalProperties, items, nullable, type, ...rest } = schema;
  const one = schema['x-kubernetes-int-or-string'] === true ? ['integer', 'string'] : type;
  return {
    ...rest,
    ...(one === undefined ? {} : { type: nullable === true ? [one, 'null'] : one }),
    ...(properties === undefined ? {} : { properties: mapValues(properties, toJsonSchema) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: toJsonSchema(additionalProperties) }),
    ...(items === undefined ? {} : { items: toJsonSchema(items) }),
  };
}

/** The value without fields that the schema does not have: what the server stores. `metadata` is the server's own. */
export function pruned(schema: Schema, value: unknown, isRoot = true): unknown {
  if (Array.isArray(value)) return schema.items === undefined ? value : value.map((item) => pruned(schema.items ?? {}, item, false));
  if (typeof value !== 'object' || value === null || schema['x-kubernetes-preserve-unknown-fields'] === true) return value;
  const { properties = {}, additionalProperties } = schema;
  const kept = Object.entries(value).flatMap(([key, field]): [string, unknown][] => {
    if (isRoot && key === 'metadata') return [[key, field]];
    const own = Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
    return own === undefined ? [] : [[key, pruned(own, field, false)]];
  });
  return Object.fromEntries(kept);
}

/** Texts for fields by name, so that many of a random object's are good. */
export type Samples = Readonly<Record<string, readonly string[]>>;

/** Objects that the schema takes, as far as patterns and samples go. They are small: most fields are left out. */
export function objectsOf(schema: Schema, samples: Samples, name = ''): fc.Arbitrary<unknown> {
  const { type, items = {}, minItems = 0, minimum = 0 } = schema;
  if (schema['x-kubernetes-int-or-string'] === true)
    return fc.oneof(fc.integer({ min: minimum, max: 1000 }), textOf(schema, samples, name));
  switch (type) {
    case undefined:
      return severalTypes(schema, samples, name);
    case 'boolean':
      return fc.boolean();
    case 'integer':
    case 'number':
      return fc.integer({ min: minimum, max: schema.maximum ?? 1_000_000 });
    case 'string':
      return textOf(schema, samples, name);
    case 'array':
      return fc.array(objectsOf(items, samples, name), { minLength: minItems, maxLength: Math.max(minItems, 2) });
    case 'object':
      return fieldsOf(schema, samples, name);
  }
}

function fieldsOf({ properties, additionalProperties, required = [] }: Schema, samples: Samples, name: string): fc.Arbitrary<unknown> {
  if (properties === undefined) {
    if (additionalProperties === undefined) return fc.constant({});
    const keys = fc.constantFrom(...(samples[`${name} keys`] ?? ['a', 'b']));
    return fc.dictionary(keys, objectsOf(additionalProperties, samples, name), { maxKeys: 2 });
  }
  const fields = mapValues(properties, (field, key) => objectsOf(field, samples, key));
  const optional = Object.keys(fields).filter((key) => !required.includes(key));
  return fc
    .subarray(optional, { maxLength: Math.min(optional.length, 2) })
    .chain((keys) => fc.record(Object.fromEntries([...required, ...keys].map((key) => [key, fields[key] ?? fc.constant(undefined)]))));
}

function severalTypes(schema: Schema, samples: Samples, name: string): fc.Arbitrary<unknown> {
  const text = textOf(schema, samples, name);
  if (schema.items === undefined) return fc.oneof(text, fc.double({ min: schema.minimum, max: 64, noNaN: true }));
  return fc.oneof(text, fc.array(objectsOf(schema.items, samples, name), { minLength: 1, maxLength: 3 }));
}

function textOf({ enum: words, pattern, minLength = 0, maxLength = 64 }: Schema, samples: Samples, name: string): fc.Arbitrary<unknown> {
  if (words !== undefined) return fc.constantFrom(...words);
  const known = samples[name];
  const any =
    pattern === undefined
      ? fc.string({ minLength, maxLength: Math.min(maxLength, 32) })
      : fc.stringMatching(new RegExp(pattern), { size: 'xsmall' }).filter((text) => [...text].length <= maxLength);
  return known === undefined ? any : fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...known) }, { weight: 1, arbitrary: any });
}

/** The value, with something in it of another type, or a field that nobody knows. */
export function spoilt(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(value, fc.nat(), fc.constantFrom<unknown>(null, 7, true, 'text', [], {}, ['x'], { x: 1 }), fc.boolean())
    .map(([whole, where, wrong, adds]) => {
      const copy = structuredClone(whole);
      const places = placesOf(copy);
      const place = places[where % Math.max(places.length, 1)];
      if (place === undefined) return copy;
      if (adds && !Array.isArray(place.holder)) place.holder['zzzz'] = wrong;
      else place.holder[place.key] = wrong;
      return copy;
    });
}

interface Place {
  readonly holder: Record<string, unknown>;
  readonly key: string;
}

function placesOf(value: unknown): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...placesOf(holder[key])]);
}

function mapValues<In, Out>(record: Readonly<Record<string, In>>, change: (value: In, key: string) => Out): Record<string, Out> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
