/** `delivery` of a PolicySource. */
import { reading } from '@parapet/policy';
import { readGitUrl, readName, readPath, readRefName, readSecretRef } from './source-fields.ts';
import type { DeliverySpec, GitRef, LocalRef } from './source-spec.ts';

const { at, checkFields, isAbsent, readChoice, readObject, refuse, refuseMissing } = reading;
type Cursor = reading.Cursor;

const FIELDS = {
  Direct: ['mode'],
  RenderedBranch: ['mode', 'branch', 'path', 'url', 'secretRef'],
  FluxArtifact: ['mode', 'artifactName'],
} as const;
const MODES = ['Direct', 'RenderedBranch', 'FluxArtifact'] as const;

/** What of the source the delivery falls back to. */
interface OfSource {
  readonly name: string;
  readonly ref: GitRef;
  readonly secret: LocalRef | undefined;
}

export function readDelivery(cursor: Cursor, source: OfSource): DeliverySpec {
  const body = readObject(cursor);
  if (body === undefined) return { mode: 'Direct' };
  const mode = readChoice(at(body, 'mode'), MODES);
  if (mode === undefined) return { mode: 'Direct' };
  checkModeFields(body, mode);
  if (mode === 'Direct') return { mode };
  if (mode === 'FluxArtifact') return { mode, artifactName: readName(at(body, 'artifactName')) ?? source.name };
  return readRenderedBranch(body, source);
}

/** A field of another mode is a mistake about the mode, and said so. */
function checkModeFields(body: Cursor, mode: (typeof MODES)[number]): void {
  const hints = MODES.filter((other) => other !== mode).flatMap((other) =>
    FIELDS[other].map((field) => [field, `that is for mode ${other}`]),
  );
  checkFields(body, { known: FIELDS[mode], hints: Object.fromEntries(hints) as Record<string, string> });
}

function readRenderedBranch(body: Cursor, { ref, secret: sourceSecret }: OfSource): DeliverySpec {
  const branchField = at(body, 'branch');
  if (isAbsent(branchField)) refuseMissing(branchField, { hint: 'the branch that the YAML is written to' });
  const branch = isAbsent(branchField) ? undefined : readRefName(branchField);
  const url = readGitUrl(at(body, 'url'));
  const reads = ref.kind === 'branch' || ref.kind === 'name' ? ref.value.replace(/^refs\/heads\//, '') : undefined;
  if (url === undefined && branch !== undefined && branch === reads) {
    refuse(branchField, { code: 'invalid-value', message: 'is the branch that the source reads', hint: 'write to another one' });
  }
  // A repository of its own may be another host's, which must not see the source's credentials.
  const secret = readSecretRef(at(body, 'secretRef')) ?? (isAbsent(at(body, 'url')) ? sourceSecret : undefined);
  return {
    mode: 'RenderedBranch',
    branch: branch ?? '',
    path: readPath(at(body, 'path')) ?? '.',
    ...(url === undefined ? {} : { url }),
    ...(secret === undefined ? {} : { secret }),
  };
}
