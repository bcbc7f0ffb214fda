/**
 * What cdk8s saves, as JSON, which is YAML as well: of a run that makes many policies, writing YAML in here and reading it outside took most.
 * What is saved means the same either way, and only that is taken; whoever asks cdk8s for YAML gets YAML.
 */
import { fileSystem } from './files.ts';

/** Deeper ones, and rings, are for the YAML library to judge. */
const MAX_DEPTH = 64;
// Kept from before the program runs.
const { stringify } = JSON;

/** The class `Yaml` of cdk8s. */
export interface Saver {
  save(file: unknown, manifests: readonly unknown[]): void;
}

/** Makes it save as JSON what JSON says exactly; the rest as before. */
export function saveAsJson(saver: Saver): void {
  const asYaml = saver.save.bind(saver);
  saver.save = (file, manifests) => {
    if (Array.isArray(manifests) && manifests.every((each) => isPlain(each, 0)))
      fileSystem.writeFileSync(file, manifests.map((each) => `${stringify(each)}\n`).join('---\n'));
    else asYaml(file, manifests);
  };
}

function isPlain(value: unknown, depth: number): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || depth > MAX_DEPTH || 'toJSON' in value) return false;
  if (Array.isArray(value)) return value.every((each) => isPlain(each, depth + 1));
  return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every((each) => isPlain(each, depth + 1));
}
