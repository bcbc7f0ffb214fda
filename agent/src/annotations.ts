/** What a pod's annotations say about how its containers are treated. */

/** `enabled`: policies are in force. `audited`: they only give alerts. `disabled`: there are none for it. */
export type Mode = 'enabled' | 'audited' | 'disabled';

const MODES: readonly Mode[] = ['enabled', 'audited', 'disabled'];
/** The first that is there counts. Never labels: those of an image become its container's, so its author could choose. */
const ANNOTATIONS = ['kubearmor-policy', 'parapet.dev/policy'];

/** The mode of a container. What is none of the three means `enabled`, which is never weaker, and is told. */
export function modeOf(annotations: Readonly<Record<string, string>>): { readonly mode: Mode; readonly warning?: string } {
  const key = ANNOTATIONS.find((known) => Object.hasOwn(annotations, known));
  const text = key === undefined ? undefined : annotations[key];
  if (key === undefined || text === undefined) return { mode: 'enabled' };
  const mode = MODES.find((known) => known === text.trim().toLowerCase());
  if (mode !== undefined) return { mode };
  return {
    mode: 'enabled',
    warning: `${key} is ${JSON.stringify(text.slice(0, 80))}, which is none of ${MODES.join(', ')}: taken as enabled`,
  };
}
