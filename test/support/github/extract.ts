/**
 * Makes `openapi-extract.json` from GitHub's OpenAPI description: only the operations that the stand-in serves, and what they refer to.
 * `node test/support/github/extract.ts PATH/TO/api.github.com.json` (see README.md).
 */
import { join } from 'node:path';
import { extract } from '../hosts/extraction.ts';

const [source] = process.argv.slice(2);
if (source === undefined) throw new Error('usage: extract.ts api.github.com.json');
extract({
  sources: [source],
  operations: [
    ['/repos/{owner}/{repo}/statuses/{sha}', 'post'],
    ['/repos/{owner}/{repo}/commits/{ref}/statuses', 'get'],
    ['/repos/{owner}/{repo}/commits/{ref}/status', 'get'],
    ['/repos/{owner}/{repo}/check-runs', 'post'],
    ['/repos/{owner}/{repo}/check-runs/{check_run_id}', 'patch'],
    ['/repos/{owner}/{repo}/commits/{ref}/check-runs', 'get'],
    ['/repos/{owner}/{repo}/issues/{issue_number}/comments', 'get'],
    ['/repos/{owner}/{repo}/issues/{issue_number}/comments', 'post'],
    ['/repos/{owner}/{repo}/issues/comments/{comment_id}', 'patch'],
    ['/repos/{owner}/{repo}/pulls', 'get'],
    ['/app/installations/{installation_id}/access_tokens', 'post'],
    ['/user', 'get'],
  ],
  omitted: ['repository', 'minimal-repository', 'milestone', 'nullable-milestone', 'team', 'label', 'app-permissions', 'auto-merge'],
  title: 'GitHub v3 REST API (extract)',
  version: '@octokit/openapi 23.0.2',
  target: join(import.meta.dirname, 'openapi-extract.json'),
});
