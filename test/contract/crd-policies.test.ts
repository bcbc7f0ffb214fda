/** The schemas of the three kinds of policy and the parser: what one takes the other knows. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parsePolicy, POLICY_KINDS } from '@parapet/policy';
import type { PolicyKind, Problem, Schema } from '@parapet/policy';
import { parseAllDocuments } from 'yaml';
import { definitionOf, faultsOf, objectsOf, pruned, schemaOf, spoilt, validatorOf } from '../support/crd.ts';
import type { Samples } from '../support/crd.ts';

const root = join(import.meta.dirname, '../..');
/** A folder of policies that people wrote for KubeArmor; they are not part of this repository. */
const corpus = process.env['PARAPET_CORPUS'];
const validators = new Map(POLICY_KINDS.map((kind) => [kind, validatorOf(kind)]));

const SAMPLES: Samples = {
  path: ['/bin/sh', '/etc/passwd', '/a b', '/etc/'],
  dir: ['/', '/etc/', '/usr/bin/'],
  execname: ['sh', 'a b'],
  pattern: ['/**/x', '/etc/*.conf', '/a'],
  allowedArgs: ['', '-c'],
  protocol: ['tcp', 'UDP', 'udp'],
  domain: ['example.com', '.Example.com.'],
  capability: ['net_raw', 'CAP_NET_RAW, chown'],
  cidr: ['10.0.0.0/8', 'fd00::/8', '::1'],
  except: ['10.1.0.0/16'],
  values: ['a=b', 'app=web'],
  device: ['8:0', '/dev/sda'],
  memory: ['256Mi', '1.5Gi'],
  'matchLabels keys': ['app', 'kubearmor.io/container.name', 'kubernetes.io/hostname'],
  matchLabels: ['web', '[web, api]'],
};

function parse(value: unknown): { readonly errors: readonly Problem[] } {
  return { errors: parsePolicy(value, {}).problems.filter(({ severity }) => severity === 'error') };
}

function faults(kind: PolicyKind, value: unknown): string[] {
  const found = faultsOf(validators.get(kind)!, value);
  try {
    expect(pruned(schemaOf(kind), value)).toEqual(value);
  } catch {
    found.push('something of it is pruned');
  }
  return found;
}

function manifestsIn(folder: string): { readonly file: string; readonly value: { readonly kind?: unknown } }[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.ya?ml$/.test(file) && !file.startsWith('install'))
    .flatMap((file) =>
      parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => ({ file, value: document.toJS() as object | null })),
    )
    .filter((manifest): manifest is { file: string; value: object } => manifest.value !== null);
}

describe('what is written', () => {
  test('every policy of the examples is taken whole', () => {
    const manifests = manifestsIn(join(root, 'test/golden')).filter(({ value }) => validators.has(value.kind as PolicyKind));
    const wrong = manifests.flatMap(({ file, value }) => faults(value.kind as PolicyKind, value).map((fault) => `${file}: ${fault}`));
    expect(manifests.length).toBeGreaterThan(5);
    expect(wrong).toEqual([]);
  });

  // Only where there is one: what is not part of this repository can't be missing from it.
  (corpus === undefined ? () => undefined : test)(
    'every policy of the corpus that the parser takes is taken whole (PARAPET_CORPUS)',
    () => {
      const good = manifestsIn(corpus ?? '').filter(({ value }) => parse(value).errors.length === 0);
      const wrong = good.flatMap(({ file, value }) => faults(value.kind as PolicyKind, value).map((fault) => `${file}: ${fault}`));
      expect(good.length).toBeGreaterThan(100);
      expect(wrong).toEqual([]);
    },
  );
});

/** Fields that the schema has so that KubeArmor's policies are not silently weakened, and that the parser refuses by name. */
const NOT_YET = ['apparmor', 'device'];
const UNKNOWN = 'zzzzzzzz';

/** Every object of a schema with fields of its own: where it is, and one that can stand there. */
function objectsIn(
  schema: Schema,
  path: string,
): { readonly path: string; readonly fields: readonly string[]; readonly wrap: (own: object) => unknown }[] {
  if (schema.items !== undefined) return objectsIn(schema.items, `${path}[0]`).map((one) => ({ ...one, wrap: (own) => [one.wrap(own)] }));
  if (schema.properties === undefined) return [];
  const { properties } = schema;
  const below = Object.entries(properties)
    .filter(([key]) => path !== 'spec' || !NOT_YET.includes(key))
    .flatMap(([key, field]) =>
      objectsIn(field, `${path}.${key}`).map((one) => ({ ...one, wrap: (own: object): unknown => ({ [key]: one.wrap(own) }) })),
    );
  return [{ path, fields: Object.keys(properties), wrap: (own) => own }, ...below];
}

/** The fields that the parser knows in an object, from what it says about one that it does not know. */
function knownTo(problems: readonly Problem[], path: string): string[] {
  const found = problems.find(({ code, place }) => code === 'unknown-field' && place.field === `${path}.${UNKNOWN}`);
  return (found?.hint ?? '').replace('known here: ', '').split(', ');
}

describe.each(POLICY_KINDS)('%s', (kind) => {
  const spec = schemaOf(kind).properties?.['spec'] ?? {};
  const manifest = (content: unknown): object => ({
    apiVersion: 'security.kubearmor.com/v1',
    kind,
    metadata: { name: 'p' },
    spec: content,
  });

  test.each(objectsIn(spec, 'spec'))('the parser knows the fields of $path, and no others', ({ path, fields, wrap }) => {
    const known = new Set(knownTo(parsePolicy(manifest(wrap({ [UNKNOWN]: 1 })), {}).problems, path));
    // A source is either of two forms.
    if (path.endsWith('fromSource[0]'))
      for (const field of knownTo(parsePolicy(manifest(wrap({ [UNKNOWN]: 1, dir: '/' })), {}).problems, path)) known.add(field);
    const enforced = path === 'spec' ? fields.filter((field) => !NOT_YET.includes(field)) : fields;
    expect([...known].sort()).toEqual([...enforced].sort());
  });

  const specs = objectsOf(spec, SAMPLES);

  test('what the parser takes, the schema takes whole', () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof(specs, spoilt(specs)), (content) => {
        const value = manifest(content);
        if (parse(value).errors.length > 0) return;
        taken += 1;
        // The parser takes them where they say nothing.
        expect(faults(kind, value).filter((fault) => !NOT_YET.some((field) => fault.startsWith(`/spec/${field}:`)))).toEqual([]);
      }),
      { numRuns: 500 },
    );
    expect(taken).toBeGreaterThan(20);
  });

  test('what the schema takes whole has nothing of the wrong type and no unknown field for the parser', () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof(specs, spoilt(specs)), (content) => {
        const value = manifest(content);
        if (faults(kind, value).length > 0) return;
        taken += 1;
        const drifted = parse(value).errors.filter(
          ({ code, place }) => (code === 'wrong-type' || code === 'unknown-field') && !isForCel(place.field ?? ''),
        );
        expect(drifted).toEqual([]);
      }),
      { numRuns: 500 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  test('is small enough for kubectl apply, which keeps the object in an annotation', () => {
    expect(JSON.stringify(definitionOf(kind)).length).toBeLessThan(200_000);
  });
});

/** Two forms of one object exclude each other by rules in CEL, which only a server evaluates. */
function isForCel(field: string): boolean {
  return /\.fromSource\[\d+\]\.(path|recursive)$/.test(field);
}
