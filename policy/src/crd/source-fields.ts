/** Fields of PolicySource by what kind of value they hold. */
import { text, object } from './schema.ts';
import type { Schema, ValidationRule } from './schema.ts';

const SUBDOMAIN = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$';
export const LABEL = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$';
const MAX_URL = 2048;

/** Names of references, as `git check-ref-format` has them: what a pattern can say of it. */
export const REF_NAME = { minLength: 1, maxLength: 250, pattern: '^[^- ~^:?*\\[\\\\][^ ~^:?*\\[\\\\]*$' };

/** A password in any URL, or a bare user in a web URL, which is how access tokens are written. */
const NO_CREDENTIALS: ValidationRule = {
  rule: "!self.matches('^https?://[^/]*@') && !self.matches('^[a-z+]+://[^/@]*:[^/@]*@') && !self.matches('^[^/@:]+:[^/@]+@[^/]*:')",
  message: 'must not have credentials in it: they belong into a Secret',
};

export function name(description: string, pattern = SUBDOMAIN, maxLength = 253): Schema {
  return text(description, { minLength: 1, maxLength, pattern });
}

export function secretRef(description: string): Schema {
  const properties = { name: name("Name of the Secret, which is in this object's namespace.") };
  return object(description, properties, { required: ['name'] });
}

export function duration(description: string): Schema {
  return text(`${description} Written as 500ms, 30s, 5m, 1h or 1h30m; at most 24h.`, {
    maxLength: 32,
    pattern: '^([0-9]{1,9}(\\.[0-9]{1,3})?(ms|s|m|h))+$',
    'x-kubernetes-validations': [
      { rule: "duration(self) >= duration('500ms') && duration(self) <= duration('24h')", message: 'must be from 500ms to 24h' },
    ],
  });
}

export function folder(description: string): Schema {
  return text(description, {
    minLength: 1,
    maxLength: 1024,
    'x-kubernetes-validations': [
      { rule: "!self.startsWith('/') && !self.split('/').exists(part, part == '..')", message: 'must be a relative path without ..' },
    ],
  });
}

export function gitUrl(description: string): Schema {
  const isUrl = "self.matches('^(https?|ssh|file)://.')";
  const isPath = "self.matches('^/.')";
  const isScp = "self.matches('^([A-Za-z0-9_.-]+@)?[A-Za-z0-9_][A-Za-z0-9_.-]*:/?[^/:]')";
  return text(description, {
    minLength: 1,
    maxLength: MAX_URL,
    'x-kubernetes-validations': [
      {
        rule: `${isUrl} || ${isPath} || ${isScp}`,
        message: 'must be an https, http, ssh or file URL, an absolute path, or user@host:path',
      },
      NO_CREDENTIALS,
    ],
  });
}

export function webUrl(description: string): Schema {
  return text(description, {
    minLength: 1,
    maxLength: MAX_URL,
    'x-kubernetes-validations': [{ rule: "self.matches('^https?://.')", message: 'must be an https or http URL' }, NO_CREDENTIALS],
  });
}
