/** Every rule is kept by a client that does right, and broken by one that does wrong on purpose. */
import { assertEquals } from "@std/assert";
import { grade } from "@davit/registry-client/testing";
import { ruleTest } from "./grade_case.ts";
import { HTTP_CASES } from "./http_cases.ts";
import { PULL_CASES } from "./pull_cases.ts";
import { PUSH_CASES } from "./push_cases.ts";
import { REFERRERS_CASES } from "./referrers_cases.ts";

const CASES = [...PULL_CASES, ...PUSH_CASES, ...REFERRERS_CASES, ...HTTP_CASES];

for (const one of CASES) ruleTest(one);

Deno.test("grade: every rule has a client that keeps it and one that breaks it", () => {
  const rules = grade().report().results.map(({ id }) => id);
  assertEquals(rules.filter((id) => !CASES.some(({ rule, right }) => rule === id && right)), []);
  assertEquals(rules.filter((id) => !CASES.some(({ rule, wrong }) => rule === id && wrong)), []);
  assertEquals(new Set(rules).size, rules.length);
});
