import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { canonicalTable, compile, DEFAULT_POSTURES, encodeTable, siteKey } from '@parapet/policy';
import type { Rule, Table } from '@parapet/policy';
import { encodePatterns } from '../../../policy/src/encode-patterns.ts';
import { fileRule, patternRule, pathRule, policyOf } from './builders.ts';

function tableOf(...rules: readonly Rule[]): Table {
  const { table } = compile([policyOf(...rules)], DEFAULT_POSTURES);
  if (table === undefined) throw new Error('no table');
  return table;
}

test('a table without patterns has no automaton and no chunk', () => {
  const table = tableOf(fileRule('/a'));
  expect(table.patterns).toBeUndefined();
  expect(encodeTable(table, 0)).toMatchObject({ patternCount: 0, patternChunks: new Uint8Array() });
});

test('of patterns that match alike, the deepest say it, and each section has a depth of its own', () => {
  const process = pathRule('/', { match: { type: 'pattern', pattern: '/a/b/*' }, action: 'Audit' });
  const table = tableOf(patternRule('/a/*/c'), patternRule('/a/b/*', { action: 'Allow' }), process, patternRule('/**'));
  const { automaton, verdicts } = table.patterns!;
  // patterns by their text: /**, /a/*/c, /a/b/*
  const index = automaton.accepts.findIndex((accepted) => accepted.length === 3);
  expect(verdicts[index]).toEqual({ word: 0b0101_0101_1010, processDepth: 2, fileDepth: 2 });
  const key = siteKey({ node: index + 1, site: 'pattern', source: 0, operation: 'read', owner: false });
  expect(table.sites.get(key)?.rule).toMatchObject({ action: 'Allow' });
});

test('of equal patterns the stronger decides, and of equally strong ones the first is named', () => {
  const rules = [
    patternRule('/a/?', { action: 'Allow' }),
    patternRule('/a/*', { message: 'first' }),
    patternRule('/a/?', { message: 'second' }),
  ];
  const table = tableOf(...rules);
  const index = table.patterns!.automaton.accepts.findIndex((accepted) => accepted.length === 2);
  expect(table.patterns!.verdicts[index]!.word).toBe(0b1111_1111_0000);
  expect(table.sites.get(siteKey({ node: index + 1, site: 'pattern', source: 0, operation: 'write', owner: true }))?.rule).toBe(rules[1]);
});

test('patterns that are too complex together are a problem of the table', () => {
  const rules = Array.from({ length: 40 }, (_, i) => patternRule(`/**/name${i}/**/x${i}*y`));
  const start = performance.now();
  expect(compile([policyOf(...rules)], DEFAULT_POSTURES)).toMatchObject({ problems: [{ code: 'pattern-too-complex', severity: 'error' }] });
  expect(performance.now() - start).toBeLessThan(15_000);
});

test('the order of rules changes nothing in the bytes', () => {
  const rules = [patternRule('/b*'), patternRule('/a*', { action: 'Audit' }), patternRule('/{a,b}c')];
  expect(canonicalTable(tableOf(...rules))).toEqual(canonicalTable(tableOf(...[...rules].reverse())));
  expect(canonicalTable(tableOf(patternRule('/a*')))).not.toEqual(canonicalTable(tableOf(patternRule('/a?'))));
});

test('the chunks hold classes, rows and verdicts, byte for byte', () => {
  const { chunks, ...rest } = encodePatterns(tableOf(patternRule('/a/*'), patternRule('/a/[bc]', { action: 'Audit' })).patterns);
  const cells = [...new Uint16Array(chunks.buffer).subarray(128)]
    .slice(0, 60)
    .join(' ')
    .replace(/( 0)+$/, '');
  expect({ ...rest, cells, digest: createHash('sha256').update(chunks).digest('hex') }).toMatchInlineSnapshot(`
   {
     "cells": "0 0 0 0 0 0 0 2 0 0 0 0 0 3 0 0 0 4 0 0 1 5 0 5 6 1 5 0 5 5 2 5 0 5 5 4080 0 1 0 4080 0 1",
     "chunkCount": 1,
     "digest": "b06e664d968ddffa75a166179fe097777ffa83cd28412052723e2f88292db806",
     "stride": 5,
     "verdicts": 163,
   }
  `);
});
