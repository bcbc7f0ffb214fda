/**
 * Files as a `.tar.gz` whose bytes depend on names and contents only: no owner, no time, one mode, sorted. It is not compressed: compressors
 * give other bytes in other versions and on other processors, and a digest must not change with the machine.
 */
import { buffer } from 'node:stream/consumers';
import { crc32, gunzipSync } from 'node:zlib';
import { extract, pack } from 'tar-stream';
import type { StoredFile } from '../../manifest.ts';

/** Method deflate, no name, no time, unknown system (RFC 1952). */
const GZIP_HEAD = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
/** Most bytes of a stored block (RFC 1951). */
const BLOCK = 0xffff;

export async function packFiles(files: readonly StoredFile[]): Promise<Buffer> {
  const archive = pack();
  const read = buffer(archive);
  for (const { file, content } of [...files].sort((a, b) => (a.file < b.file ? -1 : 1))) {
    archive.entry({ name: file, mode: 0o644, uid: 0, gid: 0, uname: '', gname: '', mtime: new Date(0), type: 'file' }, content);
  }
  archive.finalize();
  return gzipStored(await read);
}

/** The files of an archive that `packFiles` made. Throws when it is none, or has more than `limit` bytes. */
export async function unpackFiles(bytes: Buffer, limit: number): Promise<ReadonlyMap<string, string>> {
  const archive = extract();
  const files = new Map<string, string>();
  archive.end(gunzipSync(bytes, { maxOutputLength: limit }));
  for await (const entry of archive) {
    const content = await buffer(entry);
    if (entry.header.type === 'file') files.set(entry.header.name, content.toString('utf8'));
  }
  return files;
}

function gzipStored(bytes: Buffer): Buffer {
  const parts: Buffer[] = [GZIP_HEAD];
  for (let at = 0; at === 0 || at < bytes.length; at += BLOCK) {
    const block = bytes.subarray(at, at + BLOCK);
    const head = Buffer.alloc(5);
    head.writeUInt8(at + BLOCK >= bytes.length ? 1 : 0, 0);
    head.writeUInt16LE(block.length, 1);
    head.writeUInt16LE(block.length ^ 0xffff, 3);
    parts.push(head, block);
  }
  const tail = Buffer.alloc(8);
  tail.writeUInt32LE(crc32(bytes), 0);
  tail.writeUInt32LE(bytes.length % 2 ** 32, 4);
  return Buffer.concat([...parts, tail]);
}
