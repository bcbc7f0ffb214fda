/** Reading the nodes' report files: whoever can write there is not trusted, so nothing but a regular file of bounded size is opened. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { ReportFile } from '../../ports.ts';
import { errorCode, parseJson, readRegularFile } from './atomic.ts';

const MAX_REPORT_BYTES = 8 * 1024 * 1024;
const MAX_REPORTS = 5000;

/** Every `<node>.json` of the directory, by name; what can't be read says why in `fault`. A directory that isn't there holds none. */
export async function readReports(directory: string): Promise<readonly ReportFile[]> {
  const names = await fs.readdir(directory).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  });
  const found: ReportFile[] = [];
  const reports = names.filter((name) => name.endsWith('.json') && !name.startsWith('.')).sort();
  for (const name of reports.slice(0, MAX_REPORTS)) {
    const report = await readReport(directory, name);
    if (report !== undefined) found.push(report);
  }
  return found;
}

/** `undefined` for a file that has gone meanwhile. */
async function readReport(directory: string, name: string): Promise<ReportFile | undefined> {
  const file = join(directory, name);
  const node = name.slice(0, -'.json'.length);
  try {
    const stat = await fs.lstat(file);
    if (!stat.isFile()) return { node, value: undefined, modified: stat.mtimeMs, fault: 'it is not a regular file' };
    if (stat.size > MAX_REPORT_BYTES) return { node, value: undefined, modified: stat.mtimeMs, fault: 'it is larger than 8 MiB' };
    const read = await readRegularFile(file, MAX_REPORT_BYTES);
    return read === undefined ? undefined : { node, value: parseJson(read.text), modified: read.modified };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    return { node, value: undefined, modified: 0, fault: `it can't be read (${errorCode(error)})` };
  }
}
