import { InvalidContentError } from "../errors.ts";

/** What the YAML of a chart is made of: every scalar is a text, or nothing. */
export type Yaml = string | null | Yaml[] | { [key: string]: Yaml };

interface Line {
  indent: number;
  /** What follows them, without blanks at the end. */
  text: string;
  /** All of it. */
  raw: string;
  /** From 1. */
  number: number;
}

/** Deeper than any chart; what nests without end overflows no stack. */
const MAX_DEPTH = 50;

/**
 * Reads the part of YAML that charts are written in, by hand and by Helm: block mappings and lists,
 * plain, quoted, literal and folded scalars, flow collections on one line, comments. Anchors, tags,
 * further documents and all else are refused, never guessed.
 *
 * @throws {InvalidContentError} When it is not that, with the line's number.
 */
export function readYaml(text: string): Yaml {
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/).map((line, at): Line => {
    const indent = /^ */.exec(line)![0].length;
    return { indent, text: line.slice(indent).trimEnd(), raw: line, number: at + 1 };
  });
  const reader = new YamlReader(lines);
  const start = reader.peek();
  if (start?.text === "---" && start.indent === 0) reader.next();
  const value = reader.block(-1, 0);
  const rest = reader.peek();
  if (rest !== undefined) throw refusal(rest, "it is indented in no way that fits");
  return value;
}

class YamlReader {
  #at = 0;

  constructor(private readonly lines: Line[]) {}

  /** The next line that says something. */
  peek(): Line | undefined {
    for (; this.#at < this.lines.length; this.#at++) {
      const line = this.lines[this.#at]!;
      if (line.text === "" || line.text.startsWith("#")) continue;
      if (line.text.startsWith("\t")) throw refusal(line, "it is indented with a tab");
      return line;
    }
  }

  next(): void {
    this.#at++;
  }

  /** What is indented deeper than its parent; nothing, where no line is. */
  block(parent: number, depth: number): Yaml {
    const line = this.peek();
    if (line === undefined || line.indent <= parent) return null;
    if (depth > MAX_DEPTH) throw refusal(line, "it nests too deeply");
    if (/^-(?: |$)/.test(line.text)) return this.#list(line.indent, depth);
    if (keyOf(line) !== undefined) return this.#mapping(line.indent, depth);
    this.next();
    return this.#scalar(line, line.text, parent);
  }

  #list(indent: number, depth: number): Yaml[] {
    const list: Yaml[] = [];
    for (;;) {
      const line = this.peek();
      if (line === undefined || line.indent !== indent || !/^-(?: |$)/.test(line.text)) return list;
      const rest = /^- *(.*)$/.exec(line.text)![1]!;
      if (rest === "" || rest.startsWith("#")) {
        this.next();
        list.push(this.block(indent, depth + 1));
        continue;
      }
      // An item's first line is as if the dash were a blank.
      const inner = { ...line, indent: indent + line.text.length - rest.length, text: rest };
      if (/^-(?: |$)/.test(rest) || keyOf(inner) !== undefined) {
        this.lines[this.#at] = inner;
        list.push(this.block(indent, depth + 1));
      } else {
        this.next();
        list.push(this.#scalar(line, rest, indent));
      }
    }
  }

  #mapping(indent: number, depth: number): Yaml {
    const found = new Map<string, Yaml>();
    for (;;) {
      const line = this.peek();
      if (line === undefined || line.indent !== indent) break;
      const key = keyOf(line);
      if (key === undefined) throw refusal(line, "it is no entry of a mapping");
      if (found.has(key.name)) throw refusal(line, `${JSON.stringify(key.name)} is there twice`);
      this.next();
      if (key.rest !== "" && !key.rest.startsWith("#")) {
        found.set(key.name, this.#scalar(line, key.rest, indent));
        continue;
      }
      const below = this.peek();
      // A list may stand as far left as the key that it belongs to.
      const isList = below?.indent === indent && /^-(?: |$)/.test(below.text);
      found.set(key.name, isList ? this.#list(indent, depth + 1) : this.block(indent, depth + 1));
    }
    return Object.fromEntries(found);
  }

  /** The value that begins with a text, after the line that it stands in was passed. */
  #scalar(line: Line, text: string, parent: number): Yaml {
    if (/^[|>]/.test(text)) return this.#blockScalar(line, text, parent);
    if (/^["'[{]/.test(text)) {
      const flow = new FlowReader(line, this.#untilQuote(line, text, parent));
      const value = flow.value(0);
      flow.end();
      return value;
    }
    const parts = [plain(line, text)];
    // Deeper lines go on with it, until a comment ends it.
    for (let blanks = 0; !/ #/.test(text); this.next()) {
      const more = this.lines[this.#at];
      if (more === undefined || (more.text !== "" && more.indent <= parent)) break;
      if (more.text === "") {
        blanks++;
        continue;
      }
      if (more.text.startsWith("#")) break;
      parts.push(blanks > 0 ? "\n".repeat(blanks) : " ", plain(more, more.text));
      blanks = 0;
    }
    const whole = parts.join("");
    return ["~", "null", "Null", "NULL"].includes(whole) ? null : whole;
  }

  /** A quoted text goes on in deeper lines: an end of line is a blank, and empty lines are ends. */
  #untilQuote(line: Line, text: string, parent: number): string {
    const closed = text[0] === '"' ? DOUBLE : text[0] === "'" ? SINGLE : /^/;
    let whole = text;
    for (let blanks = 0; !closed.test(whole); this.next()) {
      const more = this.lines[this.#at];
      if (more === undefined || (more.text !== "" && more.indent <= parent)) {
        throw refusal(line, "a quoted text does not end");
      }
      if (more.text === "") {
        blanks++;
        continue;
      }
      const isEscaped = text[0] === '"' && /(?<!\\)(?:\\\\)*\\$/.test(whole);
      whole = isEscaped
        ? whole.slice(0, -1) + more.text
        : whole + ("\n".repeat(blanks) || " ") + more.text;
      blanks = 0;
    }
    return whole;
  }

  #blockScalar(line: Line, text: string, parent: number): string {
    const match = /^([|>])([+-]?)([1-9]?)([+-]?)(?: +#.*)?$/.exec(text);
    if (match === null || (match[2] && match[4])) {
      throw refusal(line, "its block scalar has an indicator that is not one of YAML's");
    }
    const [, style, before, digit, after] = match;
    const chomp = before || after;
    const held: Line[] = [];
    for (; this.#at < this.lines.length; this.next()) {
      const more = this.lines[this.#at]!;
      if (more.text !== "" && more.indent <= parent) break;
      held.push(more);
    }
    const first = held.find((each) => each.text !== "")?.indent ?? 0;
    const indent = digit ? Math.max(0, parent) + Number(digit) : first;
    const rows = held.map((each) => {
      if (each.text !== "" && each.indent < indent) {
        throw refusal(each, "it is indented too little");
      }
      return each.raw.slice(indent);
    });
    const kept = rows.findLastIndex((row) => row !== "") + 1;
    const body = style === "|" ? rows.slice(0, kept).join("\n") : folded(rows.slice(0, kept));
    if (chomp === "-" || kept === 0) return chomp === "+" ? "\n".repeat(rows.length) : body;
    return body + "\n".repeat(chomp === "+" ? rows.length - kept + 1 : 1);
  }
}

/** Single ends of lines become blanks, but not beside lines that are indented more. */
function folded(rows: string[]): string {
  let text = rows[0] ?? "";
  let blanks = 0;
  let last = text;
  for (const row of rows.slice(1)) {
    if (row === "") {
      blanks++;
      continue;
    }
    const keeps = row.startsWith(" ") || last.startsWith(" ");
    text += keeps ? "\n".repeat(blanks + 1) : blanks > 0 ? "\n".repeat(blanks) : " ";
    text += row;
    last = row;
    blanks = 0;
  }
  return text;
}

/** A key at a line's beginning, and what follows its colon. */
function keyOf(line: Line): { name: string; rest: string } | undefined {
  const { text } = line;
  if (/^["']/.test(text)) {
    if (!SINGLE.test(text) && !DOUBLE.test(text)) return undefined; // it goes on in the next line
    const flow = new FlowReader(line, text);
    const name = flow.quoted();
    const rest = /^ *:(?: +(.*)|)$/.exec(flow.rest());
    return rest === null ? undefined : { name, rest: rest[1] ?? "" };
  }
  const match = /^([^\s#&*!|>'"%@`\[\]{},?-][^#]*?) *:(?: +(.*)|)$/.exec(text);
  return match === null ? undefined : { name: match[1]!, rest: match[2] ?? "" };
}

/** A plain scalar's text in one line, without a comment. */
function plain(line: Line, text: string): string {
  const bare = text.replace(/ +#.*$/, "");
  if (/^[&*!%@`?]|^[-:?](?: |$)|^[\]},]/.test(bare)) {
    throw refusal(line, "it has an anchor, a tag or another part of YAML that is not supported");
  }
  if (/: |:$/.test(bare)) throw refusal(line, "a value has a colon and is not quoted");
  if (/^(?:---|\.\.\.)$/.test(bare) && line.indent === 0) throw refusal(line, "a document ends");
  return bare;
}

/** A quoted text at the beginning. Two single quotes stand for one. */
const SINGLE = /^'((?:[^']|'')*)'(?!')/;
const DOUBLE = /^"((?:[^"\\]|\\[^])*)"/;

const ESCAPES: Record<string, string> = {
  ...{ "0": "\0", a: "\x07", b: "\b", e: "\x1b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" },
  ...{ '"': '"', "/": "/", "\\": "\\", " ": " ", "\t": "\t" },
  ...{ N: "\x85", _: "\xa0", L: "\u2028", P: "\u2029" },
};

/** Quoted scalars, and flow collections in one line. */
class FlowReader {
  #at = 0;

  constructor(private readonly line: Line, private readonly text: string) {}

  rest(): string {
    return this.text.slice(this.#at);
  }

  /** Passes what follows: a comment at most. */
  end(): void {
    if (!/^\s*(?:|\s#.*)$/.test(this.rest())) throw refusal(this.line, "something follows a value");
  }

  value(depth: number): Yaml {
    if (depth > MAX_DEPTH) throw refusal(this.line, "it nests too deeply");
    this.#blanks();
    const first = this.text[this.#at];
    if (first === '"' || first === "'") return this.quoted();
    if (first === "[") return this.#items("]", () => this.value(depth + 1));
    if (first === "{") {
      const found = new Map<string, Yaml>();
      this.#items("}", () => {
        this.#blanks();
        const name = /^["']/.test(this.rest()) ? this.quoted() : this.#plain(/^[^,:\[\]{}]+/);
        this.#blanks();
        if (!/^:(?: |$|[\]},])/.test(this.rest())) throw refusal(this.line, "a key has no value");
        if (found.has(name)) throw refusal(this.line, `${JSON.stringify(name)} is there twice`);
        this.#at++;
        found.set(name, this.value(depth + 1));
      });
      return Object.fromEntries(found);
    }
    const text = this.#plain(/^(?:[^,:\[\]{}#]|:(?! )|#)+/);
    return ["~", "null", "Null", "NULL"].includes(text) ? null : text;
  }

  quoted(): string {
    const single = SINGLE.exec(this.rest());
    if (single !== null) {
      this.#at += single[0].length;
      return single[1]!.replaceAll("''", "'");
    }
    const double = DOUBLE.exec(this.rest());
    if (double === null) throw refusal(this.line, "a quoted text does not end in its line");
    this.#at += double[0].length;
    return double[1]!.replace(
      /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/g,
      (_, x, u, U, other) => {
        const code = x ?? u ?? U;
        if (code === undefined && Object.hasOwn(ESCAPES, other)) return ESCAPES[other]!;
        const point = parseInt(code, 16);
        if (!(point <= 0x10ffff)) throw refusal(this.line, "an escape is not one of YAML's");
        return String.fromCodePoint(point);
      },
    );
  }

  #plain(pattern: RegExp): string {
    const text = pattern.exec(this.rest())?.[0];
    if (text === undefined) throw refusal(this.line, "a flow collection does not end in its line");
    this.#at += text.length;
    return plain(this.line, text.trim());
  }

  #items<T>(close: string, item: () => T): T[] {
    const items: T[] = [];
    this.#at++;
    for (;;) {
      this.#blanks();
      if (this.text[this.#at] === close) break;
      items.push(item());
      this.#blanks();
      const separator = this.text[this.#at];
      if (separator === close) break;
      if (separator !== ",") throw refusal(this.line, "a flow collection does not end in its line");
      this.#at++;
    }
    this.#at++;
    return items;
  }

  #blanks(): void {
    while (this.text[this.#at] === " ") this.#at++;
  }
}

function refusal({ number }: Line, why: string): InvalidContentError {
  return new InvalidContentError(`Cannot read the YAML: in line ${number} ${why}`);
}
