import { assertEquals } from "@std/assert";
import type { Intent } from "../transport/channel.ts";
import {
  asksForDelete,
  coversScopes,
  deleteAsStar,
  formatScope,
  formatScopes,
  intentScopes,
  mergeScopes,
  parseScope,
  parseScopes,
} from "./scope.ts";

const PARSED: [text: string, resource: string, actions: string[], formatted?: string][] = [
  ["repository:library/alpine:pull", "repository:library/alpine", ["pull"]],
  ["repository:a:pull,push", "repository:a", ["pull", "push"]],
  ["repository:localhost:5000/a:pull", "repository:localhost:5000/a", ["pull"]],
  ["repository(plugin):a:pull", "repository(plugin):a", ["pull"]],
  ["registry:catalog:*", "registry:catalog", ["*"]],
  ["repository:a:pull,pull,,push", "repository:a", ["pull", "push"], "repository:a:pull,push"],
  ["aws", "aws", []],
  ["repository:a:", "repository:a:", []],
  ["", "", []],
];

for (const [text, resource, actions, formatted = text] of PARSED) {
  Deno.test(`parseScope and formatScope: "${text}"`, () => {
    assertEquals(parseScope(text), { resource, actions });
    assertEquals(formatScope(parseScope(text)), formatted);
  });
}

Deno.test("parseScopes splits at spaces and merges what stands twice", () => {
  assertEquals(parseScopes(undefined), []);
  assertEquals(parseScopes("  "), []);
  assertEquals(
    parseScopes("repository:a:pull  repository:b:pull repository:a:push").map(formatScope),
    ["repository:a:pull,push", "repository:b:pull"],
  );
});

const MERGED: [name: string, lists: string[], merged: string][] = [
  ["nothing", [], ""],
  ["one", ["repository:a:pull"], "repository:a:pull"],
  [
    "the first list first",
    ["repository:b:push", "repository:a:pull"],
    "repository:b:push repository:a:pull",
  ],
  [
    "the union of one resource's actions",
    ["repository:a:push", "repository:a:pull"],
    "repository:a:push,pull",
  ],
  ["no action twice", ["repository:a:pull", "repository:a:pull,push"], "repository:a:pull,push"],
  ["texts of another form", ["aws", "repository:a:pull aws"], "aws repository:a:pull"],
];

for (const [name, lists, merged] of MERGED) {
  Deno.test(`mergeScopes: ${name}`, () => {
    assertEquals(formatScopes(mergeScopes(...lists.map(parseScopes))), merged);
  });
}

const COVERS: [held: string, wanted: string, covers: boolean][] = [
  ["repository:a:pull,push", "repository:a:pull", true],
  ["repository:a:pull", "repository:a:pull,push", false],
  ["repository:a:pull", "repository:b:pull", false],
  ["repository:a:pull repository:b:pull", "repository:b:pull", true],
  ["repository:a:pull", "repository:a:pull repository:b:pull", false],
  ["repository:a:pull", "", true],
  ["", "repository:a:pull", false],
  ["repository:a:*", "repository:a:pull", false],
  ["aws", "aws", true],
];

for (const [held, wanted, covers] of COVERS) {
  Deno.test(`coversScopes: "${held}" ${covers ? "covers" : "does not cover"} "${wanted}"`, () => {
    assertEquals(coversScopes(parseScopes(held), parseScopes(wanted)), covers);
  });
}

const INTENTS: [name: string, intent: Intent, extra: string[], scopes: string][] = [
  ["end-1 ping", { actions: [] }, [], ""],
  ["end-2 pull", { repository: "a/b", actions: ["pull"] }, [], "repository:a/b:pull"],
  ["end-4 push", { repository: "a", actions: ["pull", "push"] }, [], "repository:a:pull,push"],
  ["end-9 delete", { repository: "a", actions: ["delete"] }, [], "repository:a:delete"],
  [
    "end-11 mount",
    { repository: "a", actions: ["pull", "push"], mountFrom: "b" },
    [],
    "repository:a:pull,push repository:b:pull",
  ],
  [
    "end-11 mount from itself",
    { repository: "a", actions: ["push"], mountFrom: "a" },
    [],
    "repository:a:push,pull",
  ],
  ["the catalog", { actions: [], catalog: true }, [], "registry:catalog:*"],
  ["the catalog has no use for extra actions", { actions: [], catalog: true }, [
    "push",
  ], "registry:catalog:*"],
  ["extra actions", { repository: "a", actions: ["pull"] }, [
    "pull",
    "push",
  ], "repository:a:pull,push"],
  [
    "extra actions are for the repository alone",
    { repository: "a", actions: ["pull"], mountFrom: "b" },
    ["push"],
    "repository:a:pull,push repository:b:pull",
  ],
  ["a repository, and nothing to do there", { repository: "a", actions: [] }, [], ""],
];

for (const [name, intent, extra, scopes] of INTENTS) {
  Deno.test(`intentScopes: ${name}`, () => {
    assertEquals(formatScopes(intentScopes(intent, extra)), scopes);
  });
}

Deno.test("deleteAsStar touches only what names delete", () => {
  const scopes = parseScopes("repository:a:pull,delete repository:b:pull");
  assertEquals(asksForDelete(scopes), true);
  assertEquals(deleteAsStar(scopes).map(formatScope), ["repository:a:*", "repository:b:pull"]);
  assertEquals(asksForDelete(deleteAsStar(scopes)), false);
});
