import { Readable } from 'node:stream';
import { expect, test } from '@jest/globals';
import { linesOf } from '../../../policy/src/text-lines.ts';

async function read(chunks: readonly string[], longest = 1000): Promise<string[]> {
  const lines: string[] = [];
  for await (const { text, number } of linesOf(Readable.from(chunks), longest)) lines.push(`${number} ${text}`);
  return lines;
}

test('lines are the same however the text is cut into chunks', async () => {
  const lines = ['1 one', '2 ', '3 three', '4 last'];
  for (const chunks of [['one\n\nthree\nlast'], ['on', 'e\n', '\nthree', '\nla', 'st'], [...'one\n\nthree\nlast']])
    expect(await read(chunks)).toEqual(lines);
  expect(await read(['one\n'])).toEqual(['1 one']);
});

test('a line that never ends costs no more than the longest that counts', async () => {
  const lines = await read([...Array.from({ length: 300 }, () => 'x'.repeat(1000)), '\n\u00e4\nlast']);
  expect(lines.map(({ length }) => length - 2)).toEqual([1001, 1, 4]);
});
