/**
 * Makes `openapi-extract.json` from GitLab's OpenAPI description: only the operations that the stand-in serves, and what they refer to.
 * `node test/support/gitlab/extract.ts PATH/TO/openapi_v3.yaml` (see README.md, also for what is put right in it).
 */
import { join } from 'node:path';
import { extract } from '../hosts/extraction.ts';

const project = '/api/v4/projects/{id}';
extract({
  sources: process.argv.slice(2),
  operations: [
    [`${project}/statuses/{sha}`, 'post'],
    [`${project}/repository/commits/{sha}/statuses`, 'get'],
    [`${project}/merge_requests`, 'get'],
    [`${project}/merge_requests/{noteable_id}/notes`, 'get'],
    [`${project}/merge_requests/{noteable_id}/notes`, 'post'],
    [`${project}/merge_requests/{noteable_id}/notes/{note_id}`, 'put'],
    ['/api/v4/user', 'get'],
  ],
  title: 'GitLab API (extract)',
  version: 'gitlabhq/gitlabhq 07fbd7abe2d2c18b6e7ea6a14f627048f28aa795',
  target: join(import.meta.dirname, 'openapi-extract.json'),
});
