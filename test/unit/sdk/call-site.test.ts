import { expect, test } from '@jest/globals';
import { authorPlace, callSite, parseStack } from '../../../sdk/src/call-site.ts';

const NODE_STACK = `Error
    at callSite (file:///repo/node_modules/@parapet/sdk/dist/call-site.js:40:10)
    at new PolicyObject (file:///repo/node_modules/@parapet/sdk/dist/policy-object.js:12:3)
    at new Shop (file:///repo/my%20policies/shop.ts:7:5)
    at ModuleJob.run (node:internal/modules/esm/module_job:413:25)
    at async file:///repo/my%20policies/main.ts:5:1`;

const SANDBOX_STACK = `    at callSite (parapet-bundle.js:12:5)
    at PolicyObject (parapet-bundle.js:90:1)
    at <anonymous> (parapet-bundle.js:300:12)
    at native
    at <eval> (parapet-bundle.js:400)
`;

test('frames of Node and of QuickJS are read, those without a file are left out', () => {
  expect(parseStack(NODE_STACK).map(({ file, line, column }) => `${file} ${line} ${column}`)).toEqual([
    '/repo/node_modules/@parapet/sdk/dist/call-site.js 40 10',
    '/repo/node_modules/@parapet/sdk/dist/policy-object.js 12 3',
    '/repo/my policies/shop.ts 7 5',
    '/repo/my policies/main.ts 5 1',
  ]);
  expect(parseStack(SANDBOX_STACK).map(({ line, column }) => [line, column])).toEqual([
    [12, 5],
    [90, 1],
    [300, 12],
    [400, 1],
  ]);
});

test("paths with parentheses are read whole, and an error's message is no frame", () => {
  const stack = 'Error: at (nowhere):1:2\n    at Object.<anonymous> (/repo (old)/main.ts:3:4)\n    at /repo (old)/x.ts:5:6';
  expect(parseStack(stack).map(({ file }) => file)).toEqual(['/repo (old)/main.ts', '/repo (old)/x.ts']);
});

test("the author's place is the first one outside of the package and of libraries, relative to the working directory", () => {
  const frames = parseStack(NODE_STACK);
  expect(authorPlace(frames, '/repo')).toBe('my policies/shop.ts:7');
  expect(authorPlace(frames, '/repo/my policies')).toBe('shop.ts:7');
  expect(authorPlace(frames, '/repo/other')).toBe('../my policies/shop.ts:7');
  expect(authorPlace(frames, undefined)).toBe('/repo/my policies/shop.ts:7');
});

test('libraries are not the author', () => {
  const frames = parseStack('    at a (/x/sdk/src/call-site.ts:1:1)\n    at b (/x/node_modules/lib/i.js:2:2)\n    at c (/x/main.ts:3:3)');
  expect(authorPlace(frames, '/x')).toBe('main.ts:3');
});

test('in the bundle, the raw positions are kept for the synthesizer, sixteen at most', () => {
  const frames = parseStack(SANDBOX_STACK);
  expect(authorPlace(frames, '/')).toBe(
    'parapet-bundle.js:12:5 < parapet-bundle.js:90:1 < parapet-bundle.js:300:12 < parapet-bundle.js:400:1',
  );
  const many = Array.from({ length: 40 }, (_, line) => ({ file: 'parapet-bundle.js', line: line + 1, column: 1 }));
  expect(authorPlace(many, '/')?.split(' < ')).toHaveLength(16);
});

test('without a stack, or without a frame of the author, there is no place', () => {
  expect(authorPlace(parseStack(''), '/')).toBeUndefined();
  expect(authorPlace(parseStack('    at callSite (/x/sdk/call-site.ts:1:1)'), '/')).toBeUndefined();
});

test("the stack limit is the program's own again afterwards", () => {
  const before = Error.stackTraceLimit;
  expect(callSite()).toMatch(/call-site\.test\.ts:\d+$/);
  expect(Error.stackTraceLimit).toBe(before);
});

test('an engine that refuses everything gives no place and no error', () => {
  const original = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit');
  Object.defineProperty(Error, 'stackTraceLimit', { value: 10, writable: false, configurable: true });
  try {
    expect(() => callSite()).not.toThrow();
  } finally {
    if (original !== undefined) Object.defineProperty(Error, 'stackTraceLimit', original);
  }
});
