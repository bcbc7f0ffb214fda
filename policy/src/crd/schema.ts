/**
 * Structural schemas of custom resources: the part of OpenAPI v3 that an API server takes, and short ways to write it. Every text and every
 * list has a bound, since only then can the server tell what its rules in CEL may cost.
 */

/** A rule in CEL, told when it is broken. */
export interface ValidationRule {
  readonly rule: string;
  readonly message: string;
  /** The field that the message is about, relative to the schema's own: `.branch`. */
  readonly fieldPath?: string;
}

export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly description?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly enum?: readonly (string | boolean)[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly not?: Schema;
  readonly 'x-kubernetes-int-or-string'?: true;
  readonly 'x-kubernetes-preserve-unknown-fields'?: true;
  readonly 'x-kubernetes-map-type'?: 'atomic';
  readonly 'x-kubernetes-list-type'?: 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
}

/** What a schema says besides its type and description. */
export type Bounds = Omit<Schema, 'type' | 'description'>;

/** Most characters of a text that says no other bound. */
const TEXT = 1024;

export function text(description: string, bounds: Bounds = {}): Schema {
  const closed = bounds.enum === undefined ? { maxLength: TEXT } : {};
  return { description, type: 'string', ...closed, ...bounds };
}

/** One of a few words. */
export function word(description: string, words: readonly string[]): Schema {
  return { description, type: 'string', enum: words };
}

export function flag(description: string): Schema {
  return { description, type: 'boolean' };
}

/** A whole number. */
export function whole(description: string, bounds: Bounds): Schema {
  return { description, type: 'integer', ...bounds };
}

/** A moment, as RFC 3339 writes it. */
export function moment(description: string): Schema {
  return { description, type: 'string', format: 'date-time', maxLength: 64 };
}

export function list(description: string, items: Schema, bounds: Bounds & { readonly maxItems: number }): Schema {
  return { description, type: 'array', items, ...bounds };
}

export function object(description: string, properties: Readonly<Record<string, Schema>>, bounds: Bounds = {}): Schema {
  return { description, type: 'object', properties, ...bounds };
}

/** Keys of the writer's own choice, all with values of one kind. */
export function map(description: string, values: Schema, bounds: Bounds & { readonly maxProperties: number }): Schema {
  return { description, type: 'object', additionalProperties: values, ...bounds };
}

/** A field whose value may be of several types, which a structural schema cannot name: what it must not be is shut out by impossible bounds. */
export const NEITHER = {
  object: { minProperties: 1, maxProperties: 0 },
  list: { minItems: 1, maxItems: 0 },
  number: { minimum: 1, maximum: 0 },
  boolean: { not: { enum: [true, false] } },
} as const satisfies Readonly<Record<string, Bounds>>;
