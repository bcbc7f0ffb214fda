/** A server that speaks Git's protocol (version 2) and means no good: it says what it is told to, for as long as somebody listens. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

/** What is sent again and again. */
export type Endless = () => Buffer;

export interface Malice {
  /** Instead of an honest list of one branch. */
  readonly refs?: Endless;
  /** Instead of a pack. */
  readonly pack?: Endless;
  /** Instead of saying what the server can. */
  readonly greeting?: Endless;
}

export const COMMIT = '1234567890'.repeat(4);

export const packet = (content: Buffer | string): Buffer => {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from((bytes.length + 4).toString(16).padStart(4, '0')), bytes]);
};
const FLUSH = Buffer.from('0000');
const DELIMITER = Buffer.from('0001');

/** Content of a pack, or what the server has to tell. */
export const onBand = (band: 1 | 2, content: Buffer): Buffer => packet(Buffer.concat([Buffer.from([band]), content]));

/** The beginning of a pack with one file of a terabyte, and more of that file for ever, not compressed at all. */
export function endlessFile(): Endless {
  const size = Buffer.from([0xb0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20]);
  let block = Buffer.concat([Buffer.from('PACK'), Buffer.from([0, 0, 0, 2, 0, 0, 0, 1]), size, Buffer.from([0x78, 0x01])]);
  const stored = Buffer.concat([Buffer.from([0x00, 0x00, 0x80, 0xff, 0x7f]), Buffer.alloc(0x8000, 'x')]);
  return () => {
    const now = block;
    block = stored;
    return onBand(1, now);
  };
}

export function malicious(malice: Malice): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    response.on('error', () => undefined);
    void answer(malice, request, response);
  };
}

async function answer(malice: Malice, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' });
    response.write(Buffer.concat([packet('# service=git-upload-pack\n'), FLUSH, packet('version 2\n')]));
    if (malice.greeting !== undefined) return pour(response, malice.greeting);
    const can = ['agent=git/2.0', 'ls-refs=unborn', 'fetch=shallow', 'object-format=sha1'].map((line) => packet(`${line}\n`));
    return void response.end(Buffer.concat([...can, FLUSH]));
  }
  const body = await text(request);
  response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result' });
  if (body.includes('command=ls-refs')) {
    if (malice.refs !== undefined) return pour(response, malice.refs);
    return void response.end(Buffer.concat([packet(`${COMMIT} refs/heads/main\n`), FLUSH]));
  }
  response.write(Buffer.concat([packet('shallow-info\n'), packet(`shallow ${COMMIT}`), DELIMITER, packet('packfile\n')]));
  return pour(response, malice.pack ?? (() => onBand(2, Buffer.from('nothing\n'))));
}

/** As fast as it is taken. */
async function pour(response: ServerResponse, next: Endless): Promise<void> {
  while (!response.destroyed && response.socket?.destroyed === false) {
    // One turn of the loop for each, or nobody else would have one.
    const taken = response.write(Buffer.concat(Array.from({ length: 8 }, next)));
    await new Promise((done) => (taken ? setImmediate(done) : setTimeout(done, 1)));
  }
}
