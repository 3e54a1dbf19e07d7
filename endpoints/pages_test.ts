import { assertEquals, assertRejects } from "@std/assert";
import {
  HostRefusedError,
  InvalidContentError,
  InvalidOptionError,
  LimitError,
  NotFoundError,
  RegistryResponseError,
  TimeoutError,
} from "../errors.ts";
import {
  brokenBody,
  type FakeOptions,
  fakeRegistry,
  type Handler,
  json,
  ORIGIN,
  steps,
} from "./fake_registry_test.ts";
import { type ListOptions, pages } from "./pages.ts";

const FIRST = `${ORIGIN}/v2/app/tags/list`;

/** Reads all pages of a list and answers what they hold. */
function gather(handler: Handler, options: ListOptions = {}, fake: FakeOptions = {}) {
  const registry = fakeRegistry(handler, fake);
  const found: unknown[] = [];
  const request = {
    method: "GET",
    url: new URL(`${fake.origin ?? ORIGIN}/v2/app/tags/list`),
    headers: new Headers({ accept: "a/b" }),
    intent: { repository: "app", actions: ["pull"] as const },
    purpose: "registry" as const,
    what: "list it",
  };
  const run = async () => {
    for await (const { json } of pages(registry.channel, request, options)) found.push(json.at);
  };
  return { registry, found, run };
}

/** A page, with a link to the next one. */
function page(at: number, link?: string): Response {
  return json({ at }, link === undefined ? {} : { link });
}

const LINKS: [name: string, link: string, second: string][] = [
  ["an absolute path", '</v2/app/tags/list?last=a>; rel="next"', "/v2/app/tags/list?last=a"],
  ["a query alone", '<?last=a&n=2>; rel="next"', "/v2/app/tags/list?last=a&n=2"],
  ["a relative path", '<list?last=a>; rel="next"', "/v2/app/tags/list?last=a"],
  ["a whole URL", `<${FIRST}?last=a>; rel="next"`, "/v2/app/tags/list?last=a"],
  ["the default port", '<https://registry.test:443/v2/x>; rel="next"', "/v2/x"],
  ["an unquoted rel=next", "</v2/app/tags/list?last=a>; rel=next", "/v2/app/tags/list?last=a"],
  ["http, behind a proxy that ends TLS", '<http://registry.test/v2/x>; rel="next"', "/v2/x"],
];

for (const [name, link, second] of LINKS) {
  Deno.test(`pages: follows a Link with ${name}`, async () => {
    const { registry, found, run } = gather(steps(page(1, link), page(2)));
    await run();
    assertEquals(registry.lines(), ["GET /v2/app/tags/list", `GET ${second}`]);
    assertEquals(registry.seen[1]!.url.protocol, "https:");
    assertEquals(registry.seen[1]!.headers.get("accept"), "a/b");
    assertEquals(registry.seen[1]!.request.intent, { repository: "app", actions: ["pull"] });
    assertEquals(found, [1, 2]);
    registry.assertClosed();
  });
}

const REFUSED: [name: string, link: string, host: string][] = [
  ["another host", '<https://evil.test/v2/x>; rel="next"', "evil.test"],
  ["another port", '<https://registry.test:8443/v2/x>; rel="next"', "registry.test:8443"],
  ["another host without a scheme", '<//evil.test/x>; rel="next"', "evil.test"],
  ["http on another host", '<http://evil.test/x>; rel="next"', "evil.test"],
];

for (const [name, link, host] of REFUSED) {
  Deno.test(`pages: a Link to ${name} is HOST_REFUSED`, async () => {
    const { registry, found, run } = gather(steps(page(1, link)));
    const error = await assertRejects(run, HostRefusedError, "Cannot list it");
    assertEquals([error.code, error.host], ["HOST_REFUSED", host]);
    assertEquals([registry.lines().length, found], [1, [1]]);
    registry.assertClosed();
  });
}

Deno.test("pages: a Link from http to https is another origin too", async () => {
  const link = '<https://registry.test/v2/x>; rel="next"';
  const { run } = gather(steps(page(1, link)), {}, { origin: "http://registry.test" });
  await assertRejects(run, HostRefusedError);
});

const LOOPS: [name: string, links: string[]][] = [
  ["the same page", [`<${FIRST}>; rel="next"`]],
  ["an earlier page", ['<?last=a>; rel="next"', '<?last=b>; rel="next"', '<?last=a>; rel="next"']],
];

for (const [name, links] of LOOPS) {
  Deno.test(`pages: a Link back to ${name} ends it`, async () => {
    const { registry, found, run } = gather(
      steps(...links.map((link, at) => page(at, link))),
    );
    const error = await assertRejects(run, InvalidContentError, "leads back to");
    assertEquals(error.code, "INVALID_CONTENT");
    assertEquals([registry.seen.length, found.length], [links.length, links.length]);
  });
}

Deno.test("pages: a server that never stops linking ends in LIMIT_EXCEEDED", async () => {
  let at = 0;
  const { registry, found, run } = gather(
    () => page(at, `<?last=${++at}>; rel="next"`),
    {},
    { limits: { maxPages: 5 } },
  );
  const error = await assertRejects(
    run,
    LimitError,
    "Cannot list it: more than maxPages, 5, pages",
  );
  assertEquals([error.code, error.limit, error.maximum], ["LIMIT_EXCEEDED", "maxPages", 5]);
  assertEquals([registry.seen.length, found], [5, [0, 1, 2, 3, 4]]);
});

Deno.test("pages: maxPages of the call is the limit before that of the client", async () => {
  const link = '<?last=a>; rel="next"';
  const { registry, run } = gather(steps(page(1, link)), { maxPages: 1 });
  await assertRejects(run, LimitError, "more than maxPages, 1, pages");
  assertEquals(registry.seen.length, 1);
  const two = gather(steps(page(1, link), page(2)), { maxPages: 2 });
  await two.run();
  assertEquals(two.found, [1, 2]);
});

Deno.test("pages: pageSize asks for n, on the first page alone", async () => {
  const { registry, run } = gather(steps(page(1, '<?last=a>; rel="next"'), page(2)), {
    pageSize: 2,
  });
  await run();
  assertEquals(registry.lines(), [
    "GET /v2/app/tags/list?n=2",
    "GET /v2/app/tags/list?last=a",
  ]);
});

const COUNTS: [name: "pageSize" | "maxPages", value: number][] = [
  ["pageSize", 0],
  ["pageSize", 1.5],
  ["maxPages", -1],
  ["maxPages", NaN],
];

for (const [name, value] of COUNTS) {
  Deno.test(`pages: ${name} ${value} is INVALID_OPTION, and nothing is asked`, async () => {
    const { registry, run } = gather(steps(), { [name]: value });
    await assertRejects(
      run,
      InvalidOptionError,
      `Cannot list as '${name}' must be a positive integer: current value is ${value}`,
    );
    assertEquals(registry.seen.length, 0);
  });
}

const BODIES: [name: string, body: BodyInit, message: string][] = [
  ["not JSON", "<html>", "the answer is not JSON"],
  ["nothing", "", "the answer is not JSON"],
  ["half of it", '{"at":', "the answer is not JSON"],
  ["broken UTF-8", new Uint8Array([0x7b, 0xff, 0x7d]), "the answer is not JSON"],
  ["a list", "[]", "the answer is not a JSON object"],
  ["null", "null", "the answer is not a JSON object"],
];

for (const [name, body, message] of BODIES) {
  Deno.test(`pages: a page that is ${name} is INVALID_CONTENT`, async () => {
    const { registry, run } = gather(steps(new Response(body)));
    const error = await assertRejects(run, InvalidContentError, `Cannot list it: ${message}`);
    assertEquals(error.code, "INVALID_CONTENT");
    registry.assertClosed();
  });
}

Deno.test("pages: a page larger than pageBytes is LIMIT_EXCEEDED", async () => {
  const { registry, run } = gather(steps(new Response(" ".repeat(11))), {}, {
    limits: { pageBytes: 10 },
  });
  const error = await assertRejects(run, LimitError);
  assertEquals([error.limit, error.maximum], ["pageBytes", 10]);
  registry.assertClosed();
});

Deno.test("pages: a page that stands still is TIMEOUT", async () => {
  const body = brokenBody(new Uint8Array([0x7b]), "stall");
  const { registry, run } = gather(steps(new Response(body)), {}, {
    limits: { stallTimeout: 5 },
  });
  await assertRejects(run, TimeoutError);
  registry.assertClosed();
});

Deno.test("pages: a consumer that stops asks for no more", async () => {
  const { registry } = gather(steps());
  const { channel, lines, assertClosed } = fakeRegistry(
    steps(page(1, '<?last=a>; rel="next"'), page(2)),
  );
  const request = {
    method: "GET",
    url: new URL(FIRST),
    headers: new Headers(),
    purpose: "registry" as const,
    what: "list it",
  };
  for await (const { json } of pages(channel, request, {})) {
    assertEquals(json.at, 1);
    break;
  }
  assertEquals([lines().length, registry.seen.length], [1, 0]);
  assertClosed();
});

Deno.test("pages: an error on a later page is that page's error", async () => {
  const { found, run } = gather(
    steps(page(1, '<?last=a>; rel="next"'), new Response("no", { status: 400 })),
  );
  const error = await assertRejects(run, RegistryResponseError, "Cannot list it: 400 no");
  assertEquals([error.url, found], [`${FIRST}?last=a`, [1]]);
});

const missing = () => new Response(null, { status: 404 });

Deno.test("pages: the error of a page at another path says where the link led", async () => {
  const { run } = gather(steps(page(1, "next"), missing()));
  await assertRejects(run, NotFoundError, "Cannot list it from https://registry.test/v2/app/");
});

const ELSEWHERE: [name: string, link: string, lines: string[]][] = [
  ["with n and last", "</v2/tags/list?last=b&n=2>; rel=next", [
    "GET /v2/tags/list?last=b&n=2",
    "GET /v2/app/tags/list?last=b&n=2",
  ]],
  ["with last alone, on the same origin", '<https://registry.test/x?last=b%2Fc>; rel="next"', [
    "GET /x?last=b%2Fc",
    "GET /v2/app/tags/list?last=b%2Fc",
  ]],
];
for (const [name, link, lines] of ELSEWHERE) {
  Deno.test(`pages: a linked page that is not there is looked for at the list's own path, ${name}`, async () => {
    const { registry, found, run } = gather(steps(page(1, link), missing(), page(2)));
    await run();
    assertEquals([registry.lines().slice(1), found], [lines, [1, 2]]);
    registry.assertClosed();
  });
}

const NOWHERE: [name: string, link: string, requests: number][] = [
  ["is not at the list's own path either", "</v2/tags/list?last=b>; rel=next", 3],
  ["says no last", "</v2/tags/list?page=2>; rel=next", 2],
  ["is at the list's own path", "<?last=b>; rel=next", 2],
];
for (const [name, link, requests] of NOWHERE) {
  Deno.test(`pages: a linked page that is not there, and ${name}, is NOT_FOUND`, async () => {
    const { registry, found, run } = gather(steps(page(1, link), missing(), missing()));
    await assertRejects(run, NotFoundError);
    assertEquals([registry.seen.length, found], [requests, [1]]);
  });
}

Deno.test("pages: a Link that cannot be read is an error that shows it, without what may be signed", async () => {
  const { found, run } = gather(steps(page(1, '</v2/x?last=a&key=secret; rel="next"')));
  const error = await assertRejects(run, InvalidContentError, '"</v2/x?***"');
  assertEquals([error.code, found], ["INVALID_CONTENT", [1]]);
});
