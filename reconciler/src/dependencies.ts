/** Which sources wait for which (`spec.dependsOn`). */
import { sourceName } from './source-loop-parts.ts';
import type { OpenObject, SourceObject } from './source-loop-parts.ts';

type Named = { readonly namespace: string; readonly name: string };

/** Why the source has to wait, as a sentence; `undefined` when it need not. `find`: a source as it is now, its newest status with it. */
export function obstacleOf(object: OpenObject, find: (name: string) => SourceObject | undefined): string | undefined {
  const circle = circleFrom(object, find);
  if (circle !== undefined) return `it depends on itself, so it never gets ready: ${circle.join(' → ')}`;
  for (const dependency of object.spec.dependsOn) {
    const name = sourceName(dependency);
    const other = find(name);
    if (other === undefined) return `it depends on the PolicySource ${name}, and there is none`;
    if (!isReady(other)) return `it depends on the PolicySource ${name}, which is not ready: ${reasonOf(other)}`;
  }
  return undefined;
}

/** Whether what the source asks for now is applied whole. */
export function isReady({ identity, status }: SourceObject): boolean {
  const ready = status.conditions.find(({ type }) => type === 'Ready');
  return !identity.isDeleted && ready?.status === 'True' && ready.observedGeneration === identity.generation;
}

function reasonOf({ identity, status }: SourceObject): string {
  const ready = status.conditions.find(({ type }) => type === 'Ready');
  if (identity.isDeleted) return 'it is being deleted';
  if (ready === undefined) return 'nobody has looked at it yet';
  return ready.observedGeneration === identity.generation ? ready.message : 'its new spec is not carried out yet';
}

/** The way from the source back to itself. */
function circleFrom(object: OpenObject, find: (name: string) => SourceObject | undefined): readonly string[] | undefined {
  const start = sourceName(object.identity);
  const seen = new Set<string>();
  const walk = (dependencies: readonly Named[], path: readonly string[]): readonly string[] | undefined => {
    for (const name of dependencies.map(sourceName)) {
      if (name === start) return [...path, name];
      if (seen.has(name)) continue;
      seen.add(name);
      const found = walk(find(name)?.spec?.dependsOn ?? [], [...path, name]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return walk(object.spec.dependsOn, [start]);
}
