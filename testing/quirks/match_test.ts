import { assertEquals, assertThrows } from "@std/assert";
import { InvalidOptionError } from "../../errors.ts";
import { ownRequest } from "../../server/middleware.ts";
import { matcher, type RequestMatch } from "./match.ts";
import { markOtherOrigin } from "./other_origin.ts";

/** The requests of a push and a pull, in order. */
const REQUESTS = [
  "GET /v2/",
  "POST /v2/app/blobs/uploads/",
  "PUT /v2/app/blobs/uploads/1?digest=sha256:1",
  "PUT /v2/app/manifests/v1",
  "GET /v2/app/manifests/v1",
  "GET /v2/other/manifests/v1",
  "GET /token?scope=x",
];

function contextOf(request: string, byOtherOrigin = false) {
  const [method, path] = request.split(" ") as [string, string];
  const url = new URL(path, "http://registry.test");
  const context = ownRequest(new Request(url, { method }));
  if (byOtherOrigin) markOtherOrigin(context);
  return context;
}

const CASES: [name: string, match: RequestMatch | undefined, matched: number[]][] = [
  ["nothing given: all", undefined, [0, 1, 2, 3, 4, 5, 6]],
  ["an endpoint", { endpoint: "manifest" }, [3, 4, 5]],
  ["several endpoints", { endpoint: ["ping", "upload"] }, [0, 2]],
  ["outside the specification", { endpoint: "other" }, [6]],
  ["a method, in either case", { method: "put" }, [2, 3]],
  ["several methods", { method: ["POST", "PUT"] }, [1, 2, 3]],
  ["a path, whole", { path: "/v2/" }, [0]],
  ["a path with anything in it", { path: "/v2/*/manifests/*" }, [3, 4, 5]],
  ["a path's query", { path: "*digest=*" }, [2]],
  ["an expression", { path: /manifests\/v\d$/ }, [3, 4, 5]],
  ["what means something in an expression means itself", { path: "/v2/a.p/manifests/v1" }, []],
  ["a repository", { repository: "other" }, [5]],
  ["all of it", { endpoint: "manifest", method: "GET", repository: "app" }, [4]],
  ["the n-th that matches", { endpoint: "manifest", nth: 2 }, [4]],
  ["several of those that match", { endpoint: "manifest", nth: [1, 3] }, [3, 5]],
  ["from one on", { nth: { from: 6 } }, [5, 6]],
  ["up to one", { nth: { to: 2 } }, [0, 1]],
  ["a span", { method: "GET", nth: { from: 2, to: 3 } }, [4, 5]],
  ["another origin", { otherOrigin: true }, []],
];

for (const [name, match, matched] of CASES) {
  Deno.test(`on: ${name}`, () => {
    const matches = matcher(match);
    const got = REQUESTS.flatMap((request, at) => matches(contextOf(request)) ? [at] : []);
    assertEquals(got, matched);
  });
}

Deno.test("on: otherOrigin is what came by another origin", () => {
  const matches = matcher({ otherOrigin: true });
  const requests = [contextOf("GET /v2/", true), contextOf("GET /v2/")];
  assertEquals(requests.map(matches), [true, false]);
});

for (const nth of [0, 1.5, [1, 0], { from: 0 }, { to: NaN }]) {
  Deno.test(`on: nth ${JSON.stringify(nth)} is an InvalidOptionError`, () => {
    assertThrows(() => matcher({ nth }), InvalidOptionError, "'nth' must count from 1");
  });
}
