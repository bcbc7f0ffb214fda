/** The reconciler's log: JSON lines for machines or lines for people, on stderr, without secrets and harmless to a terminal. */
import { destination, pino, stdTimeFunctions } from 'pino';
import type { Log, LogEvent } from '../ports.ts';
import { Redaction } from '../redaction.ts';

export interface LogOptions {
  readonly format: 'json' | 'text';
  /** The least that is logged; `info` unless told. */
  readonly level?: LogEvent['level'];
  /** Gets whole lines; stderr unless told. */
  readonly write?: (line: string) => void;
}

export interface OpenLog {
  readonly log: Log;
  /** From now on these values are `***` in every line, however they are encoded. */
  readonly redact: (values: Iterable<string>) => void;
}

const LEVELS: readonly LogEvent['level'][] = ['info', 'warn', 'error'];

/** Opens a log. What it is given may be hostile, and may hold secrets that were registered with `redact`. */
export function createLog(options: LogOptions): OpenLog {
  const redaction = new Redaction();
  const least = LEVELS.indexOf(options.level ?? 'info');
  const write = options.write ?? stderr();
  const tell = options.format === 'json' ? jsonLines(write) : (event: LogEvent): void => write(lineOf(event));
  return {
    log: (event) => {
      if (LEVELS.indexOf(event.level) >= least) tell(cleaned(event, (text) => harmless(redaction.clean(text))));
    },
    redact: (values) => redaction.add(values),
  };
}

/** At once: the last lines before the end of a process are those that matter. That nobody reads them ends nothing. */
function stderr(): (line: string) => void {
  const stream = destination({ dest: 2, sync: true });
  stream.on('error', () => undefined);
  return (line) => void stream.write(line);
}

function jsonLines(write: (line: string) => void): Log {
  const logger = pino(
    {
      base: undefined,
      messageKey: 'message',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    { write },
  );
  return ({ level, message, ...rest }) => logger[level](rest, message);
}

/** `2026-01-02T03:04:05.678Z info status parapet-system/shop 0123456789ab parapet/synth success: … (12 ms) [empty-result]` */
function lineOf({ level, stage, source, commit, revision, context, state, message, durationMs, problems = [] }: LogEvent): string {
  const where = [stage, source, commit?.slice(0, 12) ?? revision, context, state].filter((part) => part !== undefined).join(' ');
  const took = durationMs === undefined ? '' : ` (${Math.round(durationMs)} ms)`;
  const codes = problems.length === 0 ? '' : ` [${problems.join(', ')}]`;
  return `${new Date().toISOString()} ${level} ${where}: ${message}${took}${codes}\n`;
}

/** Every text of an event through `clean`, whatever field it is in. */
function cleaned(event: LogEvent, clean: (text: string) => string): LogEvent {
  const entries = Object.entries(event).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    entries.map(([name, value]: [string, unknown]) => [name, typeof value === 'string' ? clean(value) : value]),
  ) as unknown as LogEvent;
}

/** Control characters could steer a terminal or begin a line of their own, and formatting ones make text look like another. */
function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => (character === '\n' || character === '\t' ? ' ' : '?'));
}
