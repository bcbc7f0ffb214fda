/** The default posture as written on the command line. */
import type { Posture, Postures, Problem } from '@parapet/policy';
import { DEFAULT_POSTURES } from '@parapet/policy';

const CLASSES = ['file', 'network', 'capabilities'] as const;

/**
 * Reads `block`, `audit`, or `file=block,network=audit,capabilities=block`. Classes that are not named keep the default, `audit`;
 * processes share the file posture. Everything wrong is told at once, and the postures then are the defaults.
 */
export function parsePostures(
  text: string | undefined,
  field = '--default-posture',
): { readonly postures: Postures; readonly problems: readonly Problem[] } {
  if (text === undefined) return { postures: DEFAULT_POSTURES, problems: [] };
  if (isPosture(text)) return { postures: { file: text, network: text, capabilities: text }, problems: [] };
  const problems: Problem[] = [];
  const said = new Map<string, Posture>();
  for (const part of text.split(',')) {
    const [name = '', value = '', ...rest] = part.split('=').map((word) => word.trim());
    if (!isClass(name) || rest.length > 0) problems.push(wrong(field, `'${part}' does not name a class`));
    else if (!isPosture(value)) problems.push(wrong(field, `'${value}' is not a posture of ${name}`));
    else if (said.has(name)) problems.push(wrong(field, `${name} is given twice`));
    else said.set(name, value);
  }
  return problems.length > 0
    ? { postures: DEFAULT_POSTURES, problems }
    : { postures: { ...DEFAULT_POSTURES, ...Object.fromEntries(said) }, problems };
}

/** For each class the stricter one; `otherwise` where there are none. */
export function strictest(all: readonly Postures[], otherwise: Postures): Postures {
  const [first = otherwise, ...others] = all;
  const of = (section: (typeof CLASSES)[number]): Posture =>
    [first, ...others].some((one) => one[section] === 'block') ? 'block' : 'audit';
  return { file: of('file'), network: of('network'), capabilities: of('capabilities') };
}

function isPosture(text: string): text is Posture {
  return text === 'audit' || text === 'block';
}

function isClass(text: string): text is (typeof CLASSES)[number] {
  return CLASSES.some((name) => name === text);
}

function wrong(field: string, message: string): Problem {
  return {
    code: 'config-invalid',
    severity: 'error',
    place: { field },
    message,
    hint: 'write audit, block, or a list such as file=block,network=audit,capabilities=audit',
  };
}
