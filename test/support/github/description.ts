/** GitHub's published description of the operations that the stand-in serves, as validators. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import type { ValidateFunction } from 'ajv';

interface Operation {
  readonly operationId: string;
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Record<string, unknown> } } };
  readonly responses: Readonly<Record<string, { readonly content?: { readonly 'application/json': { readonly schema: object } } }>>;
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: object;
}

/** A request that GitHub describes. */
export interface Described {
  readonly operationId: string;
  /** The parts of the path by their names, decoded. */
  readonly parameters: Readonly<Record<string, string>>;
  /** What is wrong with this body, one sentence each. */
  faultsOfRequest(body: unknown): string[];
  /** What is wrong with this answer, one sentence each. */
  faultsOfResponse(status: number, body: unknown): string[];
}

const DESCRIPTION = JSON.parse(readFileSync(join(import.meta.dirname, 'openapi-extract.json'), 'utf8')) as Description;
const ROOT = 'github';

// OpenAPI has keywords of its own, and `uri` and `date-time` are for readers here
const ajv = new Ajv({ allErrors: true, strict: false, validateFormats: false });
ajv.addSchema({ components: DESCRIPTION.components }, ROOT);

/** The operation of a request, or `undefined` when the extract has none. */
export function findOperation(method: string, path: string): Described | undefined {
  for (const [template, methods] of Object.entries(DESCRIPTION.paths)) {
    const parameters = matchPath(template, path);
    const operation = methods[method.toLowerCase()];
    if (parameters !== undefined && operation !== undefined) return describeOperation(operation, parameters);
  }
  return undefined;
}

function describeOperation(operation: Operation, parameters: Record<string, string>): Described {
  const body = operation.requestBody?.content['application/json'].schema;
  return {
    operationId: operation.operationId,
    parameters,
    // what GitHub ignores without a word, nobody meant to send
    faultsOfRequest: (value) => (body === undefined ? [] : faults({ ...body, additionalProperties: false }, value)),
    faultsOfResponse: (status, value) => {
      const schema = operation.responses[status]?.content?.['application/json'].schema;
      // errors are described for the whole interface, not for each operation
      return faults(schema ?? { $ref: '#/components/schemas/basic-error' }, value);
    },
  };
}

function matchPath(template: string, path: string): Record<string, string> | undefined {
  const [wanted, given] = [template.split('/'), path.split('/')];
  if (wanted.length !== given.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? '';
    if (part.startsWith('{') && value !== '') parameters[part.slice(1, -1)] = decodeURIComponent(value);
    else if (part !== value) return undefined;
  }
  return parameters;
}

const validators = new Map<string, ValidateFunction>();

function faults(schema: object, value: unknown): string[] {
  const text = JSON.stringify(schema).replaceAll('"#/components', `"${ROOT}#/components`);
  const validate = validators.get(text) ?? ajv.compile(JSON.parse(text) as object);
  validators.set(text, validate);
  if (validate(value)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message }) => `${instancePath === '' ? 'the body' : instancePath} ${message ?? 'is wrong'}`,
  );
}
