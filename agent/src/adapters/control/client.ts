/** The other side of the agent's door. */
import { StageError } from '../../stage-error.ts';
import { request as httpRequest } from './http.ts';

/** Nobody listens on the socket. */
export class NoAgent extends StageError {}

export interface Question {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  /** Milliseconds without an answer after which nobody is there; default 10,000. */
  readonly timeout?: number;
}

/** Asks the agent behind `socket`. Throws NoAgent when there is none, a StageError when it does not answer as it should. */
export async function ask(socket: string, { method, path, body, timeout = 10_000 }: Question): Promise<unknown> {
  const { status, text } = await exchange({ socket, method, path, body, timeout });
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch (cause) {
    throw new StageError(`what answers on ${socket} is not an agent`, { stage: 'control', retry: false, cause });
  }
  if (status === 200) return answer;
  const error = typeof answer === 'object' && answer !== null && 'error' in answer ? String(answer.error) : `status ${status}`;
  throw new StageError(`the agent answers: ${error}`, { stage: 'control', retry: false });
}

function exchange(question: Question & { readonly socket: string; readonly timeout: number }): Promise<{ status: number; text: string }> {
  const { socket, method, path, body, timeout } = question;
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void => {
      const code = (cause as NodeJS.ErrnoException).code ?? '';
      const options = { stage: 'control', retry: true, cause };
      if (['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'ENOTSOCK'].includes(code)) reject(new NoAgent(`no agent listens on ${socket}`, options));
      else if (code === 'EACCES') reject(new StageError(`only root may ask the agent (${socket})`, options));
      else reject(new StageError('the agent does not answer', options));
    };
    const headers = { host: 'agent', 'content-type': 'application/json' };
    const request = httpRequest({ socketPath: socket, method, path, timeout, headers, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }));
      response.on('error', fail);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${timeout / 1000} s`)));
    request.on('error', fail);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
