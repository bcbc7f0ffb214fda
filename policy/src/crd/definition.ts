/** CustomResourceDefinitions as plain objects. */
import { object, text } from './schema.ts';
import type { Schema, ValidationRule } from './schema.ts';

export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description?: string;
  /** 0, the default: always; else with `-o wide` only. */
  readonly priority?: number;
}

/** What there is to say about a kind. */
export interface KindOfResource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly shortName: string;
  readonly categories: readonly string[];
  readonly scope: 'Namespaced' | 'Cluster';
  readonly description: string;
  /** The object's own fields besides the usual three. */
  readonly fields: Readonly<Record<string, Schema>>;
  readonly required: readonly string[];
  /** Of the object as a whole; its name and nothing else of `metadata` can be judged. */
  readonly rules?: readonly ValidationRule[];
  /** Whether `status` is written by requests of its own, with a permission of its own. */
  readonly hasStatusSubresource: boolean;
  readonly columns: readonly PrinterColumn[];
}

export interface CustomResourceDefinition {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly group: string;
    readonly scope: KindOfResource['scope'];
    readonly names: {
      readonly kind: string;
      readonly listKind: string;
      readonly plural: string;
      readonly singular: string;
      readonly shortNames: readonly string[];
      readonly categories: readonly string[];
    };
    readonly versions: readonly [
      {
        readonly name: string;
        readonly served: true;
        readonly storage: true;
        readonly schema: { readonly openAPIV3Schema: Schema };
        readonly subresources?: { readonly status: Record<string, never> };
        readonly additionalPrinterColumns: readonly PrinterColumn[];
      },
    ];
  };
}

const AGE: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

export function define(resource: KindOfResource): CustomResourceDefinition {
  const { group, version, kind, plural, shortName, categories, scope, description, fields, required } = resource;
  const whole = object(
    description,
    {
      apiVersion: text(`${group}/${version}`, { maxLength: 256 }),
      kind: text(kind, { maxLength: 256 }),
      metadata: { type: 'object' },
      ...fields,
    },
    { required, ...(resource.rules === undefined ? {} : { 'x-kubernetes-validations': resource.rules }) },
  );
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, labels: { 'app.kubernetes.io/part-of': 'parapet' } },
    spec: {
      group,
      scope,
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), shortNames: [shortName], categories },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: whole },
          ...(resource.hasStatusSubresource ? { subresources: { status: {} } } : {}),
          additionalPrinterColumns: [...resource.columns, AGE],
        },
      ],
    },
  };
}
