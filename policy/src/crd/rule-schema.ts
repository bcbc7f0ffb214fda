/** Schemas of what all rules share: how they answer, whose operations they are about, and how paths are written. */
import { flag, list, object, text, whole, word } from './schema.ts';
import type { Schema } from './schema.ts';

/** Most rules of one list; a container's table holds more, from several lists and policies. */
export const MAX_RULES = 5000;
/** Of the lists whose every entry is looked at by an expression of its own. */
export const MAX_NAMED_RULES = 1000;
const MAX_SOURCES = 100;

const ACTIONS = ['Allow', 'Audit', 'Block'];
/** Bytes of the longest path of Linux without its terminator. */
const MAX_PATH = 4095;
const MAX_NAME = 255;

/** Who says what a rule does not say itself. */
type Level = 'policy' | 'section' | 'rule';

const ABOVE: Readonly<Record<Level, string>> = {
  policy: 'Holds for every rule that does not say it, nor its section',
  section: "Holds for every rule of this section that does not say it; else the policy's counts",
  rule: "Of this rule; else the section's counts, else the policy's",
};

/** Severity, tags, message and action, as every level of a policy may say them. */
export function mannerOf(level: Level): Readonly<Record<string, Schema>> {
  const { severity, tags, message } = tellingOf(level);
  // On the policy itself KubeArmor takes lower case too.
  const words = level === 'policy' ? [...ACTIONS, ...ACTIONS.map((action) => action.toLowerCase())] : ACTIONS;
  const allow = 'Allow makes the whole class (files and programs, network, names, capabilities) an allow-list in each selected container';
  const action = `What is done about what a rule matches: Block (the default), Audit (it is told only) or Allow. ${allow}. ${ABOVE[level]}.`;
  return { severity, tags, message, action: word(action, words) };
}

/** As `mannerOf` without the action, for what has no action or one of its own. */
export function tellingOf(level: Level): Readonly<Record<'severity' | 'tags' | 'message', Schema>> {
  return {
    severity: whole(`How serious a violation is, 1 (least, the default) to 10. ${ABOVE[level]}.`, { minimum: 1, maximum: 10 }),
    tags: list(`Words that alerts carry, such as names of benchmarks. ${ABOVE[level]}.`, text('A tag.'), { maxItems: 256 }),
    message: text(`A sentence that alerts carry. ${ABOVE[level]}.`, { maxLength: 8192 }),
  };
}

/** What a rule that names paths, protocols or capabilities says besides them. */
export function commonOf(): Readonly<Record<string, Schema>> {
  return { ...mannerOf('rule'), fromSource: sources() };
}

/** The programs that a rule is about. */
export function sources(): Schema {
  const source = object(
    'A program, or all programs of a directory.',
    {
      path: filePath('Absolute path of an executable.'),
      dir: directory('A directory, ending in /: every executable directly in it.'),
      recursive: flag('With dir: also executables below it.'),
    },
    {
      'x-kubernetes-validations': [
        { rule: 'has(self.path) != has(self.dir)', message: 'a source is either a path or a dir' },
        { rule: '!has(self.recursive) || has(self.dir)', message: 'only a dir can be recursive', fieldPath: '.recursive' },
      ],
    },
  );
  const description =
    'The programs whose operations the rule is about; none means every program. Such a rule comes before an equal one for any.';
  return list(description, source, { maxItems: MAX_SOURCES });
}

export function pts(): Schema {
  return flag('false: whoever has a controlling terminal is refused, whoever has none may. true says nothing.');
}

export function ownerOnly(): Schema {
  return flag('Only the owner of the file may; others are refused (with Audit: audited).');
}

export function readOnly(): Schema {
  return flag('Reading is allowed; writing is refused (with Audit: audited).');
}

export function recursive(): Schema {
  return flag('Also everything below the directory; else the directory and what is directly in it.');
}

/** A path that is no directory. */
export function filePath(description: string): Schema {
  return text(description, { maxLength: MAX_PATH, pattern: '^/[^\\x00]*[^/\\x00]$' });
}

export function directory(description: string): Schema {
  return text(description, { maxLength: MAX_PATH, pattern: '^/([^\\x00]*/)?$' });
}

/** A path, or a directory where it ends in `/`. */
export function anyPath(description: string): Schema {
  return text(description, { maxLength: MAX_PATH, pattern: '^/[^\\x00]*$' });
}

/** The name of a file without its directory. */
export function fileName(description: string): Schema {
  return text(description, { maxLength: MAX_NAME, pattern: '^[^/\\x00]+$' });
}

/** A pattern of paths. Which ones are good is told by the parser: KubeArmor takes any text. */
export function pathPattern(): Schema {
  const signs = '* (no /), ** (also /), ?, [a-z], [^a], {a,b}, and \\ before a sign that means itself';
  return text(`A pattern of absolute paths with ${signs}. Without a wildcard it is a path.`, { minLength: 1, maxLength: MAX_PATH });
}
