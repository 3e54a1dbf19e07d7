import type { TapeSecrets } from "./secrets.ts";

/** A field that names a secret, and what stands behind it: `password: abc`, `"token" = 'abc'`. */
const NAMED =
  /\b(pass(?:word|wd|phrase)?|pwd|secret|(?:\w*_)?token|api[_-]?key|credentials?|signature|cookie)\b(["']?\s*[:=]\s*["']?)([^\s"'&,;<>]+)/gi;

/** Credentials behind their scheme. Words such as "Bearer authentication" are none. */
const SCHEME = /\b(basic|bearer|negotiate)(\s+)([A-Za-z0-9._~+/-]{4,}=*)/gi;

const WEB_TOKEN = /\beyJ[\w-]{4,}(?:\.[\w-]*)*/g;

/** A text that is kept for its words: without what it names as a secret, however short. */
export function redactText(text: string, secrets: TapeSecrets): string {
  return text
    .replace(WEB_TOKEN, (token) => secrets.placeholder(token))
    .replace(
      NAMED,
      (_, name: string, sign: string, value: string) => name + sign + secrets.placeholder(value),
    )
    .replace(SCHEME, (all, scheme: string, space: string, value: string) => {
      const isWord = /^[a-z]+$/i.test(value) && value.length < 20 && !/[a-z][A-Z]/.test(value);
      return isWord ? all : scheme + space + secrets.placeholder(value);
    });
}
