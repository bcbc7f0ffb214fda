/** The lines of a text that may be of any size, one after the other. */

/** A line and its number, from 1 on. What is longer than `longest` is cut right after it; the rest of that line is passed over. */
export async function* linesOf(
  chunks: AsyncIterable<string>,
  longest: number,
): AsyncGenerator<{ readonly text: string; readonly number: number }> {
  let number = 1;
  let rest = '';
  for await (const chunk of chunks) {
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
