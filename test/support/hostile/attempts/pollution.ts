/** Deceiving what reads manifests: prototypes, getters, proxies, toJSON, changed built-ins. */
import { byProgram } from '../attempt.ts';
import type { Attempt, Expected, Family } from '../attempt.ts';
import { constructing, left, policy, writing } from '../programs.ts';

const KEY: Expected = { refused: 'main.ts program-output', says: 'a.yaml: a manifest has a key "__proto__"' };
const written = (title: string, text: string, expected: Expected): Attempt =>
  byProgram(title, writing(`write(${JSON.stringify(text)});`), { expected });

/** Each deceives the program itself and nobody else, whether it throws afterwards or ends. */
const CHANGES: Readonly<Record<string, string>> = {
  'toJSON of everything': `(Object.prototype as any).toJSON = () => ({ files: 5, touched: true });`,
  'toJSON of lists': `(Array.prototype as any).toJSON = () => [[1, 2]];`,
  "properties of the host's answer": `Object.defineProperty(Object.prototype, 'ended', { get: () => 'done' }); Object.defineProperty(Object.prototype, 'files', { get: () => [] });`,
  'JSON itself': `(globalThis as any).JSON = { stringify: () => '{"touched":true,"files":[["/dist/a.yaml","kind: Forged"]]}' };`,
  strings: `(globalThis as any).String = () => { throw 1; };`,
  iteration: `(Array.prototype as any)[Symbol.iterator] = () => { throw new Error('no'); };`,
  promises: `(Promise.prototype as any).then = () => { throw new Error('no'); };`,
};

const changes: readonly Attempt[] = Object.entries(CHANGES).map(([name, body]) =>
  byProgram(`changing ${name} before its output is read`, `${body}\nexport {};\n`, {
    expected: { refused: name.startsWith('toJSON') ? 'program-threw' : 'program-output', count: 1 },
  }),
);

/** The same before its own error is told. */
const thrown: readonly Attempt[] = ['toJSON of everything', 'JSON itself', 'strings', 'promises'].map((name) =>
  byProgram(`changing ${name} before it throws`, `${CHANGES[name]}\nthrow new Error('x');\n`, {
    expected: { refused: 'program-threw', count: 1 },
  }),
);

const objects = (title: string, body: string, expected: Expected): Attempt => byProgram(title, constructing(body), { expected });

export const pollution: Family = {
  title: 'prototypes, getters and proxies',
  attempts: () => [
    written('a key __proto__ in YAML', '__proto__: { polluted: 1 }\nkind: A', KEY),
    written('a key __proto__ deep inside', 'a: [{ b: { "__proto__": { polluted: 1 } } }]', KEY),
    written('a key __proto__ in JSON', '{"kind": "A", "__proto__": null}', KEY),
    written('a key __proto__ that is merged', 'kind: A\n<<: { "__proto__": { polluted: 1 } }', KEY),
    written(
      'a key constructor.prototype',
      'kind: A\nconstructor: { prototype: { polluted: 1 } }\nhasOwnProperty: 1\ntoJSON: 1\nthen: 2\n',
      {
        made: [{ kind: 'A', constructor: { prototype: { polluted: 1 } }, hasOwnProperty: 1, toJSON: 1, then: 2 }],
      },
    ),
    byProgram(
      'places of rules that are keys of prototypes',
      writing(
        `write(${JSON.stringify(JSON.stringify(policy({ process: { matchPaths: [{ path: '/a' }] } }, { annotations: { 'parapet.dev/source': 'a.ts:1', 'parapet.dev/rule-sources': '{"__proto__":"a.ts:2","constructor":"a.ts:x","spec":{"a":1}}' } })))}, 'dist/a.json');`,
      ),
      { expected: { made: [{ kind: 'KubeArmorPolicy' }] } },
    ),
    objects('a proxy in a manifest', `out.p = new Proxy({}, { ownKeys() { throw new Error('trap'); } });`, { refused: 'program-threw' }),
    objects('an object of a class', `out.m = new (class Own { a = 1; })();`, { refused: 'program-threw' }),
    objects('an object that holds itself', `const circle: any = {}; circle.circle = circle; out.c = circle;`, { refused: 'program-threw' }),
    objects(
      'a getter that gives something else each time',
      `let n = 0; Object.defineProperty(out, 'x', { enumerable: true, get: () => (n += 1) > 0 }); out.y = 1;`,
      {
        made: left({ x: true, y: 1 }),
      },
    ),
    ...changes,
    ...thrown,
  ],
};
