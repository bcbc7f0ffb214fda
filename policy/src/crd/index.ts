/** The custom resource definitions of Parapet, as plain objects that an API server takes. */
import { POLICY_KINDS } from '../parse.ts';
import type { CustomResourceDefinition } from './definition.ts';
import { policyDefinition } from './policy-definitions.ts';
import { reportDefinition } from './report-definition.ts';
import { sourceDefinition } from './source-definition.ts';

export type { CustomResourceDefinition, PrinterColumn } from './definition.ts';
export type { Schema, ValidationRule } from './schema.ts';

/** All of them: the three kinds of policy, PolicySource and NodeReport. */
export function customResourceDefinitions(): readonly CustomResourceDefinition[] {
  return [...POLICY_KINDS.map(policyDefinition), sourceDefinition(), reportDefinition()];
}
