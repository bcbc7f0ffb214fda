/** Many manifests at once: what only shows when they are seen together. */
import type { Policy } from './model.ts';
import { claimedRef, parsePolicy } from './parse.ts';
import type { Problem } from './problem.ts';
import { lineNear } from './reading.ts';
import type { ManifestContext } from './reading.ts';
import { refKey } from './ref.ts';
import type { PolicyRef } from './report.ts';

export interface Manifest extends ManifestContext {
  readonly value: unknown;
}

/**
 * Parses manifests. Two of one name are a problem of the second, which names the place of the first; the first keeps the name even when it
 * is refused for something else. `rejected` are names of which no policy could be accepted, for callers that keep the last good version.
 */
export function parsePolicies(manifests: readonly Manifest[]): { policies: Policy[]; problems: Problem[]; rejected: PolicyRef[] } {
  const policies: Policy[] = [];
  const problems: Problem[] = [];
  const rejected: PolicyRef[] = [];
  const claimed = new Map<string, Manifest>();
  for (const manifest of manifests) {
    const parsed = parsePolicy(manifest.value, manifest);
    for (const problem of parsed.problems) problems.push(problem);
    const ref = claimedRef(manifest.value);
    const key = ref === undefined ? undefined : refKey(ref);
    const first = key === undefined ? undefined : claimed.get(key);
    if (key !== undefined && first !== undefined) {
      problems.push(duplicate({ object: key, first, second: manifest }));
      continue;
    }
    if (key !== undefined) claimed.set(key, manifest);
    if (parsed.policy !== undefined) policies.push(parsed.policy);
    else if (ref !== undefined) rejected.push(ref);
  }
  return { policies, problems, rejected };
}

function duplicate({ object, first, second }: { object: string; first: Manifest; second: Manifest }): Problem {
  const line = lineNear(second, ['metadata', 'name']);
  return {
    code: 'duplicate-policy',
    severity: 'error',
    place: {
      ...(second.file === undefined ? {} : { file: second.file }),
      ...(line === undefined ? {} : { line }),
      object,
      field: 'metadata.name',
    },
    message: `the same policy is also at ${placeText(first)}, and only that one is taken`,
    hint: 'rename or remove one of them',
  };
}

function placeText(manifest: Manifest): string {
  const line = lineNear(manifest, ['metadata', 'name']);
  const place = [manifest.file, line].filter((part) => part !== undefined).join(':');
  return place === '' ? 'an earlier place' : place;
}
