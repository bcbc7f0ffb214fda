/** `npm run bench [-- --json FILE] [NAME…]`: measures, prints a table, says what misses its goal. Exit status 1 only when something could not be measured. */
import { writeFileSync } from 'node:fs';
import { tableOf } from './row.ts';
import type { Row } from './row.ts';
import { SUITES } from './suites.ts';

const USAGE = `usage: npm run bench [-- --json FILE] [-- NAME...]

  --json FILE   also write the rows to FILE, as a list of {name, value, unit, goal, met}
  NAME          measure this only:
${SUITES.map(({ name, about }) => `                ${name.padEnd(10)} ${about}`).join('\n')}
`;

interface Request {
  readonly json: string | undefined;
  readonly names: readonly string[];
  readonly problems: readonly string[];
}

function parse(words: readonly string[]): Request {
  const names: string[] = [];
  const problems: string[] = [];
  let json: string | undefined;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at]!;
    if (word === '--') continue;
    if (word === '--json') {
      at += 1;
      json = words[at];
      if (json === undefined) problems.push('--json takes a file');
    } else if (SUITES.some(({ name }) => name === word)) names.push(word);
    else problems.push(`there is no measurement called ${word}`);
  }
  return { json, names, problems };
}

async function main(words: readonly string[]): Promise<number> {
  const { json, names, problems } = parse(words);
  if (problems.length > 0) {
    console.error(`${problems.map((problem) => `bench: ${problem}\n`).join('')}${USAGE}`);
    return 2;
  }
  const rows: Row[] = [];
  let failed = 0;
  for (const suite of SUITES) {
    if (names.length > 0 && !names.includes(suite.name)) continue;
    try {
      rows.push(...(await suite.measure((sentence) => console.error(`bench: ${suite.name}: ${sentence}`))));
    } catch (error) {
      failed += 1;
      console.error(`bench: ${suite.name} could not be measured: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  console.log(tableOf(rows));
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(rows, null, 2)}\n`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
