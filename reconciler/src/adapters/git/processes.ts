/** Ends what Git leaves behind: the programs that it starts for the network live on while a server is silent. */
import { promises as fs } from 'node:fs';

/** A variable that everything has which one command started. */
export const RUN_MARK = 'PARAPET_GIT_RUN';

/** Kills every process of ours whose environment has the mark; where there is no /proc it does nothing. */
export async function killMarked(mark: string): Promise<void> {
  const wanted = `${RUN_MARK}=${mark}\0`;
  const names = await fs.readdir('/proc').catch(() => []);
  await Promise.all(
    names
      .filter((name) => /^\d+$/.test(name))
      .map(async (name) => {
        // Those of others can't be read, and those that have ended are not there.
        const environment = await fs.readFile(`/proc/${name}/environ`, 'latin1').catch(() => '');
        if (environment.includes(wanted)) kill(Number(name));
      }),
  );
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
