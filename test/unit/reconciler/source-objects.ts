/** PolicySource objects as the API gives them: a good one, with what a test changes; and what is read from them. */
import { readSourceObject } from '../../../reconciler/src/source-object.ts';
import type { SourceSpec } from '../../../reconciler/src/source-spec.ts';

export const commitOf = (digit: string): string => digit.repeat(40);

type Change = Readonly<Record<string, unknown>>;

/** `metadata` adds to that of the good one; everything else takes its place. */
export function sourceObject({ metadata, ...change }: { readonly metadata?: Change } & Change = {}): Change {
  return {
    apiVersion: 'parapet.dev/v1alpha1',
    kind: 'PolicySource',
    metadata: { name: 'shop', namespace: 'parapet-system', uid: 'u-1', generation: 3, ...metadata },
    spec: { url: 'https://git.test/shop/policies.git' },
    ...change,
  };
}

export const URL = 'https://git.test/shop/policies.git';
/** What a source with these fields besides a good URL asks for; throws where something is wrong with it. */
export const read = (fields: Record<string, unknown>): SourceSpec => {
  const { spec, problems } = readSourceObject(sourceObject({ spec: { url: URL, ...fields } }));
  if (spec === undefined) throw new Error(JSON.stringify(problems));
  return spec;
};
const complaints = (value: unknown): string[] =>
  readSourceObject(value).problems.map(
    ({ code, place, message, hint }) => `${place.field ?? ''} ${code}: ${message}${hint === undefined ? '' : ` (${hint})`}`,
  );

/** What is said of such a source. */
export const complaintsOf = (fields: Record<string, unknown>): string[] => complaints(sourceObject({ spec: { url: URL, ...fields } }));
