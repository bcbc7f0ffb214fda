/** Namespaces: of their manifests only the postures count, which they have as annotations. */
import type { Posture, Postures } from './model.ts';
import type { Problem } from './problem.ts';
import { at, isAbsent, readNeededString, readObject, show, warn } from './reading.ts';
import type { Cursor, ManifestContext } from './reading.ts';

export interface NamespacePostures {
  readonly name: string;
  /** Those that the namespace says; the others are the node's. */
  readonly postures: Partial<Postures>;
}

const ANNOTATIONS = {
  'kubearmor-file-posture': 'file',
  'kubearmor-network-posture': 'network',
  'kubearmor-capabilities-posture': 'capabilities',
} as const;

/** Whether a value is the manifest of a namespace. */
export function isNamespaceManifest(value: unknown): boolean {
  const root: Cursor = { reading: { context: {}, object: '', problems: [] }, path: [], value };
  return at(root, 'apiVersion').value === 'v1' && at(root, 'kind').value === 'Namespace';
}

/** Reads the postures of a namespace. A posture that is none is passed over with a warning; without a name there is nothing to say. */
export function parseNamespace(value: unknown, context: ManifestContext): { namespace?: NamespacePostures; problems: Problem[] } {
  const problems: Problem[] = [];
  const root: Cursor = { reading: { context, object: 'Namespace', problems }, path: [], value };
  const metadata = at(root, 'metadata');
  const name = readNeededString(at(metadata, 'name'));
  const annotations = at(metadata, 'annotations');
  if (name === undefined) return { problems };
  if (isAbsent(annotations) || annotations.value === null || readObject(annotations) === undefined) {
    return { ...(problems.length === 0 ? { namespace: { name, postures: {} } } : {}), problems };
  }
  const said = Object.entries(ANNOTATIONS).flatMap(([key, section]) => {
    const posture = readPosture(at(annotations, key));
    return posture === undefined ? [] : [[section, posture] as const];
  });
  return { namespace: { name, postures: Object.fromEntries(said) }, problems };
}

function readPosture(cursor: Cursor): Posture | undefined {
  if (isAbsent(cursor)) return undefined;
  const text = typeof cursor.value === 'string' ? cursor.value.trim().toLowerCase() : '';
  if (text === 'audit' || text === 'block') return text;
  warn(cursor, {
    code: 'invalid-value',
    message: `${show(cursor.value)} is not a posture, so the node's default is taken`,
    hint: 'write audit or block',
  });
  return undefined;
}
