/** `allowedArgs`: with which arguments a program may be executed, read from a rule and asked about an execution. */
import { MAX_ARGUMENT_BYTES, MAX_ARGUMENTS } from './abi.ts';
import { at, isAbsent, readList, readNeededString, refuse, show, warn } from './reading.ts';
import type { Cursor } from './reading.ts';
import { utf8 } from './utf8.ts';

/** Most arguments that one rule may list. */
export const MAX_ALLOWED_ARGS = 256;

/** The arguments that a rule allows, each once; nothing where it says nothing of arguments. */
export function readAllowedArgs(rule: Cursor): { readonly allowedArgs?: readonly string[] } {
  const cursor = at(rule, 'allowedArgs');
  if (isAbsent(cursor)) return {};
  const elements = readList(cursor);
  if (Array.isArray(cursor.value) && elements.length === 0) {
    const message = 'an empty list asks for nothing: every argument is allowed';
    warn(cursor, { code: 'invalid-value', message, hint: "leave it out; or write [''] for no arguments, or only empty ones" });
  }
  if (elements.length > MAX_ALLOWED_ARGS) {
    const message = `has ${elements.length} arguments, and a rule lists at most ${MAX_ALLOWED_ARGS}`;
    refuse(cursor, {
      code: 'invalid-value',
      message,
      hint: 'leave allowedArgs out, and allow the program to fewer others with fromSource',
    });
    return {};
  }
  const allowed = elements.map((element) => readArgument(element)).filter((argument) => argument !== undefined);
  return allowed.length === 0 ? {} : { allowedArgs: [...new Set(allowed)] };
}

function readArgument(cursor: Cursor): string | undefined {
  const argument = readNeededString(cursor);
  const fault = argument === undefined ? undefined : faultOfArgument(argument);
  if (fault !== undefined) refuse(cursor, { code: 'invalid-value', message: fault });
  return fault === undefined ? argument : undefined;
}

function faultOfArgument(argument: string): string | undefined {
  if (argument.includes('\0')) return `${show(argument)} has a NUL character, which no argument can have`;
  if (/\p{Surrogate}/u.test(argument)) return 'is not valid Unicode';
  const { length } = utf8(argument);
  return length > MAX_ARGUMENT_BYTES
    ? `has ${length} bytes, and an argument that can be allowed has at most ${MAX_ARGUMENT_BYTES}`
    : undefined;
}

/** Whether a rule permits an execution with these arguments, the program's own name not among them. More than the kernel judges it refuses. */
export function permitsArguments(allowed: readonly string[], given: readonly string[]): boolean {
  return given.length <= MAX_ARGUMENTS && given.every((argument) => allowed.includes(argument));
}
