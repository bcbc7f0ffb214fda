/** How slow this machine is just now, so that what takes long on any machine that is slow or busy is told from what takes too long. */
import { execFileSync } from 'node:child_process';

/** Milliseconds in which an idle machine starts Node. */
const USUAL = 60;
const STARTS = 5;

/** How many times longer than on an idle machine things take; at least 1. */
export function slowness(): number {
  const times = Array.from({ length: STARTS }, () => {
    const begun = performance.now();
    execFileSync(process.execPath, ['--eval', '0'], { env: {} });
    return performance.now() - begun;
  }).sort((a, b) => a - b);
  return Math.max(1, (times[Math.floor(STARTS / 2)] ?? 0) / USUAL);
}
