/** What the API server refuses to people, said so that they know what to do. */
import { StageError } from '../../stage-error.ts';
import { ApiError } from './answer.ts';

/** To do something with objects. */
export interface Right {
  readonly verb: string;
  /** `policysources.parapet.dev` */
  readonly resource: string;
  /** `undefined` is all of them, or none for what has no namespace. */
  readonly namespace: string | undefined;
}

/** A StageError instead of an ApiError; everything else as it is. */
export function userFailure(right: Right, error: unknown): unknown {
  if (!(error instanceof ApiError)) return error;
  return new StageError('target', sentence(right, error), { retry: false });
}

function sentence({ verb, resource, namespace }: Right, { code, message }: ApiError): string {
  const [, user, missing] = /User "([^"]{1,253})" cannot (\w+) resource/.exec(message) ?? [];
  if (code === 403 && user !== undefined) return `${user} lacks the right to ${rightText({ verb: missing ?? verb, resource, namespace })}`;
  // A list of what is not there is empty; that there is no such list is another matter.
  if (code === 404) return `the cluster does not know ${resource}: parapet install --crds-only | kubectl apply --server-side -f -`;
  return `the API server refuses to ${verb} ${resource}: ${message}`;
}

/** `list policysources.parapet.dev in the namespace shop`. */
export function rightText({ verb, resource, namespace }: Right): string {
  return `${verb} ${resource} in ${namespace === undefined ? 'the whole cluster' : `the namespace ${namespace}`}`;
}
