import { InvalidOptionError } from "../errors.ts";

/** Some tags: a glob (`v1.*`, `?` for one character), a regular expression, or a function. */
export type TagPattern = string | RegExp | ((tag: string) => boolean);

/** Whether a tag is meant by a pattern. */
export function tagMatcher(pattern: TagPattern): (tag: string) => boolean {
  if (typeof pattern === "function") return pattern;
  if (typeof pattern === "string") {
    const escaped = pattern.replace(/[\\^$.|+()[\]{}]/g, "\\$&");
    const glob = new RegExp(`^${escaped.replace(/\*/g, ".*").replace(/\?/g, ".")}$`);
    return (tag) => glob.test(tag);
  }
  if (pattern instanceof RegExp) {
    // One with the flag g or y remembers where it was.
    const plain = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""));
    return (tag) => plain.test(tag);
  }
  throw new InvalidOptionError(
    `Cannot choose tags as the pattern must be a glob, a RegExp or a function: ` +
      `current value is ${String(pattern)}`,
  );
}
