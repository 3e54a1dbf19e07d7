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

interface SourceFacts {
  imports: ImportEdge[];
  /** The code with spaces for comments and quotes for strings; lines stay. */
  code: string;
  /** Every string without substitutions: its text, and the line it starts in. */
  strings: ImportEdge[];
  /** Lines that hold more than comments and blanks. */
  codeLines: number;
}

/** After these words a slash begins a regular expression, not a division. */
const BEFORE_REGEXP =
  /(?:^|[^\w$.])(?:return|typeof|case|do|else|in|of|void|delete|throw|await|yield|new|instanceof)$/;

/** The parts of a text, each looked for at the place where the one before ends. */
const PLAIN = /[^"'`/{}]+/y;
const COMMENT = /\/\/.*|\/\*[^]*?(?:\*\/|$)/y;
const STRING = /(["'])((?:\\[^]|(?!\1)[^\\\n])*)\1?/y;
const REGEXP = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^\\[/\n])+\/?/y;
/** From a template's beginning, or the end of a substitution, to the next one or the template's end. */
const TEMPLATE = /[`}]((?:\\[^]|\$(?!\{)|[^\\`$])*)(`|\$\{|$)/y;

class Lexer {
  code = "";
  readonly strings: { text: string; at: number }[] = [];

  constructor(private readonly text: string) {
    if (text.startsWith("#!")) this.#take(/.*/y, " ");
    this.#readCode(false);
  }

  /** Takes what a pattern finds here over into the code, as it is or with something in its place. */
  #take(pattern: RegExp, filler = "$&"): RegExpExecArray | null {
    pattern.lastIndex = this.code.length;
    const match = pattern.exec(this.text);
    this.code += match?.[0].replace(/[^\n]/g, filler) ?? "";
    return match;
  }

  /** Reads to the end, or to the brace that closes a template's substitution. */
  #readCode(inTemplate: boolean): void {
    for (let depth = 0; this.code.length < this.text.length;) {
      if (this.#take(PLAIN) || this.#take(COMMENT, " ")) continue;
      const at = this.code.length;
      const char = this.text[at];
      const string = this.#take(STRING, '"');
      if (string !== null) this.strings.push({ text: string[2]!, at });
      else if (char === "`") this.#readTemplate(at);
      else if (char !== "/" || !this.#beginsRegExp() || !this.#take(REGEXP, '"')) {
        if (char === "{") depth++;
        if (char === "}" && depth-- === 0 && inTemplate) return;
        this.code += char;
      }
    }
  }

  #readTemplate(at: number): void {
    let part = this.#take(TEMPLATE, '"');
    if (part !== null && part[2] !== "${") this.strings.push({ text: part[1]!, at });
    while (part?.[2] === "${") {
      this.code = `${this.code.slice(0, -1)}{`; // a slash behind it begins a regular expression
      this.#readCode(true);
      part = this.#take(TEMPLATE, '"');
    }
  }

  #beginsRegExp(): boolean {
    const before = this.code.trimEnd();
    return BEFORE_REGEXP.test(before.slice(-16)) || !/[\w$)\]}"]$/.test(before);
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
  const { code, strings: found } = new Lexer(text);
  let line = 1;
  let last = 0;
  const strings = found.map(({ text: specifier, at }) => {
    line += text.slice(last, at).split("\n").length - 1;
    last = at;
    return { specifier, line, at };
  });
  const imports = strings.filter(({ at }) => {
    const before = code.slice(Math.max(0, at - CLAUSE), at);
    return BEFORE_SPECIFIER.some((pattern) => pattern.test(before));
  });
  const codeLines = code.split("\n").filter((line) => line.trim() !== "").length;
  return { imports, code, strings, codeLines };
}
