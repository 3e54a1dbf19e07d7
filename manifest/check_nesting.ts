import { InvalidManifestError, ManifestVerificationError } from "../errors.ts";
import { quoted } from "./quoted.ts";

/**
 * How deep objects and lists may stand in each other. Real manifests stay under 10; what walks
 * such a value recursively (`JSON.stringify`, `structuredClone`) fails at some thousands.
 */
const MAX_DEPTH = 1_000;

/**
 * Checks what `JSON.parse` does not tell of a text that it took: that no object states one name
 * twice, and that nothing nests too deeply. Of a repeated name some readers take the first value,
 * some the last, and Go's merges the two: one document, several meanings.
 *
 * @throws {InvalidManifestError} When it nests deeper than 1,000.
 * @throws {ManifestVerificationError} When an object states one name twice.
 */
export function checkNesting(json: string): void {
  const open: (Set<string> | undefined)[] = [];
  for (let i = 0; i < json.length; i++) {
    switch (json[i]) {
      case "{":
      case "[":
        open.push(json[i] === "{" ? new Set() : undefined);
        if (open.length > MAX_DEPTH) {
          throw new InvalidManifestError(
            `Cannot read the manifest: it nests deeper than ${MAX_DEPTH} levels`,
          );
        }
        break;
      case "}":
      case "]":
        open.pop();
        break;
      case '"': {
        const start = i;
        i = stringEnd(json, start);
        if (!isName(json, i)) break;
        const name = unescaped(json.slice(start, i + 1));
        const names = open.at(-1)!;
        if (names.has(name)) {
          throw new ManifestVerificationError(
            `Cannot use the manifest: it states ${quoted(name)} twice in one object`,
          );
        }
        names.add(name);
      }
    }
  }
}

/** Where the string ends that begins here: at the first quotation mark behind an even count of `\`. */
function stringEnd(json: string, start: number): number {
  let end = start;
  for (;;) {
    end = json.indexOf('"', end + 1);
    let before = end - 1;
    while (json[before] === "\\") before--;
    if ((end - before) % 2 === 1) return end;
  }
}

function unescaped(string: string): string {
  return string.includes("\\") ? JSON.parse(string) : string.slice(1, -1);
}

/** Whether the string that ends here is a member's name: in valid JSON, a colon follows those. */
function isName(json: string, end: number): boolean {
  let i = end + 1;
  while (json[i]?.trim() === "") i++;
  return json[i] === ":";
}
