import { assert, assertEquals } from "@std/assert";
import { nextLink } from "./link.ts";

const CASES: [name: string, header: string | null, expected: string | false | undefined][] = [
  ["no header", null, undefined],
  ["relative", '</v2/a/tags/list?last=v1&n=2>; rel="next"', "/v2/a/tags/list?last=v1&n=2"],
  ["absolute", '<https://r.test/v2/?a=b>; rel="next"', "https://r.test/v2/?a=b"],
  ["unquoted, as olareg sends it", "</next>; rel=next", "/next"],
  ["no space", '</next>;rel="next"', "/next"],
  ["upper case", '</next>; REL="NEXT"', "/next"],
  ["other parameters first", '</next>; title="a; b"; rel="next"', "/next"],
  ["several relations", '</next>; rel="last next"', "/next"],
  ["another relation", '</prev>; rel="prev"', undefined],
  ["a relation that starts alike", '</x>; rel="nextish"', undefined],
  ["no relation", "</next>", "/next"],
  ["no relation, and another parameter", '</next>; title="rel=prev"', "/next"],
  ["an empty relation", '</next>; rel=""', "/next"],
  ["no relation beside one with another", '</prev>; rel="prev", </next>', "/next"],
  ["no relation beside the next one", '</x>, </next>; rel="next"', "/next"],
  ["several links", '</prev>; rel="prev", </next>; rel="next"', "/next"],
  ["several links, the next one first", "</next>; rel=next, </prev>; rel=prev", "/next"],
  ["a comma in the target", '</next?last=a,b>; rel="next"', "/next?last=a,b"],
  ["an empty target", '<>; rel="next"', false],
  ["no target", 'rel="next"', false],
  ["a target in double quotes", '"/next?last=a,b"; rel="next"', "/next?last=a,b"],
  ["a target in single quotes", "'/next'; rel='next'", "/next"],
  ["the relation before the target", 'rel="next"; </next>', "/next"],
  ["parameters before bare targets", "rel=prev; /prev, rel=next; title=x; /next", "/next"],
  ["a bare target with a query alone", "list?rel=a; rel=next", "list?rel=a"],
  ["the closing bracket alone", '/next>; rel="next"', "/next"],
  ["spaces in the brackets", '< /next >; rel="next"', "/next"],
  ["no brackets", '/next; rel="next"', "/next"],
  ["no brackets, no relation", "/v2/a/tags/list?last=b", "/v2/a/tags/list?last=b"],
  ["no brackets, a comma in the target", "/next?last=a,b; rel=next", "/next?last=a,b"],
  ["no brackets, several links", "/prev; rel=prev, /next; rel=next", "/next"],
  ["no brackets, the next one first", "/next; rel=next,/prev; rel=prev", "/next"],
  ["no brackets, another relation", "/prev; rel=prev", undefined],
  ["single quotes", "</next>; rel='next'", "/next"],
  ["single quotes, several relations", "</next>; rel='last next'", "/next"],
  ["single quotes, another relation", "</prev>; rel='prev'", undefined],
  ["spaces around the equals sign", '</next>; rel = "next"', "/next"],
  ["no semicolon", '</next> rel="next"', "/next"],
  ["two relations", '</next>; rel="prev"; rel="next"', "/next"],
  [
    "a bracket in a quoted parameter",
    '</p>; title="a > b"; rel="prev", </next>; rel=next',
    "/next",
  ],
  ["a link in a quoted parameter", '</p>; title="</x>; rel=next"; rel="prev"', undefined],
  ["a quote in a quoted parameter", '</p>; title="\\"; rel=next"; rel="prev"', undefined],
  ["next inside another parameter", '</p>; title="rel=next"; rel="first"', undefined],
  ["parameters without a value", "</next>; crossorigin; rel=next; x", "/next"],
  ["a quote that is not closed", '</next>; rel="next', "/next"],
  ["commas and semicolons around", ', ;</next>; rel="next";,', "/next"],
  ["a bracket that is not closed", '</next; rel="next"', false],
  ["an empty header", " ", undefined],
];

for (const [name, header, expected] of CASES) {
  Deno.test(`nextLink: ${name}`, () => assertEquals(nextLink(header), expected));
}

Deno.test("nextLink: each character is looked at once", () => {
  const shapes = ["<", ">", ";", ",", " ", '"', "'", "\\", "=", "</a>", "a", ";rel=", '</a>;x="'];
  for (const shape of shapes) {
    for (const [start, end] of [["", "!"], ["</a>;", '"'], ['</a>; rel="', ""]] as const) {
      const header = start + shape.repeat(1_000_000 / shape.length) + end;
      const before = performance.now();
      nextLink(header);
      const took = performance.now() - before;
      assert(took < 20_000, `${shape}: ${took} ms`); // a square of it takes hours
    }
  }
});
