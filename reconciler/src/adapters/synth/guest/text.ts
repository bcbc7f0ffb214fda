/** `util` and `assert` as far as pure code needs them, and the text of what a program prints. */

const MAX_DEPTH = 6;
const MAX_ITEMS = 100;

/** A value for people to read; close to what Node prints, and the same on every run. */
export function inspect(value: unknown, seen: readonly unknown[] = []): string {
  if (typeof value === 'string') return seen.length === 0 ? `'${value}'` : JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return `[Function ${value.name === '' ? '(anonymous)' : value.name}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (seen.includes(value)) return '[Circular]';
  if (seen.length > MAX_DEPTH) return Array.isArray(value) ? '[Array]' : '[Object]';
  return inspectObject(value, [...seen, value]);
}

/** `inner` ends with the object itself. */
function inspectObject(value: object, inner: readonly unknown[]): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof RegExp) return String(value);
  if (Array.isArray(value))
    return `[ ${value
      .slice(0, MAX_ITEMS)
      .map((each) => inspect(each, inner))
      .join(', ')} ]`;
  if (value instanceof Map) return `Map(${value.size}) ${inspect(Object.fromEntries(value), inner)}`;
  if (value instanceof Set) return `Set(${value.size}) ${inspect([...value], inner)}`;
  const entries = Object.entries(value).slice(0, MAX_ITEMS);
  return entries.length === 0 ? '{}' : `{ ${entries.map(([key, each]) => `${key}: ${inspect(each, inner)}`).join(', ')} }`;
}

/** `util.format`: `%s`, `%d`, `%i`, `%f`, `%j`, `%o`, `%O`, `%%`, then the rest separated by spaces. */
export function format(...args: readonly unknown[]): string {
  const plain = (each: unknown) => (typeof each === 'string' ? each : inspect(each));
  const [first, ...rest] = args;
  if (typeof first !== 'string') return args.map(plain).join(' ');
  const filled = first.replace(/%([sdifjoO%])/g, (whole, kind: string) => {
    if (kind === '%') return '%';
    if (rest.length === 0) return whole;
    const value = rest.shift();
    if (kind === 's') return plain(value);
    if (kind === 'j') return JSON.stringify(value);
    if (kind === 'd' || kind === 'f') return String(Number(value));
    return kind === 'i' ? String(Math.trunc(Number(value))) : inspect(value);
  });
  return [filled, ...rest.map(plain)].join(' ');
}

/** Equal in structure: `assert.deepStrictEqual` without its rarer cases. */
export function isDeepStrictEqual(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Object.getPrototypeOf(left) !== Object.getPrototypeOf(right)) return false;
  if (left instanceof Date) return left.getTime() === (right as Date).getTime();
  if (left instanceof Map || left instanceof Set) return isDeepStrictEqual([...left], [...(right as Set<unknown>)]);
  const keys = Reflect.ownKeys(left);
  if (keys.length !== Reflect.ownKeys(right).length) return false;
  return keys.every((key) => Object.hasOwn(right, key) && isDeepStrictEqual(Reflect.get(left, key), Reflect.get(right, key)));
}

type Callback = (error: Error | null | undefined, value?: unknown) => void;

export const utilities = {
  inspect: (value: unknown) => inspect(value),
  format,
  isDeepStrictEqual,
  inherits: (child: { prototype: object }, parent: { prototype: object }) => void Object.setPrototypeOf(child.prototype, parent.prototype),
  deprecate: (work: unknown) => work,
  debuglog: () => () => undefined,
  promisify:
    (work: (...args: unknown[]) => unknown) =>
    (...args: unknown[]) =>
      new Promise((resolve, reject) => {
        const done: Callback = (error, value) => (error === null || error === undefined ? resolve(value) : reject(error));
        work(...args, done);
      }),
  types: {
    isDate: (value: unknown) => value instanceof Date,
    isRegExp: (value: unknown) => value instanceof RegExp,
    isPromise: (value: unknown) => value instanceof Promise,
    isNativeError: (value: unknown) => value instanceof Error,
    isProxy: () => false,
  },
};

class AssertionError extends Error {
  override readonly name = 'AssertionError';
  readonly code = 'ERR_ASSERTION';
}

function fail(message: unknown, usual: string): never {
  if (message instanceof Error) throw message;
  throw new AssertionError(typeof message === 'string' ? message : usual);
}

const ok = (value: unknown, message?: unknown) => {
  if (!(value as boolean)) fail(message, 'The expression evaluated to a falsy value');
};

type Check = (left: unknown, right: unknown, message?: unknown) => void;
const check =
  (holds: (left: unknown, right: unknown) => boolean, words: string): Check =>
  (left, right, message) => {
    if (!holds(left, right)) fail(message, `Expected ${inspect(left, [0])} ${words} ${inspect(right, [0])}`);
  };

const checks = {
  ok,
  AssertionError,
  fail: (message?: unknown) => fail(message, 'Failed'),
  equal: check((left, right) => left == right, 'to equal'),
  notEqual: check((left, right) => left != right, 'not to equal'),
  strictEqual: check(Object.is, 'to be'),
  notStrictEqual: check((left, right) => !Object.is(left, right), 'not to be'),
  deepEqual: check(isDeepStrictEqual, 'to equal'),
  deepStrictEqual: check(isDeepStrictEqual, 'to equal'),
  notDeepStrictEqual: check((left, right) => !isDeepStrictEqual(left, right), 'not to equal'),
  match: check((left, right) => (right as RegExp).test(String(left)), 'to match'),
  throws: (work: () => unknown, ...rest: readonly unknown[]) => {
    try {
      work();
    } catch {
      return;
    }
    fail(
      rest.find((each) => typeof each === 'string'),
      'Missing expected exception',
    );
  },
};

/** `assert`: callable itself, with its checks as members, and `strict` being the same thing. */
export const assert: object = Object.assign((value: unknown, message?: unknown) => ok(value, message), checks);
Object.assign(assert, { strict: assert });
