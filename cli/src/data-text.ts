/** Values for programs, as JSON or YAML that a terminal can show too. */
import { Document, isScalar, visit } from 'yaml';

/** Controls that JSON and YAML leave as they are, and what makes text look like another. */
const UNSEEN = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

export function jsonText(value: unknown): string {
  return `${escaped(JSON.stringify(value, null, 2))}\n`;
}

export function yamlText(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false, compat: 'yaml-1.1' });
  visit(document, {
    Scalar: (_key, node) => {
      // Only there does YAML know escapes.
      if (isScalar(node) && typeof node.value === 'string' && node.value.search(UNSEEN) !== -1) node.type = 'QUOTE_DOUBLE';
    },
  });
  return escaped(document.toString({ lineWidth: 0 }));
}

function escaped(text: string): string {
  return text.replace(UNSEEN, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
