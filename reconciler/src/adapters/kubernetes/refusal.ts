/** What the API server does not like about a policy, as problems for whoever wrote it. */
import { refKey } from '@parapet/policy';
import type { PolicyRef, Problem } from '@parapet/policy';
import { plain } from '../../describe.ts';
import type { ApiError } from './answer.ts';

/** One problem for each cause that the server gives. */
export function refusalOf(policy: PolicyRef, error: ApiError): readonly Problem[] {
  const object = refKey(policy);
  if (error.reason === 'Conflict' && error.causes.some(({ reason }) => reason === 'FieldManagerConflict')) {
    return error.causes.map((cause) => ({
      code: 'field-conflict',
      severity: 'error',
      place: { object, field: cause.field.replace(/^\./, '') },
      message: `somebody else owns this field: ${plain(cause.message).slice(0, 300)}`,
      hint: 'let them give it up, or set spec.force: true on the PolicySource to take it over',
    }));
  }
  const said = error.causes.length > 0 && error.reason === 'Invalid' ? error.causes : [{ field: '', message: error.message }];
  return said.map(({ field, message }) => ({
    code: 'server-refused',
    severity: 'error',
    place: { object, ...(field === '' ? {} : { field }) },
    message: `the API server refuses it: ${plain(message).slice(0, 500)}`,
    ...hintFor(policy, error),
  }));
}

function hintFor({ namespace }: PolicyRef, { reason, code }: ApiError): { readonly hint?: string } {
  if (reason === 'Forbidden') return { hint: 'give the account that writes (spec.serviceAccountName, or the reconciler) the right to' };
  if (code === 404)
    return { hint: namespace === '' ? 'install the CRDs: parapet install --crds-only' : `is there a namespace ${namespace}?` };
  return {};
}
