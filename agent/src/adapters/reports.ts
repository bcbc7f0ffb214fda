/** NodeReports as files: `DIR/<node>.json`, replaced whole, so that a reader sees one report or the next. */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeReport } from '@parapet/policy';
import type { ReportSink } from '../ports.ts';
import { StageError } from '../stage-error.ts';

/** Writes reports into `directory`, which is made when it is not there. */
export function openReports(directory: string): ReportSink {
  return {
    async write(report: NodeReport): Promise<void> {
      const file = join(directory, `${report.metadata.name}.json`);
      // Hidden, so that readers who list the directory do not take it for a report.
      const draft = join(directory, `.${report.metadata.name}.json.${process.pid}`);
      try {
        await mkdir(directory, { recursive: true });
        await rm(draft, { force: true });
        const handle = await open(draft, 'wx', 0o644);
        try {
          await handle.writeFile(`${JSON.stringify(report, null, 2)}\n`);
        } finally {
          await handle.close();
        }
        await rename(draft, file);
      } catch (cause) {
        throw new StageError(`the report cannot be written to ${file}`, { stage: 'reports', retry: true, cause });
      }
    },
  };
}
