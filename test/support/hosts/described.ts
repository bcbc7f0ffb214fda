/** A host's published API description, as far as a stand-in serves it, as validators. OpenAPI 3 and Swagger 2. */
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import type { ValidateFunction } from 'ajv';

interface Parameter {
  readonly $ref?: string;
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  /** OpenAPI has it here, Swagger in the parameter itself; a body's is here in both. */
  readonly schema?: object;
}

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content: { readonly 'application/json': { readonly schema: object } } };
  readonly responses: Readonly<Record<string, object>>;
}

interface Extract {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** A request that the host describes. */
export interface Described {
  readonly operationId: string;
  /** The parts of the path by their names, decoded. */
  readonly parameters: Readonly<Record<string, string>>;
  /** What is wrong with this body and query, one sentence each. */
  faultsOfRequest(body: unknown, query?: URLSearchParams): string[];
  /** What is wrong with this answer, one sentence each. */
  faultsOfResponse(status: number, body: unknown): string[];
}

export interface Reading {
  /** The extract's file. */
  readonly file: string;
  /** What answers look like that the operation doesn't describe: hosts describe errors for the whole interface, if at all. */
  readonly errors: object;
  /** Query parameters that the host takes everywhere, without saying so for each operation. */
  readonly anywhere?: readonly string[];
}

/** Finds the operation of a request, or `undefined` when the extract has none. */
export type FindOperation = (method: string, path: string) => Described | undefined;

export function readDescription({ file, errors, anywhere = [] }: Reading): FindOperation {
  const extract = nullable(JSON.parse(readFileSync(file, 'utf8'))) as Extract;
  // Descriptions have keywords of their own, and `uri` and `date-time` are for readers here.
  const ajv = new Ajv({ allErrors: true, strict: false, validateFormats: false });
  ajv.addSchema(extract, 'api');
  const validators = new WeakMap<object, ValidateFunction>();
  const stricter = new WeakMap<object, object>();

  function faults(schema: object, value: unknown, what: string): string[] {
    const validate = validators.get(schema) ?? compiled(schema);
    validators.set(schema, validate);
    if (validate(value)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message }) => `${instancePath === '' ? what : instancePath} ${message ?? 'is wrong'}`,
    );
  }

  function compiled(schema: object): ValidateFunction {
    return ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"api#/')) as object);
  }

  /** What a reference leads to. */
  function resolved<T extends object>(value: T): T {
    const { $ref } = value as { readonly $ref?: string };
    if ($ref === undefined) return value;
    const path = $ref.slice(2).split('/');
    return resolved(path.reduce<unknown>((found, part) => (found as Readonly<Record<string, unknown>>)[part], extract) as T);
  }

  /** What a host ignores without a word, nobody meant to send. */
  function strict(schema: object): object {
    const found = resolved(schema);
    const bounded = 'properties' in found && !('anyOf' in found) && !('oneOf' in found);
    const made = stricter.get(schema) ?? (bounded ? { ...found, additionalProperties: false } : schema);
    stricter.set(schema, made);
    return made;
  }

  function faultsOfQuery(parameters: readonly Parameter[], query: URLSearchParams): string[] {
    return [...query].flatMap(([name, text]) => {
      const parameter = parameters.find((one) => one.in === 'query' && one.name === name);
      if (parameter === undefined) return anywhere.includes(name) ? [] : [`the query has no ${name}`];
      const schema = resolved(parameter.schema ?? (parameter as object));
      const value = 'type' in schema && schema.type === 'integer' && /^\d+$/.test(text) ? Number(text) : text;
      const { enum: among, type } = schema as { readonly enum?: readonly unknown[]; readonly type?: string };
      if (among !== undefined && !among.includes(value)) return [`the query's ${name} can't be ${text}`];
      return type === 'integer' && typeof value !== 'number' ? [`the query's ${name} is no number`] : [];
    });
  }

  function describe(operation: Operation, parameters: Record<string, string>): Described {
    const known = operation.parameters.map(resolved);
    const inBody = known.find((one) => one.in === 'body');
    const body = operation.requestBody?.content['application/json'].schema ?? inBody?.schema;
    const required = operation.requestBody?.required ?? inBody?.required ?? false;
    return {
      operationId: operation.operationId,
      parameters,
      faultsOfRequest: (value, query = new URLSearchParams()) => {
        const ofBody = body === undefined || (value === undefined && !required) ? [] : faults(strict(body), value, 'the body');
        return [...ofBody, ...faultsOfQuery(known, query)];
      },
      faultsOfResponse: (status, value) => {
        const response = operation.responses[status];
        const described =
          response === undefined ? {} : (resolved(response) as { content?: Record<string, { schema: object }>; schema?: object });
        const schema = described.content?.['application/json']?.schema ?? described.schema;
        return schema === undefined && value === undefined ? [] : faults(schema ?? errors, value, 'the body');
      },
    };
  }

  return (method, path) => {
    for (const [template, methods] of Object.entries(extract.paths)) {
      const parameters = matchPath(template, path);
      const operation = methods[method.toLowerCase()];
      if (parameters !== undefined && operation !== undefined) return describe(operation, parameters);
    }
    return undefined;
  };
}

/** What may be `null` may be so among named values, too: that is how OpenAPI 3.0 means it, and not how JSON Schema does. */
function nullable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(nullable);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, nullable(item)]));
  return copy['nullable'] === true && Array.isArray(copy['enum']) ? { ...copy, enum: [...(copy['enum'] as unknown[]), null] } : copy;
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
