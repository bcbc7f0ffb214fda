/** The annotations of a container: its own specification's, and those of its pod, which CRI keeps with the pod's sandbox. */
import type { ContainerRecord } from './api.ts';
import { field, parse, specOf } from './spec.ts';

const SANDBOX_ID = 'io.kubernetes.cri.sandbox-id';
const SANDBOX_METADATA = 'io.cri-containerd.sandbox.metadata';

type Texts = Readonly<Record<string, string>>;

/** The specification's annotations. */
export function specAnnotations(record: ContainerRecord): Texts {
  return textsOf(field(specOf(record), 'annotations'));
}

/** The id of the sandbox of a container's pod; undefined where there is no pod, or the container is the sandbox itself. */
export function sandboxOf(record: ContainerRecord): string | undefined {
  const id = specAnnotations(record)[SANDBOX_ID];
  return id === record.id ? undefined : id;
}

/** The annotations of the pod whose sandbox this is. */
export function podAnnotations(sandbox: ContainerRecord): Texts {
  const metadata = parse(sandbox.extensions?.[SANDBOX_METADATA]?.value);
  return textsOf(field(field(field(metadata, 'Metadata'), 'Config'), 'annotations'));
}

function textsOf(value: unknown): Texts {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
