/** More than any registry has to say: what follows in a longer header is not looked at. */
const HEADER_CHARACTERS = 64 * 1024;

/** What stands before a text; with its agent and quote, code 299 alone is a registry's own. */
const REGISTRY_WARNING = '299 - "';

/**
 * The texts of a `Warning` header: `299 - "text"`, several joined with commas. Only code 299 with
 * agent `-` is a registry's own; quotes and backslashes inside a text are escaped. Each character is
 * looked at once, whatever the header holds.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#warnings
 */
export function parseWarnings(header: string | null): string[] {
  const text = header?.slice(0, HEADER_CHARACTERS) ?? "";
  const texts: string[] = [];
  let at = 0;
  while (at < text.length) {
    while (text[at] === " " || text[at] === "\t" || text[at] === ",") at++;
    let own = text.startsWith(REGISTRY_WARNING, at);
    // To the comma that ends this warning: one inside quotes does not.
    while (at < text.length && text[at] !== ",") {
      if (text[at++] !== '"') continue;
      const end = closingQuote(text, at);
      if (end === undefined) return texts;
      if (own) texts.push(text.slice(at, end).replaceAll(/\\(.)/gs, "$1"));
      own = false; // a date may follow, in quotes too
      at = end + 1;
    }
  }
  return texts;
}

/** Where the quoted text that starts here ends; `undefined` where it never does. */
function closingQuote(text: string, start: number): number | undefined {
  for (let at = start; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at;
  }
  return undefined;
}
