/** The configuration file: YAML with the settings that flags and environment also give. */
import type { Problem } from '@parapet/policy';
import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';

/** Settings as written, whatever wrote them. */
export interface FileSettings {
  readonly source?: string | undefined;
  readonly ref?: string | undefined;
  readonly path?: string | undefined;
  readonly target?: string | undefined;
  readonly packages?: string | undefined;
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
  packages: 'packages',
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
  const complain = (node: unknown, field: string, said: { readonly message: string; readonly hint?: string }): void => {
    const start = isNode(node) ? node.range?.[0] : undefined;
    const place = { file, line: lines.linePos(start ?? 0).line, ...(field === '' ? {} : { field }) };
    problems.push({ code: 'config-invalid', severity: 'error', place, ...said });
  };
  const readMap = (map: unknown, section: string): void => {
    if (!isMap(map)) return complain(map, section, { message: 'settings are written as "name: value", one a line' });
    for (const { key, value } of map.items) {
      const name = `${section === '' ? '' : `${section}.`}${isScalar(key) ? String(key.value) : '(not a name)'}`;
      const setting = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
      const plain = isScalar(value) ? value.value : undefined;
      if (SECTIONS.includes(name)) readMap(value ?? key, name);
      else if (setting === undefined)
        complain(key, name, { message: 'there is no such setting', hint: `known are ${Object.keys(NAMES).join(', ')}` });
      else if (typeof plain !== (setting === 'allowEmpty' ? 'boolean' : 'string'))
        complain(key, name, { message: setting === 'allowEmpty' ? 'this must be true or false' : 'this must be a text' });
      else found[setting] = plain as string | boolean;
    }
  };
  if (document.contents !== null) readMap(document.contents, '');
  return { settings: found, problems };
}

function failed(problems: readonly Problem[]): { readonly settings: FileSettings; readonly problems: readonly Problem[] } {
  return { settings: {}, problems };
}
