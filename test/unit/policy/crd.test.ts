/** What holds for all definitions, whatever they are about. */
import { describe, expect, test } from '@jest/globals';
import { customResourceDefinitions } from '@parapet/policy';
import type { Schema } from '@parapet/policy';

interface Place {
  readonly path: string;
  readonly schema: Schema;
}

/** A schema and everything inside of it that describes values. */
function placesIn(schema: Schema, path: string): Place[] {
  const { properties = {}, items, additionalProperties } = schema;
  return [
    { path, schema },
    ...Object.entries(properties).flatMap(([key, field]) => placesIn(field, `${path}.${key}`)),
    ...(items === undefined ? [] : placesIn(items, `${path}[]`)),
    ...(additionalProperties === undefined ? [] : placesIn(additionalProperties, `${path}.*`)),
  ];
}

test('kinds, names and scopes are those that people know', () => {
  const names = customResourceDefinitions().map(({ metadata, spec }) => [
    metadata.name,
    spec.names.shortNames[0],
    spec.scope,
    spec.versions[0].name,
  ]);
  expect(names).toEqual([
    ['kubearmorpolicies.security.kubearmor.com', 'ksp', 'Namespaced', 'v1'],
    ['kubearmorclusterpolicies.security.kubearmor.com', 'csp', 'Cluster', 'v1'],
    ['kubearmorhostpolicies.security.kubearmor.com', 'hsp', 'Cluster', 'v1'],
    ['policysources.parapet.dev', 'psrc', 'Namespaced', 'v1alpha1'],
    ['nodereports.parapet.dev', 'nrep', 'Cluster', 'v1alpha1'],
  ]);
});

describe.each(customResourceDefinitions())('$spec.names.kind', ({ spec }) => {
  const places = placesIn(spec.versions[0].schema.openAPIV3Schema, spec.names.kind);
  const where = (isWrong: (schema: Schema, path: string) => boolean): string[] =>
    places.filter(({ schema, path }) => isWrong(schema, path)).map(({ path }) => path);
  const mayHaveSeveralTypes = (schema: Schema): boolean =>
    schema['x-kubernetes-int-or-string'] === true || schema['x-kubernetes-preserve-unknown-fields'] === true;

  test('every field is described, in sentences', () => {
    expect(where(({ description }, path) => !path.endsWith('.metadata') && !/^\S.*\S$/s.test(description ?? ''))).toEqual([]);
  });

  test('every value has a type, but for those that may have several', () => {
    expect(where((schema) => (schema.type === undefined) !== mayHaveSeveralTypes(schema))).toEqual([]);
  });

  test('every text, list and map has a bound', () => {
    expect(where(({ type, maxLength, enum: words }) => type === 'string' && maxLength === undefined && words === undefined)).toEqual([]);
    expect(where(({ type, maxItems }) => type === 'array' && maxItems === undefined)).toEqual([]);
    expect(where(({ additionalProperties, maxProperties }) => additionalProperties !== undefined && maxProperties === undefined)).toEqual(
      [],
    );
  });

  test('every number has a least value', () => {
    expect(where(({ type, minimum, format }) => type === 'integer' && minimum === undefined && format !== 'int32')).toEqual([]);
  });

  test('nothing is defaulted: what is stored is what was written', () => {
    expect(JSON.stringify(spec)).not.toContain('"default":');
  });

  test('nothing but what may have several types escapes pruning', () => {
    const escaping = where((schema) => schema['x-kubernetes-preserve-unknown-fields'] === true).map((path) => path.split('.').at(-1));
    expect(escaping.filter((field) => field !== 'cidr' && field !== 'cpu')).toEqual([]);
  });

  test('patterns hold for whole texts', () => {
    expect(where(({ pattern = '^$' }) => !pattern.startsWith('^') || !pattern.endsWith('$'))).toEqual([]);
  });

  test('required fields are there', () => {
    expect(where(({ required = [], properties = {} }) => required.some((field) => !Object.hasOwn(properties, field)))).toEqual([]);
  });

  test('nobody else writes into a spec that one manager owns', () => {
    const policy = spec.group === 'security.kubearmor.com';
    expect(where((schema) => schema['x-kubernetes-map-type'] === 'atomic')).toEqual(policy ? [`${spec.names.kind}.spec`] : []);
  });

  test('columns show fields that there are', () => {
    const fields = new Set(places.map(({ path }) => path.slice(spec.names.kind.length)));
    const shown = spec.versions[0].additionalPrinterColumns.map(({ jsonPath }) => jsonPath.replace(/\[\?[^\]]*\]/, '[]'));
    expect(shown.filter((path) => !path.startsWith('.metadata.') && !fields.has(path))).toEqual([]);
  });
});
