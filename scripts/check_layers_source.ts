/**
 * Reads as much of TypeScript as the layer rule needs: which text is code, comment, string, and
 * which modules are imported. A lexer instead of a compiler, so that the rule runs in a moment.
 */

/** An import, export-from, dynamic import or import type. */
export interface ImportEdge {
  specifier: string;
  /** The line it stands in, from 1. */
  line: number;
}

export interface SourceFacts {
  imports: ImportEdge[];
  /** The code with spaces for comments and underscores for what strings hold; lines stay. */
  code: string;
  /** Every string without substitutions: its text, and the line it starts in. */
  strings: ImportEdge[];
  /** Lines that hold more than comments and blanks. */
  codeLines: number;
}

/** After these words a slash begins a regular expression, not a division. */
const BEFORE_REGEXP =
  /(?:^|[^\w$.])(?:return|typeof|case|do|else|in|of|void|delete|throw|await|yield|new|instanceof)$/;

/** Stands in the code at both ends of a string, whichever quotes it had. */
const QUOTE = '"';

class Lexer {
  readonly #text: string;
  #at = 0;
  #code = "";
  readonly #strings: { text: string; at: number }[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  read(): { code: string; strings: { text: string; at: number }[] } {
    if (this.#text.startsWith("#!")) this.#blankTo(this.#lineEnd());
    this.#readCode(false);
    return { code: this.#code, strings: this.#strings };
  }

  #lineEnd(): number {
    const end = this.#text.indexOf("\n", this.#at);
    return end < 0 ? this.#text.length : end;
  }

  #blankTo(end: number, filler = " "): void {
    const stop = Math.min(end, this.#text.length);
    this.#code += this.#text.slice(this.#at, stop).replace(/[^\n]/g, filler);
    this.#at = stop;
  }

  #quote(): void {
    if (this.#at < this.#text.length) this.#code += QUOTE;
    this.#at++;
  }

  /** Reads to the end, or to the brace that closes a template's substitution. */
  #readCode(inTemplate: boolean): void {
    let depth = 0;
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!;
      const two = this.#text.slice(this.#at, this.#at + 2);
      if (two === "//") this.#blankTo(this.#lineEnd());
      else if (two === "/*") {
        const end = this.#text.indexOf("*/", this.#at + 2);
        this.#blankTo(end < 0 ? this.#text.length : end + 2);
      } else if (char === '"' || char === "'") this.#readString(char);
      else if (char === "`") this.#readTemplate();
      else if (char === "/" && this.#slashBeginsRegExp()) this.#readRegExp();
      else {
        if (inTemplate && char === "{") depth++;
        if (inTemplate && char === "}" && depth-- === 0) return;
        this.#code += char;
        this.#at++;
      }
    }
  }

  #readString(quote: string): void {
    const start = this.#at;
    let end = start + 1;
    while (end < this.#text.length && this.#text[end] !== quote && this.#text[end] !== "\n") {
      end += this.#text[end] === "\\" ? 2 : 1;
    }
    this.#strings.push({ text: this.#text.slice(start + 1, end), at: start });
    this.#quote();
    this.#blankTo(end, "_");
    if (this.#text[end] === quote) this.#quote();
  }

  #readTemplate(): void {
    const start = this.#at;
    let whole = true;
    this.#quote();
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!;
      if (char === "\\") this.#blankTo(this.#at + 2, "_");
      else if (this.#text.startsWith("${", this.#at)) {
        whole = false;
        this.#blankTo(this.#at + 2);
        this.#readCode(true);
        this.#blankTo(this.#at + 1);
      } else if (char === "`") {
        if (whole) this.#strings.push({ text: this.#text.slice(start + 1, this.#at), at: start });
        this.#quote();
        return;
      } else this.#blankTo(this.#at + 1, "_");
    }
  }

  #slashBeginsRegExp(): boolean {
    const before = this.#code.trimEnd();
    const last = before.at(-1);
    if (last === undefined) return true;
    if (BEFORE_REGEXP.test(before.slice(-16))) return true;
    return !/[\w$)\]}"]/.test(last);
  }

  #readRegExp(): void {
    let end = this.#at + 1;
    let inClass = false;
    for (; end < this.#text.length && this.#text[end] !== "\n"; end++) {
      const char = this.#text[end];
      if (char === "\\") end++;
      else if (char === "[") inClass = true;
      else if (char === "]") inClass = false;
      else if (char === "/" && !inClass) break;
    }
    this.#blankTo(end + 1, "_");
  }
}

/**
 * `import x from "…"`, `export … from "…"`, `import "…"`, `import("…")`: what stands before the
 * string. Clauses hold no semicolon, and a `from` that ends one is not the name of something.
 */
const BEFORE_SPECIFIER = [
  /(?:^|[^\w$.])import\s*\(\s*$/,
  /(?:^|[^\w$.])import\s*$/,
  /(?:^|[^\w$.])(?:import|export)\b(?![^;]*(?:^|[^\w$.])(?:import|export)\b)[^;=()]*[^\w$.]from\s*$/,
];

/** What the longest import clause takes, in characters. */
const CLAUSE = 4_000;

export function readSource(text: string): SourceFacts {
  const { code, strings } = new Lexer(text).read();
  const lineStarts = [0];
  for (let at = 0; at < text.length; at++) if (text[at] === "\n") lineStarts.push(at + 1);
  const lineOf = (position: number): number => {
    let low = 0;
    let high = lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (lineStarts[middle]! <= position) low = middle;
      else high = middle;
    }
    return low + 1;
  };
  const imports: ImportEdge[] = [];
  for (const { text: specifier, at } of strings) {
    const before = code.slice(Math.max(0, at - CLAUSE), at);
    if (BEFORE_SPECIFIER.some((pattern) => pattern.test(before))) {
      imports.push({ specifier, line: lineOf(at) });
    }
  }
  return {
    imports: imports.sort((a, b) => a.line - b.line),
    code,
    strings: strings.map((string) => ({ specifier: string.text, line: lineOf(string.at) })),
    codeLines: code.split("\n").filter((line) => line.trim() !== "").length,
  };
}
