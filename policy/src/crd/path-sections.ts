/** Schemas of `spec.process` and `spec.file`. */
import { MAX_ARGUMENT_BYTES } from '../abi.ts';
import { MAX_ALLOWED_ARGS } from '../arguments.ts';
import {
  commonOf,
  directory,
  fileName,
  filePath,
  mannerOf,
  MAX_RULES,
  ownerOnly,
  pathPattern,
  pts,
  readOnly,
  recursive,
} from './rule-schema.ts';
import { list, object, text } from './schema.ts';
import type { Schema } from './schema.ts';

/** `spec.process`: which programs may be executed. */
export function processSection(): Schema {
  const path = object(
    'One program, by its path or its name.',
    {
      ...commonOf(),
      path: filePath('Absolute path of the executable. Symbolic links are followed as in the container.'),
      execname: fileName("The executable's file name, in whatever directory. Excludes path."),
      allowedArgs: list(
        "The only arguments, besides its own name, that the program may be executed with, each in any place; [''] allows none, or only empty ones. None listed: any.",
        text('An argument.', { maxLength: MAX_ARGUMENT_BYTES }),
        { maxItems: MAX_ALLOWED_ARGS },
      ),
      ownerOnly: ownerOnly(),
      pts: pts(),
    },
    { 'x-kubernetes-validations': [{ rule: 'has(self.path) != has(self.execname)', message: 'name the program by path or by execname' }] },
  );
  return object('Which programs may be executed.', {
    ...mannerOf('section'),
    matchPaths: list('Rules for single programs.', path, { maxItems: MAX_RULES }),
    matchDirectories: directories({}),
    matchPatterns: patterns({}),
  });
}

/** `spec.file`: which files may be read and written. */
export function fileSection(): Schema {
  const path = object(
    'One file.',
    {
      ...commonOf(),
      path: filePath('Absolute path of the file. Symbolic links are followed as in the container.'),
      readOnly: readOnly(),
      ownerOnly: ownerOnly(),
      pts: pts(),
    },
    { required: ['path'] },
  );
  return object('Which files may be read and written: opened, created, removed, renamed, linked, changed.', {
    ...mannerOf('section'),
    matchPaths: list('Rules for single files.', path, { maxItems: MAX_RULES }),
    matchDirectories: directories({ readOnly: readOnly() }),
    matchPatterns: patterns({ readOnly: readOnly() }),
  });
}

function directories(more: Readonly<Record<string, Schema>>): Schema {
  const rule = object(
    'All files of a directory.',
    {
      ...commonOf(),
      dir: directory('Absolute path of the directory, ending in /.'),
      recursive: recursive(),
      ...more,
      ownerOnly: ownerOnly(),
      pts: pts(),
    },
    { required: ['dir'] },
  );
  return list('Rules for directories. Of several that match, the deepest decides.', rule, { maxItems: MAX_RULES });
}

function patterns(more: Readonly<Record<string, Schema>>): Schema {
  const rule = object(
    'All files whose path matches a pattern.',
    { ...mannerOf('rule'), pattern: pathPattern(), ...more, ownerOnly: ownerOnly() },
    { required: ['pattern'] },
  );
  return list('Rules for patterns of paths; they are for every program.', rule, { maxItems: MAX_RULES });
}
