import { assertEquals } from "@std/assert";
import { SortedNames } from "./sorted_names.ts";

Deno.test("SortedNames: pages in ASCII order, after names that need not be there", () => {
  const names = new SortedNames();
  for (const name of ["b", "B", "a/b", "a-b", "a", "b"]) names.add(name);
  const cases: [after: string | undefined, limit: number, items: string[], more: boolean][] = [
    [undefined, 10, ["B", "a", "a-b", "a/b", "b"], false],
    [undefined, 2, ["B", "a"], true],
    ["a", 2, ["a-b", "a/b"], true],
    ["a.", 2, ["a/b", "b"], false],
    ["b", 2, [], false],
    ["", 1, ["B"], true],
    [undefined, 0, [], true],
  ];
  for (const [after, limit, items, more] of cases) {
    assertEquals(names.page({ limit, ...(after !== undefined && { after }) }), { items, more });
  }
});

Deno.test("SortedNames: a page shows what was added and deleted since the last one", () => {
  const names = new SortedNames();
  names.add("b");
  assertEquals(names.page({ limit: 9 }).items, ["b"]);
  names.add("a");
  assertEquals(names.page({ limit: 9 }).items, ["a", "b"]);
  names.delete("b");
  names.delete("never there");
  assertEquals(names.page({ limit: 9 }).items, ["a"]);
});
