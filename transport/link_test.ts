import { assertEquals } from "@std/assert";
import { nextLink } from "./link.ts";

const CASES: [name: string, header: string | null, expected: string | undefined][] = [
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
  ["no relation", "</next>", undefined],
  ["several links", '</prev>; rel="prev", </next>; rel="next"', "/next"],
  ["several links, the next one first", "</next>; rel=next, </prev>; rel=prev", "/next"],
  ["a comma in the target", '</next?last=a,b>; rel="next"', "/next?last=a,b"],
  ["an empty target", '<>; rel="next"', ""],
  ["spaces in the brackets", '< /next >; rel="next"', "/next"],
  ["no brackets", '/next; rel="next"', undefined],
];

for (const [name, header, expected] of CASES) {
  Deno.test(`nextLink: ${name}`, () => assertEquals(nextLink(header), expected));
}
