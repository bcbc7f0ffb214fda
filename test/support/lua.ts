/** Runs Lua 5.1 as Argo CD does: the base and the table library, a global `obj`, one table as the answer. */
import { execFileSync } from 'node:child_process';

/** What Argo CD opens: no text functions, no files, no programs. */
const CLOSED = 'getmetatable("").__index = nil; string = nil; io = nil; os = nil; math = nil; debug = nil; coroutine = nil\n';

/** The fields of the table that the script returns. Throws with what Lua says. */
export function runHealth(script: string, obj: unknown): { readonly status: string; readonly message: string } {
  // the answer is printed by names that the script can't have changed
  const program = `local print, type = print, type\nlocal function run()\n${script}\nend\nobj = ${literal(obj)}\n${CLOSED}
    local answer = run()
    if type(answer) ~= "table" then error("no table") end
    for _, key in ipairs({ "status", "message" }) do print((type(answer[key]) == "string" and answer[key] or "?") .. "\\1") end`;
  const [status = '', message = ''] = execFileSync('lua5.1', ['-'], { input: program, encoding: 'utf8' }).split('\u0001\n');
  return { status, message };
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'nil';
  if (typeof value === 'string') return text(value);
  if (Array.isArray(value)) return `{ ${value.map(literal).join(', ')} }`;
  if (typeof value !== 'object') return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([key, item]) => `[${text(key)}] = ${literal(item)}`)
    .join(', ')} }`;
}

/** Every byte in decimal. */
function text(value: string): string {
  return `"${[...Buffer.from(value)].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('')}"`;
}
