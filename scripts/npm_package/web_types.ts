/**
 * Makes the package's declarations compile without the DOM library, and without Node's types: what
 * names an interface of the web finds an empty one then, which says nothing and is no error.
 */
import { filesBelow } from "./check_package.ts";
import { ESM, SCRIPT } from "./manifest.ts";

/** The web's interfaces that declarations name, with their type parameters as the DOM library has them. */
const INTERFACES = [
  ...["AbortSignal", "Blob", "CryptoKey", "Headers", "ReadableStream<R = any>", "Request"],
  ...[
    "RequestInit",
    "Response",
    "ResponseInit",
    "URL",
    "URLSearchParams",
    "WritableStream<W = any>",
  ],
];

/** The file that declares them: a declaration of an interface adds to those of a library. */
const FILE = "web.d.ts";

const TEXT = `export {};
declare global {
${INTERFACES.map((name) => `  interface ${name} {}\n`).join("")}}
`;

/** What has no name everywhere, by way of what has. */
const DERIVED: [pattern: RegExp, type: (name: string) => string][] = [
  [
    /\btypeof globalThis\.fetch\b/g,
    () => "(typeof globalThis extends { fetch: infer F } ? F : (...args: any[]) => Promise<any>)",
  ],
  [/\bRequestInit\["(\w+)"\]/g, memberOfRequest],
  [/\bHeadersInit\b/g, () => memberOfRequest("headers")],
  [/\bBodyInit\b/g, () => memberOfRequest("body")],
];

function memberOfRequest(name: string): string {
  return `(RequestInit extends { ${name}?: infer T } ? T : unknown)`;
}

/** Changes the declarations of a package that was built. */
export async function webTypes(folder: string): Promise<void> {
  const names = new RegExp(`\\b(?:${INTERFACES.map((name) => /\w+/.exec(name)![0]).join("|")})\\b`);
  for (const format of [ESM, SCRIPT]) {
    for (const file of await filesBelow(`${folder}/${format}`)) {
      if (!file.endsWith(".d.ts")) continue;
      const before = await Deno.readTextFile(`${folder}/${format}/${file}`);
      let text = before;
      for (const [pattern, type] of DERIVED) {
        text = text.replaceAll(pattern, (_, name: string) => type(name));
      }
      if (names.test(text)) {
        const up = "../".repeat(file.split("/").length - 1) || "./";
        text = `/// <reference path="${up}${FILE}" />\n${text}`;
      }
      if (text !== before) await Deno.writeTextFile(`${folder}/${format}/${file}`, text);
    }
    await Deno.writeTextFile(`${folder}/${format}/${FILE}`, TEXT);
  }
}
