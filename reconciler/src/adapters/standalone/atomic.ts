/** Writing that a crash can't leave half done. */
import { randomBytes } from 'node:crypto';
import { constants, promises as fs } from 'node:fs';
import { dirname, join } from 'node:path';

/** Writes the whole file or nothing: readers see the old content or the new one. */
export async function writeAtomically(file: string, content: string | Buffer): Promise<void> {
  const temporary = temporaryBeside(file);
  try {
    await writeDurably(temporary, content);
    await fs.rename(temporary, file);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(file));
}

/** Writes a new file and waits for the disk; fails when something of that name is there. */
export async function writeDurably(file: string, content: string | Buffer): Promise<void> {
  const handle = await fs.open(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a symbolic link point elsewhere in one step. */
export async function flipLink(link: string, target: string): Promise<void> {
  const temporary = temporaryBeside(link);
  await fs.symlink(target, temporary);
  await fs.rename(temporary, link).catch(async (error: unknown) => {
    await fs.rm(temporary, { force: true });
    throw error;
  });
  await syncDirectory(dirname(link));
}

function temporaryBeside(path: string): string {
  return join(dirname(path), `.${randomBytes(6).toString('hex')}.tmp`);
}

/** Whether a file has a name that only these functions give, so that a crash must have left it. */
export function isLeftover(name: string): boolean {
  return /^\.[0-9a-f]{12}\.tmp$/.test(name);
}

/** Waits until the names in a directory are on disk. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await fs.open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Reads a regular file of at most `limit` bytes, following no link; `undefined` when it isn't there or isn't one. */
export async function readRegularFile(
  file: string,
  limit: number,
): Promise<{ readonly text: string; readonly modified: number } | undefined> {
  let handle;
  try {
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    handle = await fs.open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (['ENOENT', 'ELOOP', 'ENXIO', 'EISDIR'].includes(errorCode(error))) return undefined;
    throw error;
  }
  try {
    const stat = await handle.stat();
    if (!stat.isFile() || stat.size > limit) return undefined;
    const buffer = Buffer.alloc(stat.size);
    const { bytesRead } = await handle.read(buffer, 0, stat.size, 0);
    return { text: buffer.toString('utf8', 0, bytesRead), modified: stat.mtimeMs };
  } finally {
    await handle.close();
  }
}

/** `ENOENT` and the like; empty for anything that isn't a system error. */
export function errorCode(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Parses JSON; `undefined` when it isn't any. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
