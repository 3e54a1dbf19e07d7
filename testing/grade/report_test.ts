import { assertEquals } from "@std/assert";
import { formatGrade, type GradeResult, type GradeVerdict, mergeGrades } from "./report.ts";

function result(id: string, verdict: GradeVerdict, evidence?: string): GradeResult {
  return {
    ...{ id, level: "MUST", section: "a section", duty: `does ${id}`, seenWhen: "always", verdict },
    ...(evidence !== undefined && { evidence }),
  };
}

for (
  const [verdicts, expected] of [
    [["not seen", "not seen"], "not seen"],
    [["not seen", "kept"], "kept"],
    [["kept", "not seen"], "kept"],
    [["kept", "broken"], "broken"],
    [["broken", "kept", "not seen"], "broken"],
  ] as [GradeVerdict[], GradeVerdict][]
) {
  Deno.test(`grade: merged, ${verdicts.join(" and ")} is ${expected}`, () => {
    const reports = verdicts.map((verdict) => ({ results: [result("x", verdict)] }));
    assertEquals(mergeGrades(...reports).results.map(({ verdict }) => verdict), [expected]);
  });
}

Deno.test("grade: merged, the order stays and what broke first is told", () => {
  const merged = mergeGrades(
    { results: [result("a", "kept"), result("b", "broken", "first")] },
    { results: [result("a", "not seen"), result("b", "broken", "second")] },
  );
  assertEquals(merged.results.map(({ id, evidence }) => [id, evidence]), [["a", undefined], [
    "b",
    "first",
  ]]);
  assertEquals(mergeGrades().results, []);
});

Deno.test("grade: as text", () => {
  const text = formatGrade({
    results: [
      result("a", "kept"),
      result("b", "not seen"),
      result("c", "broken", "GET /v2/: why"),
      result("d", "not seen"),
    ],
  });
  assertEquals(
    text,
    [
      "kept      a (MUST): does a",
      "broken    c (MUST): does c",
      "            GET /v2/: why",
      "not seen  2 of 4 duties: b, d",
      "",
    ].join("\n"),
  );
});

Deno.test("grade: as text, every duty seen", () => {
  assertEquals(formatGrade({ results: [result("a", "kept")] }), "kept      a (MUST): does a\n");
});
