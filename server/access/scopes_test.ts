import { assertEquals } from "@std/assert";
import type { RegistryAction } from "./options.ts";
import { formatScopes, grantScopes, hasScope, parseScopes } from "./scopes.ts";

for (
  const [parameters, expected] of [
    [[], ""],
    [["repository:app:pull"], "repository:app:pull"],
    [["repository:a/b:pull,push"], "repository:a/b:pull,push"],
    [["repository:host:5000/a/b:pull"], "repository:host:5000/a/b:pull"],
    [["repository(plugin):app:pull"], "repository:app:pull"],
    [["registry:catalog:*"], "registry:catalog:*"],
    [["repository:a:pull repository:b:pull"], "repository:a:pull repository:b:pull"],
    [["repository:a:pull", "repository:b:push"], "repository:a:pull repository:b:push"],
    [["repository:a:pull,,push,"], "repository:a:pull,push"],
    [["", "  ", "repository", "repository:app", ":app:pull", "a b c"], ""],
  ] as [string[], string][]
) {
  Deno.test(`parseScopes: ${JSON.stringify(parameters)}`, () => {
    assertEquals(formatScopes(parseScopes(parameters)), expected);
  });
}

Deno.test("parseScopes: no more than 100", () => {
  const many = Array.from({ length: 1000 }, (_, index) => `repository:r${index}:pull`);
  assertEquals(parseScopes(many).length, 100);
});

for (
  const [asked, allowed, lists, expected] of [
    ["repository:app:pull,push", ["pull", "push", "delete"], true, "repository:app:pull,push"],
    ["repository:app:push,pull", ["pull"], true, "repository:app:pull"],
    ["repository:app:*", ["pull", "delete"], true, "repository:app:pull,delete"],
    ["repository:app:delete", ["pull"], true, ""],
    ["repository:app:fly", ["pull"], true, ""],
    ["repository:other:pull", ["pull"], true, ""],
    ["registry:catalog:*", [], true, "registry:catalog:*"],
    ["registry:catalog:*", ["pull"], false, ""],
    ["registry:catalog:pull", ["pull"], true, ""],
    ["registry:other:*", ["pull"], true, ""],
    ["user:app:pull", ["pull"], true, ""],
  ] as [string, RegistryAction[], boolean, string][]
) {
  Deno.test(`grantScopes: ${asked} to who may ${allowed.join(",") || "nothing"}`, () => {
    const access = {
      may: (repository: string, action: RegistryAction) =>
        repository === "app" && allowed.includes(action),
      lists,
    };
    const granted = grantScopes(parseScopes([asked]), access);
    assertEquals(formatScopes(granted), expected);
  });
}

Deno.test("hasScope: type, name and action must all be the same", () => {
  const scopes = parseScopes(["repository:app:pull,push"]);
  assertEquals(hasScope(scopes, "repository", "app", "pull"), true);
  assertEquals(hasScope(scopes, "repository", "app", "delete"), false);
  assertEquals(hasScope(scopes, "repository", "ap", "pull"), false);
  assertEquals(hasScope(scopes, "registry", "app", "pull"), false);
});
