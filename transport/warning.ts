/**
 * The texts of a `Warning` header: `299 - "text"`, several joined with commas. Only code 299 with
 * agent `-` is a registry's own; quotes and backslashes inside a text are escaped.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#warnings
 */
export function parseWarnings(header: string | null): string[] {
  if (header === null) return [];
  return [...header.matchAll(/(?:^|,)\s*299 - "((?:[^"\\]|\\.)*)"/g)]
    .map((match) => match[1]!.replaceAll(/\\(.)/g, "$1"));
}
