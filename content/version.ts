/** The version of this package; `deno.json` says the same, and a test holds them together. */
export const VERSION = "0.1.0";

/** What the `User-Agent` header says unless an option says otherwise. */
export const USER_AGENT: string = `davit/${VERSION}`;
