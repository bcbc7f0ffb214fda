/** The schema of conditions, as every kind has them: https://kubernetes.io's own fields, one of each type. */
import { list, moment, object, text, whole, word } from './schema.ts';
import type { Schema } from './schema.ts';

/** Most characters of a condition's message. */
export const MAX_MESSAGE = 32_768;

/** A number that only grows with the changes of a spec. */
export function observedGeneration(description: string): Schema {
  return whole(description, { format: 'int64', minimum: 0 });
}

/** `about` says what types there are and what they mean. */
export function conditions(about: string): Schema {
  const condition = object(
    'One aspect of the state.',
    {
      type: text('Which aspect.', { maxLength: 316, pattern: '^[A-Za-z0-9./_-]+$' }),
      status: word('Whether it holds.', ['True', 'False', 'Unknown']),
      observedGeneration: observedGeneration('The metadata.generation that this is about.'),
      lastTransitionTime: moment('When the status last became another one.'),
      reason: text('Why, in one word for programs.', { minLength: 1, pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$' }),
      message: text('Why, in a sentence for people.', { maxLength: MAX_MESSAGE }),
    },
    { required: ['type', 'status', 'lastTransitionTime', 'reason', 'message'] },
  );
  return list(about, condition, {
    maxItems: 32,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['type'],
  });
}
