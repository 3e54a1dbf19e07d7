import { decodeBase64, encodeBase64 } from "../content/base64.ts";
import { encodeText } from "../content/bytes.ts";
import { isShownParameter } from "./redact.ts";

/** Secrets of so many characters are searched for anywhere: shorter ones are parts of other words. */
const LONG = 8;

/** How many secrets are remembered: more than there are requests at once, each with a token. */
const SECRETS_KEPT = 100;

const HIDDEN = "***";

/** A run of what a signed token is made of. */
const TOKEN_RUN = /[\w.-]+/g;

/** A URL, as far as it goes in a text. */
const URL_RUN = /https?:\/\/[^\s"'<>]*/g;

/** What a letter or digit is, to tell where a word ends. */
const LETTER = /[\p{L}\p{N}_]/u;

/** Where a connection's {@linkcode Secrets} are, once it has sent one. */
export interface SecretsKeeper {
  /** They themselves. */
  kept?: Secrets;
}

/** The secrets of a connection, to remember one more or to find them in what another end says. */
export function secretsOf(keeper: SecretsKeeper = {}): Secrets {
  return keeper.kept ??= new Secrets();
}

/**
 * The secrets that a connection has sent of late: passwords, tokens, signatures. Registries, storages,
 * proxies and token services repeat what they were sent, in one encoding or another; nothing of that is
 * to show.
 */
export class Secrets {
  /** The spellings by the secret, the longest first; found when a text is first looked through. */
  readonly #known = new Map<string, readonly string[] | undefined>();

  /** Remembers a secret. */
  add(secret: string | undefined): void {
    if (!secret) return;
    const known = this.#known.get(secret);
    this.#known.delete(secret);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < SECRETS_KEPT) break;
      this.#known.delete(oldest);
    }
    this.#known.set(secret, known);
  }

  /** Remembers the secrets of a header with credentials: a token, or a password and its Basic value. */
  learn(authorization: string | null | undefined): void {
    const [scheme, value] = (authorization ?? "").split(" ");
    this.add(value);
    if (scheme !== "Basic" || value === undefined) return;
    try {
      const pair = new TextDecoder().decode(decodeBase64(value));
      this.add(pair.slice(pair.indexOf(":") + 1));
    } catch {
      // A caller's own header.
    }
  }

  /** A text of davit's own, without the long secrets that stand in it. */
  hide(text: string): string {
    let shown = text;
    for (const spelling of this.#spellings()) {
      if (spelling.length >= LONG) shown = shown.replaceAll(spelling, HIDDEN);
    }
    return shown;
  }

  /**
   * The words of another end: without any secret, signed tokens, and what stands behind the path of a
   * URL. The short secrets count as whole words.
   *
   * @param url What was asked, whose signature may be repeated.
   */
  redact(words: string, url?: URL): string {
    let text = this.hide(words);
    for (const spelling of this.#spellings()) {
      if (spelling.length < LONG) text = hideWord(text, spelling);
    }
    for (const [name, value] of url?.searchParams ?? []) {
      if (isShownParameter(name) || value.length < LONG) continue;
      for (const spelling of spellings(value)) text = text.replaceAll(spelling, HIDDEN);
    }
    return text.replace(URL_RUN, withoutQuery).replace(TOKEN_RUN, withoutToken);
  }

  *#spellings(): Iterable<string> {
    for (const [secret, known] of this.#known) {
      const found = known ?? spellings(secret);
      if (known === undefined) this.#known.set(secret, found);
      yield* found;
    }
  }
}

function withoutQuery(url: string): string {
  const end = url.indexOf("?");
  return end < 0 ? url : `${url.slice(0, end)}?…`;
}

/** The shape of a JWT: a header that begins with `{"`, and a payload behind a dot. */
function withoutToken(run: string): string {
  const start = run.search(/\beyJ/);
  return start < 0 || run.indexOf(".", start + LONG) < 0 ? run : run.slice(0, start) + HIDDEN;
}

function hideWord(text: string, word: string): string {
  let shown = "";
  let rest = 0;
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    const end = at + word.length;
    if (at < rest || LETTER.test(text[at - 1] ?? "") || LETTER.test(text[end] ?? "")) continue;
    shown += text.slice(rest, at) + HIDDEN;
    rest = end;
  }
  return shown + text.slice(rest);
}

/** Every spelling of a secret, the longest first: as it is, in URLs, forms, JSON, HTML, base64, hex. */
function spellings(secret: string): string[] {
  const bytes = encodeText(secret);
  const base64 = encodeBase64(bytes);
  const found = new Set<string>();
  for (const plain of [secret, base64, base64.replace(/=+$/, "")]) {
    const inUrl = encodeURIComponent(plain);
    const inJson = JSON.stringify(plain).slice(1, -1);
    const ascii = inJson.replace(
      /[^\x20-\x7e]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
    found.add(plain);
    found.add(inUrl);
    found.add(inUrl.replace(/%../g, (escape) => escape.toLowerCase()));
    found.add(new URLSearchParams({ s: plain }).toString().slice("s=".length));
    for (const text of [inJson, ascii]) found.add(text).add(text.replaceAll("/", "\\/"));
    const inHtml = plain.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
    for (const quote of ["&quot;", "&#34;"]) found.add(inHtml.replaceAll('"', quote));
    found.add(inHtml.replaceAll('"', "&quot;").replaceAll("'", "&#39;"));
  }
  // Behind other bytes, base64 has another form; what they share a character with is left out.
  for (const before of [0, 1, 2]) {
    const shifted = encodeBase64(new Uint8Array([...new Uint8Array(before), ...bytes]));
    const part = shifted.slice(before && before + 1, Math.floor((before + bytes.length) * 4 / 3));
    for (const text of [part, part.replaceAll("+", "-").replaceAll("/", "_")]) {
      if (text.length >= LONG) found.add(text);
    }
  }
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (hex.length >= LONG) found.add(hex);
  return [...found].sort((a, b) => b.length - a.length);
}
