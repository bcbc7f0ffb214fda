/**
 * Makes `openapi-extract.json` from Gitea's Swagger description: only the operations that the stand-in serves, and what they refer to.
 * `node test/support/gitea/extract.ts PATH/TO/v1-swagger.generated.json` (see README.md).
 */
import { join } from 'node:path';
import { extract } from '../hosts/extraction.ts';

extract({
  sources: process.argv.slice(2),
  operations: [
    ['/repos/{owner}/{repo}/statuses/{sha}', 'get'],
    ['/repos/{owner}/{repo}/statuses/{sha}', 'post'],
    ['/repos/{owner}/{repo}/issues/{index}/comments', 'get'],
    ['/repos/{owner}/{repo}/issues/{index}/comments', 'post'],
    ['/repos/{owner}/{repo}/issues/comments/{id}', 'patch'],
    ['/repos/{owner}/{repo}/pulls', 'get'],
    ['/user', 'get'],
  ],
  omitted: ['Repository', 'Label', 'Milestone', 'Team', 'Attachment', 'empty', 'error', 'forbidden', 'notFound', 'repoArchivedError'],
  title: 'Gitea API (extract)',
  version: 'go-gitea/gitea 61b174649a71d9bf602c6be9f82bbefd288319f4',
  target: join(import.meta.dirname, 'openapi-extract.json'),
});
