/** The lines of a file that may be of any size, one after the other. */
import { createReadStream } from 'node:fs';

/** A line and its number, from 1 on. What is longer than `longest` is cut right after it; the rest of that line is passed over. */
export async function* linesOf(file: string, longest: number): AsyncGenerator<{ readonly text: string; readonly number: number }> {
  const input = file === '-' ? process.stdin : createReadStream(file);
  input.setEncoding('utf8');
  let number = 1;
  let rest = '';
  for await (const chunk of input as AsyncIterable<string>) {
    const [first = '', ...others] = chunk.split('\n');
    rest = `${rest}${first}`.slice(0, longest + 1);
    for (const line of others) {
      yield { text: rest, number };
      number += 1;
      rest = line.slice(0, longest + 1);
    }
  }
  if (rest !== '') yield { text: rest, number };
}
