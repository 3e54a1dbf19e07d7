/** One link of a `Link` header. */
interface Link {
  target: string;
  /** What its `rel` says, in lower case; none where it has none. */
  relations: string[];
}

/**
 * The target of a `Link` header's relation `next`, as it stands there: relative or absolute;
 * `undefined` where the header names other relations only, and `false` where it cannot be read.
 *
 * Registries and proxies send links without brackets or in quotes, relations in either quotes or none,
 * before the target too, or no relation at all: a page's only link is to the next one then. Each
 * character is looked at once.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8288#section-3
 */
export function nextLink(header: string | null): string | false | undefined {
  if (header === null || header.trim() === "") return undefined;
  const links = parseLinks(header);
  if (links === undefined) return false;
  const next = links.find(({ relations }) => relations.includes("next")) ??
    links.find(({ relations }) => relations.length === 0);
  return next && (next.target || false);
}

/** The links of a header; `undefined` where a bracket is not closed. */
function parseLinks(text: string): Link[] | undefined {
  const links: Link[] = [];
  let at = 0;

  /** Up to the first of some characters, or the end. */
  function until(ends: string): string {
    const start = at;
    while (at < text.length && !ends.includes(text[at]!)) at++;
    return text.slice(start, at);
  }

  function skip(characters: string): void {
    while (at < text.length && characters.includes(text[at]!)) at++;
  }

  /** A target without brackets: a comma is a part of it, unless a space follows. */
  function bareTarget(): string {
    let target = until(";,");
    while (text[at] === "," && at + 1 < text.length && !" \t<".includes(text[at + 1]!)) {
      at++;
      target += `,${until(";,")}`;
    }
    return target.trimEnd().replace(/>$/, "");
  }

  /** A value in quotes of either kind, where a backslash escapes, or up to the next parameter. */
  function value(): string {
    const quote = text[at]!;
    if (quote !== '"' && quote !== "'") return until(";,");
    at++;
    let found = "";
    while (at < text.length && text[at] !== quote) {
      found += until(`\\${quote}`);
      if (text[at] !== "\\") continue;
      found += text[at + 1] ?? "";
      at += 2;
    }
    at++;
    return found;
  }

  for (;;) {
    skip(" \t,;");
    if (at >= text.length) return links;
    let target: string | undefined;
    const relations: string[] = [];
    for (;;) {
      skip(" \t;");
      if (at >= text.length || text[at] === ",") break;
      if (text[at] === "<") {
        at++;
        const named = until(">");
        if (at >= text.length) return undefined;
        at++;
        target ??= named;
        continue;
      }
      const start = at;
      const name = `"'`.includes(text[at]!) ? "" : until("=;, \t").toLowerCase();
      skip(" \t");
      if (target === undefined && !(text[at] === "=" && PARAMETER.test(name))) {
        at = start;
        target = name === "" ? value() : bareTarget();
        continue;
      }
      if (text[at] !== "=") {
        if (at === start) at++; // a quote that belongs to nothing
        continue;
      }
      at++;
      skip(" \t");
      const said = value();
      if (name === "rel") relations.push(...said.toLowerCase().split(/[ \t]+/).filter(Boolean));
    }
    links.push({ target: target?.trim() ?? "", relations });
  }
}

/** What counts as a parameter before a target: a bare target may hold an equals sign too. */
const PARAMETER = /^(?:rel|rev|title|type|anchor|media|hreflang)\*?$/;
