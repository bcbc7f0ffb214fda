/** A part of set-up: the control plane's programs, ready before any test waits for them. */
import { findBinaries } from './binaries.ts';

try {
  await findBinaries((sentence) => console.log(`setup: ${sentence}`));
} catch (error) {
  console.error(`setup: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
