/** The configuration file: YAML with the settings that flags and environment also give. */
import type { Problem } from '@parapet/policy';
import { LineCounter, parseDocument, visit } from 'yaml';

/** Settings as written, whatever wrote them. */
export interface FileSettings {
  readonly source?: string | undefined;
  readonly ref?: string | undefined;
  readonly path?: string | undefined;
  readonly target?: string | undefined;
  readonly interval?: string | undefined;
  readonly allowEmpty?: boolean | undefined;
  readonly cluster?: string | undefined;
  readonly statusTargetUrl?: string | undefined;
  readonly noReportAfter?: string | undefined;
  readonly violationsEvery?: string | undefined;
  readonly gitUsername?: string | undefined;
  readonly gitToken?: string | undefined;
  readonly gitTokenFile?: string | undefined;
  readonly githubRepository?: string | undefined;
  readonly githubApiUrl?: string | undefined;
  readonly githubToken?: string | undefined;
  readonly githubTokenFile?: string | undefined;
}

/** Names in the file. Tokens themselves are not among them: a file with settings ends up in places where secrets must not. */
const NAMES: Readonly<Record<string, keyof FileSettings>> = {
  source: 'source',
  ref: 'ref',
  path: 'path',
  target: 'target',
  interval: 'interval',
  allowEmpty: 'allowEmpty',
  cluster: 'cluster',
  statusTargetUrl: 'statusTargetUrl',
  noReportAfter: 'noReportAfter',
  violationsEvery: 'violationsEvery',
  'git.username': 'gitUsername',
  'git.tokenFile': 'gitTokenFile',
  'github.repository': 'githubRepository',
  'github.apiUrl': 'githubApiUrl',
  'github.tokenFile': 'githubTokenFile',
};
const SECTIONS = ['git', 'github'];

/** Reads the file's text; `undefined` is a file that can't be read. */
export function readConfigFile(
  file: string,
  text: string | undefined,
): { readonly settings: FileSettings; readonly problems: readonly Problem[] } {
  if (text === undefined)
    return failed([{ code: 'file-unreadable', severity: 'error', place: { file }, message: "the configuration file can't be read" }]);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    return failed(
      document.errors.map((error) => ({
        code: 'yaml-syntax',
        severity: 'error',
        place: { file, line: lines.linePos(error.pos[0]).line },
        message: error.message,
      })),
    );
  }
  const found: Record<string, string | boolean> = {};
  const problems: Problem[] = [];
  visit(document, {
    Pair(_key, pair, ancestors) {
      const node = pair.key as { readonly value?: unknown; readonly range?: readonly number[] };
      const outer = ancestors.findLast((ancestor) => 'key' in ancestor && 'value' in ancestor) as
        { readonly key: { readonly value?: unknown } } | undefined;
      const name = outer === undefined ? String(node.value) : `${String(outer.key.value)}.${String(node.value)}`;
      if (SECTIONS.includes(name)) return undefined;
      const place = { file, line: lines.linePos(node.range?.[0] ?? 0).line, field: name };
      const setting = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
      const value = (pair.value as { readonly value?: unknown } | null)?.value;
      if (setting === undefined)
        problems.push({
          code: 'config-invalid',
          severity: 'error',
          place,
          message: 'there is no such setting',
          hint: `known are ${Object.keys(NAMES).join(', ')}`,
        });
      else if (typeof value !== (setting === 'allowEmpty' ? 'boolean' : 'string'))
        problems.push({
          code: 'config-invalid',
          severity: 'error',
          place,
          message: setting === 'allowEmpty' ? 'this must be true or false' : 'this must be a text',
        });
      else found[setting] = value as string | boolean;
      return visit.SKIP;
    },
  });
  return { settings: found, problems };
}

function failed(problems: readonly Problem[]): { readonly settings: FileSettings; readonly problems: readonly Problem[] } {
  return { settings: {}, problems };
}
