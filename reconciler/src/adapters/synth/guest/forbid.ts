/** What a policy program may not do, said in the author's words at the moment of the call. */

/** Marks the error for the host; programs can catch it like any other. */
export const FORBIDDEN = 'ERR_PARAPET_FORBIDDEN';

/** What kind of reach into the world a module is, and what to do instead. */
const REACHES: Readonly<Record<string, { readonly doing: string; readonly instead: string }>> = {
  fs: { doing: 'using the file system', instead: "import the file instead: import data from './data.json'" },
  child_process: { doing: 'starting other programs', instead: 'do it before the commit, and commit the result' },
  crypto: {
    doing: 'this use of crypto',
    instead: 'createHash and createHmac are there; keys and random values would differ from run to run',
  },
  os: { doing: 'asking about the machine', instead: 'manifests must not depend on where they are made' },
};
/** What is said of everything that would use the network. */
export const NETWORK = {
  doing: 'using the network',
  instead: 'fetch it before the commit, commit it as a file and import that file',
};
for (const name of ['net', 'http', 'https', 'http2', 'dns', 'dns/promises', 'tls', 'dgram', 'inspector'])
  (REACHES as Record<string, unknown>)[name] = NETWORK;

/** A readable form of the first argument, when it is one that people recognise. */
function shown(args: readonly unknown[]): string {
  return args.length > 0 && typeof args[0] === 'string' ? JSON.stringify(args[0].slice(0, 200)) : '';
}

/** Throws what the author reads: what can't be done, which call it was, and what to do instead. */
export function refuse(call: {
  readonly module: string;
  readonly name: string;
  readonly args?: readonly unknown[];
  readonly doing?: string;
  readonly instead?: string;
}): never {
  const reach = REACHES[call.module] ?? { doing: `the Node module "${call.module}"`, instead: 'policy programs only compute manifests' };
  const doing = call.doing ?? reach.doing;
  const name = call.module === '' ? call.name : `${call.module}.${call.name}`;
  const error = new Error(`${doing} is not possible in a policy program: ${name}(${shown(call.args ?? [])})`);
  Object.assign(error, { code: FORBIDDEN, hint: call.instead ?? reach.instead });
  throw error;
}

/**
 * A module that has `own` and refuses everything else when it is called. The rest sits behind the prototype, where a bundler's
 * copy of the module (for `import * as fs`) still finds it.
 */
export function guarded(module: string, own: object): object {
  const made = new Map<string, unknown>();
  const rest = new Proxy(Object.create(null) as object, {
    get(_, name) {
      if (typeof name !== 'string' || name === '__esModule' || name === 'then' || name === 'default' || name === 'toJSON') return undefined;
      if (!made.has(name)) {
        made.set(name, function forbidden(...args: unknown[]) {
          return refuse({ module, name, args });
        });
      }
      return made.get(name);
    },
  });
  return Object.defineProperties(Object.create(rest) as object, Object.getOwnPropertyDescriptors(own));
}
