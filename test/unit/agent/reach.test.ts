import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { gapOf, LEVELS } from '../../../agent/src/adapters/containerd/reach.ts';

const at = (level: number, depth: number | undefined): string | undefined => gapOf({ id: 1n, path: '/x', level, depth });

test('as many levels are counted as the kernel half looks at', () => {
  expect(readFileSync('bpf/label.h', 'utf8')).toContain(`#define MAX_CGROUP_DEPTH ${LEVELS}\n`);
});

test('a container is found wherever the kernel half looks', () => {
  expect([at(1, 0), at(4, 1), at(16, 15), at(2, 40)]).toEqual([undefined, undefined, undefined, undefined]);
});

test('a cgroup that is too deep, and a first process too deep in it or elsewhere, are said', () => {
  expect(at(17, 0)).toMatch(/^its cgroup is 17 levels below the root, and beyond 16 /);
  expect(at(17, 16)).toMatch(/^its cgroup is 17 levels below the root, and beyond 16 what is executed .* 16 levels further down, /);
  expect(at(2, undefined)).toMatch(/^its first process has left its cgroup, /);
});
